"""Use the labelled deaths of a test site: score their fractions beside the model's, and learn the model's errors."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.cell.cause_level import CauseLevel, truth_at_level
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.metrics.few_labels import gbql, labelled_fractions
from va_experiments.metrics.misclassification import group_level
from va_experiments.metrics.quantification import OutOfFoldPredictions
from va_experiments.models.base import Model, Prediction
from va_experiments.protocols import Split
from va_experiments.seeds import generator

__all__ = ["GBQL", "by_labelled", "label_scores", "labelled_deaths", "predict_labelled"]

GBQL = "gbql"
"""Generalised Bayes quantification learning, as a value of ``csmf``."""

_SWEEPS = 1000
_MOST_DRAWS = 1000


def labelled_deaths(split: Split, data: Deaths) -> Deaths | None:
    """Return the labelled deaths of a split with their causes, or None for a split without them."""
    return data.take(split.labelled(data)) if split.target_labels else None


def predict_labelled(model: Model, labelled: Deaths | None, *, seed: int) -> OutOfFoldPredictions:
    """Return the predictions of a model for labelled deaths that it was not trained on."""
    assert labelled is not None
    assert labelled.cause is not None
    probability = model.predict(labelled.without_causes(), seed=seed).probability
    return OutOfFoldPredictions(probability, labelled.cause, labelled.site)


def label_scores(
    truth: npt.NDArray[np.integer], labelled: Deaths, prediction: Prediction, level: CauseLevel | None
) -> dict[str, float]:
    """Return the CSMF accuracy of the labelled deaths' fractions, and of half of these and half of the model's.

    Parameters
    ----------
    truth : int array, shape (n,)
        Of the tested deaths, at the causes of the prediction.
    labelled : Deaths
    prediction : Prediction
    level : CauseLevel, optional
        The causes of the prediction, where they are not those of the data.
    """
    assert labelled.cause is not None
    known = labelled.cause if level is None else truth_at_level(labelled.cause, level)
    n_causes = prediction.probability.shape[1]
    labelled_csmf = labelled_fractions(known, n_causes)
    true = cause_fractions(truth, n_causes)
    half = (labelled_csmf + prediction.csmf) / 2
    return {
        "csmf_accuracy_labelled": float(csmf_accuracy(true, labelled_csmf)),
        "csmf_accuracy_half_labelled": float(csmf_accuracy(true, half)),
    }


def by_labelled(
    prediction: Prediction, labelled: OutOfFoldPredictions, data: Deaths, *, level: str, seed: int
) -> tuple[Prediction, dict[str, Any]]:
    """Return the prediction with fractions by `va_experiments.metrics.few_labels.gbql`, and what there is to say.

    Parameters
    ----------
    prediction : Prediction
    labelled : OutOfFoldPredictions
        Labelled deaths of the same site, which the model has not seen.
    data : Deaths
        Whose groups of causes are used.
    level : {"group", "cause"}
        Learn the errors between groups of causes, each group divided among its causes by their mean probability; or
        between single causes. Draws are kept for single causes only.
    seed : int
    """
    rng = generator(seed, GBQL)
    test, known, truth = prediction.probability, labelled.probability, np.asarray(labelled.truth)
    if level == "cause":
        posterior = gbql(test, known, truth, sweeps=_SWEEPS, rng=rng)
        step = -(-len(posterior.draws) // _MOST_DRAWS)
        result = dataclasses.replace(prediction, csmf=posterior.mean, csmf_draws=posterior.draws[::step])
        return result, {"csmf_estimator": GBQL}
    names = tuple(dict.fromkeys(data.groups))
    if len(names) < 2:
        raise InputError(
            f"csmf={GBQL}: the causes of data '{data.name}' have no groups; declare them (data.groups), or choose "
            "calibration.level=cause"
        )
    place = np.array([names.index(group) for group in data.groups])
    posterior = gbql(
        group_level(test, place, len(names)),
        group_level(known, place, len(names)),
        place[truth],
        sweeps=_SWEEPS,
        rng=rng,
    )
    mean = test.mean(axis=0)
    whole = np.bincount(place, weights=mean, minlength=len(names))
    size = np.bincount(place, minlength=len(names))
    inside = np.where(whole[place] > 0, mean / np.maximum(whole[place], 1e-300), 1 / size[place])
    return dataclasses.replace(prediction, csmf=posterior.mean[place] * inside), {"csmf_estimator": GBQL}
