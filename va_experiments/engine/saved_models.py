"""Save the models of a run (``save_model=true``): one folder for each model and data set, under the run's folder.

A model is trained on every death that a cell of its jobs trains on. Where all cells share one training set, as with
``site=pemba``, it is the model of these cells to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from va_experiments.cell import Cell
from va_experiments.cell.trained_model import model_card, train_model
from va_experiments.config.schema import RunConfig
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models.saved_model import write_model
from va_experiments.plan import Plan
from va_experiments.results.column import is_missing
from va_experiments.results.schema import MAIN_METRICS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FOLDER", "SavedModel", "check_savable", "save_models"]

FOLDER: Final = "models"
_LEFT_OUT_SITE: Final = "leave_one_site_out"


@dataclass(frozen=True)
class SavedModel:
    """A folder that was written, its card, and the SHA-256 of its manifest."""

    folder: Path
    card: Mapping[str, Any]
    digest: str


@dataclass
class _Training:
    """The cells that one saved model stands for: the first, the rows that they train on, and their training sets."""

    cell: Cell
    rows: npt.NDArray[np.bool_]
    sets: dict[str, None] = field(default_factory=dict)


def save_models(planned: Plan, deaths: Mapping[str, Deaths], folder: Path, rows: pd.DataFrame) -> list[SavedModel]:
    """Train and write the models of a plan.

    Parameters
    ----------
    planned : Plan
    deaths : mapping of str to Deaths
        Data sets by fingerprint, at all feature levels.
    folder : Path
        Of the run.
    rows : DataFrame
        The run's rows: their metrics at left-out sites go into the cards.

    Returns
    -------
    list of SavedModel
        Models with fixed knowledge have none.
    """
    saved = []
    for training in _trainings(planned, deaths):
        cell = training.cell
        data = deaths[cell.setting.fingerprint].with_features(cell.setting.features)
        alone = cell if len(training.sets) == 1 and not data.learned_cuts else None
        trained = train_model(cell.model, data, training.rows, seed=cell.setting.seed, same_as=alone)
        card = model_card(cell.model, trained, _at_left_out_sites(rows, cell))
        target = _new_folder(folder / FOLDER, cell)
        saved.append(SavedModel(target, card, write_model(target, trained.model, card)))
    return saved


def _trainings(planned: Plan, deaths: Mapping[str, Deaths]) -> list[_Training]:
    trainings: dict[tuple[str, str, str, int], _Training] = {}
    for row in planned.requested.tolist():
        cell = planned.cell(row)
        if not cell.model.trains:
            continue
        setting = cell.setting
        data = deaths[setting.fingerprint]
        key = (cell.model.digest.hex(), setting.fingerprint, setting.features, setting.seed)
        training = trainings.setdefault(key, _Training(cell, np.zeros(len(data), dtype=bool)))
        if cell.fit_key not in training.sets:
            training.sets[cell.fit_key] = None
            training.rows[cell.split.indices(data)[0]] = True
    return list(trainings.values())


def _at_left_out_sites(rows: pd.DataFrame, cell: Cell) -> dict[str, dict[str, float]]:
    """Return the metrics of the run's cells that leave one site out, by site."""
    if not len(rows):
        return {}
    mine = rows[
        (rows["model_digest"] == cell.model.digest.hex()[:16])
        & (rows["data"] == cell.setting.data)
        & (rows["features"] == cell.setting.features)
        & (rows["protocol"] == _LEFT_OUT_SITE)
        & (rows["status"] == "done")
    ]
    metrics: dict[str, dict[str, float]] = {}
    for row in mine.to_dict("records"):
        scores = {n: float(row[n]) for n in MAIN_METRICS if not is_missing(row.get(n)) and n != "csmf_accuracy_model"}
        metrics.setdefault(str(row["test_site"]), {**scores, "deaths": float(row["n_test"])})
    return metrics


def _new_folder(place: Path, cell: Cell) -> Path:
    """Return a folder that is not there: the model's name, with the data's or a number where another model has it."""
    names = [cell.model.name, f"{cell.model.name}-{cell.setting.data}"]
    names += [f"{cell.model.name}-{k}" for k in range(2, 10_000)]
    return next(place / name for name in names if not (place / name).exists())


def check_savable(planned: Plan, config: RunConfig) -> None:
    """Refuse, before the first fit, models that have no safe form, and a run in which nothing is trained."""
    if config.register_model and not config.tracking.mlflow:
        raise InputError("register_model needs MLflow, and this run does not log to it: leave tracking=none out")
    outside = sorted({m.name for m in planned.job_models if not m.target.startswith("va_experiments.")})
    if outside:
        raise InputError(
            f"save_model=true: model '{outside[0]}' is of another package and has no form that is safe to open; leave "
            "it out, or run without save_model"
        )
    if not any(m.trains for m in planned.job_models):
        raise InputError(
            "save_model=true: no model of this command is trained; models with fixed knowledge are applied as they are"
        )
