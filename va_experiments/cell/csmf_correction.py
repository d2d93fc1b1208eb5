"""Estimate a cell's CSMF by another method than the model's own, learned on the training deaths only (``csmf=``)."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.cell.calibration import VACALIBRATION, calibrated
from va_experiments.cell.cell import Fit, Setting
from va_experiments.cell.conformal import (
    NEEDS_NO_TRAINING,
    NEEDS_PREDICTIONS,
    NEEDS_TRAINING_FRACTIONS,
    design_of,
    training_sets,
)
from va_experiments.cell.target_labels import GBQL, by_labelled
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, did_you_mean
from va_experiments.metrics.quantification import ESTIMATORS, OutOfFoldPredictions, estimate_csmf
from va_experiments.models.base import Model, Prediction
from va_experiments.seeds import generator, integer_seed

__all__ = ["MODEL", "NEEDS_NO_TRAINING", "check_estimator", "out_of_fold", "with_fractions"]

MODEL = "model"
"""The model's own CSMF."""


def check_estimator(name: str) -> None:
    """Raise `InputError` for an unknown estimator, with the nearest known one."""
    known = (MODEL, *ESTIMATORS, VACALIBRATION, GBQL)
    if name not in known:
        raise InputError(f"csmf is '{name}'; known: {', '.join(known)}{did_you_mean(name, known)}")


def out_of_fold(fit: Fit, train: Deaths, folds: int = 5) -> OutOfFoldPredictions | None:
    """Return predictions for the training deaths by models that did not see them, or None where none are needed.

    Where the causes of the training deaths are enough, their predictions are left at zero (undetermined).

    Folds are the training sites, because the error to be corrected is that at a site not trained on; a single site is
    divided at random.
    """
    if not any(_learns(cell.setting) for cell in fit.cells):
        if not any(cell.setting.csmf in NEEDS_TRAINING_FRACTIONS for cell in fit.cells):
            return None
        assert train.cause is not None
        return OutOfFoldPredictions(np.zeros((len(train), len(train.causes))), train.cause, train.site)
    assert train.cause is not None
    fold = train.site.astype(np.int64)
    csmf: dict[int, npt.NDArray[np.float64]] = {}
    of_sets: dict[tuple[str, int], npt.NDArray[np.float64]] = {}
    of_sites = len(np.unique(fold)) >= 2
    if len(np.unique(fold)) < 2:
        fold = generator(integer_seed(fit.seed_key, "folds")).permutation(len(train)) % folds
    probability = np.zeros((len(train), len(train.causes)))
    for number in np.unique(fold):
        held = fold == number
        model = fit.model.estimator()
        model.fit(train.take(~held), seed=integer_seed([fit.seed_key, int(number)], "fold"))
        seed = integer_seed([fit.seed_key, int(number)], "fold predict")
        prediction = model.predict(train.take(held).without_causes(), seed=seed)
        probability[held] = prediction.probability
        if of_sites:
            csmf[int(number)] = prediction.csmf
            for setting in _settings_with_sets(fit, model):
                sets = training_sets(setting, train, int(number))[0]
                if not sets:
                    continue
                predictions = model.predict_sets(train.take(held).without_causes(), sets, seed=seed)
                of_sets[design_of(setting), int(number)] = np.array([one.csmf for one in predictions])
    return OutOfFoldPredictions(probability, train.cause, train.site, csmf, of_sets)


def _settings_with_sets(fit: Fit, model: Model) -> list[Setting]:
    """Return a setting of each resampled design whose conformal intervals need the model's own CSMF of each set."""
    if model.prediction_is_costly or not model.depends_on_test_set:
        return []
    settings = [
        c.setting for c in fit.cells if c.setting.conformal and c.setting.csmf == MODEL and not c.setting.natural
    ]
    return list({design_of(setting): setting for setting in settings}.values())


def _learns(setting: Setting) -> bool:
    """Say whether the estimator of a setting, or its intervals, learn from training deaths."""
    if setting.conformal:
        return True
    if setting.csmf == GBQL:
        return False
    if setting.calibration is not None:
        return bool(setting.calibration["matrix"] == "out_of_fold")
    return setting.csmf in NEEDS_PREDICTIONS


def with_fractions(
    prediction: Prediction,
    setting: Setting,
    training: OutOfFoldPredictions | None,
    data: Deaths,
    *,
    seed: int,
    resampled: bool = False,
    labelled: OutOfFoldPredictions | None = None,
) -> tuple[Prediction, dict[str, Any]]:
    """Return the prediction with its CSMF by the estimator of the setting, and what there is to say about it.

    Where the estimator abstains the CSMF stays the model's own, and ``csmf_abstained`` holds the reason.

    Parameters
    ----------
    prediction : Prediction
    setting : Setting
    training : OutOfFoldPredictions, optional
        Where the estimator learns.
    data : Deaths
        Whose causes and groups are used.
    seed : int
        Of an estimator that samples.
    resampled : bool
        One of many resampled test sets, of which only the mean fractions are used.
    labelled : OutOfFoldPredictions, optional
        The labelled deaths of the test site, which the model has not seen, for ``gbql``.
    """
    name = setting.csmf
    if name == MODEL:
        return prediction, {}
    if name == GBQL:
        assert setting.calibration is not None
        assert labelled is not None
        return by_labelled(prediction, labelled, data, level=str(setting.calibration["level"]), seed=seed)
    if setting.calibration is not None:
        return calibrated(prediction, setting.calibration, training, data, seed=seed, resampled=resampled)
    estimate = estimate_csmf(name, prediction.probability, training)
    if estimate.csmf is None:
        return prediction, {"csmf_estimator": name, "csmf_abstained": estimate.abstained}
    return dataclasses.replace(prediction, csmf=estimate.csmf), {"csmf_estimator": name, **dict(estimate.facts)}
