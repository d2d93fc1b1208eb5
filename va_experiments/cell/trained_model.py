"""Train a model to be saved, on all deaths that it may learn from, and describe it by its card.

In: a model, deaths at a feature level, a seed. Out: the fitted model, the deaths that it saw, and the questions that
it does not use. `va_experiments.models.saved_model` writes it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from va_experiments.cell.cell import Cell
from va_experiments.cell.model_spec import ModelSpec
from va_experiments.cell.run import one_thread
from va_experiments.cell.serialization import plain, versions
from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model
from va_experiments.seeds import integer_seed

__all__ = ["TrainedModel", "model_card", "train_model"]


@dataclass(frozen=True)
class TrainedModel:
    """A fitted model, to be saved.

    Parameters
    ----------
    model : Model
    deaths : Deaths
        That it was trained on, with the questions that it uses.
    left_out : tuple of str
        Questions that it does not use: their cut-offs would have to be learned again where it is applied.
    seed : int
        Of the fit.
    """

    model: Model
    deaths: Deaths
    left_out: tuple[str, ...]
    seed: int


def train_model(
    spec: ModelSpec, data: Deaths, rows: npt.ArrayLike, *, seed: int, same_as: Cell | None = None
) -> TrainedModel:
    """Fit a model on some deaths.

    Parameters
    ----------
    spec : ModelSpec
    data : Deaths
        At the feature level.
    rows : int array or bool mask
        Deaths to learn from.
    seed : int
        Of the job.
    same_as : Cell, optional
        A cell with the same training set: the fit gets the seed of the cell's, so that both are the same to the bit.
    """
    left_out = tuple(sorted({c.symptom for c in data.learned_cuts}))
    if left_out:
        data = data.select([s for s in data.symptom_names if s not in left_out])
    deaths = data.take(rows)
    key = [spec.seed_digest.hex(), deaths.fingerprint, seed]
    model_seed = integer_seed(key, "saved model") if same_as is None else integer_seed(same_as.fit_seed_key, "fit")
    with one_thread():
        model = spec.estimator().fit(deaths, seed=model_seed)
    return TrainedModel(model, deaths, left_out, model_seed)


def model_card(
    spec: ModelSpec, trained: TrainedModel, metrics: Mapping[str, Mapping[str, float]], licence: str = "not stated"
) -> dict[str, Any]:
    """Return the card of a saved model: what it is, what it was trained on, and how well it does at left-out sites.

    Parameters
    ----------
    spec : ModelSpec
    trained : TrainedModel
    metrics : mapping
        Left-out site -> metric -> value, of models that were trained at the other sites.
    licence : str
        Of the data.
    """
    deaths = trained.deaths
    counts = {site: int((deaths.site == k).sum()) for k, site in enumerate(deaths.sites)}
    return {
        "model": {"name": spec.name, "class": spec.target, "parameters": plain(spec.params), "code": spec.code},
        "data": {
            "name": deaths.name,
            "sha256": deaths.fingerprint,
            "deaths": len(deaths),
            "sites": {site: count for site, count in counts.items() if count},
            "simulated": deaths.simulated,
            "licence": licence,
        },
        "causes": list(deaths.causes),
        "questions": list(deaths.symptom_names),
        "questions_left_out": list(trained.left_out),
        "numbers": list(deaths.covariates),
        "metrics_at_left_out_sites": {site: dict(scores) for site, scores in metrics.items()},
        "seed": trained.seed,
        "versions": dict(versions()),
        "made": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }
