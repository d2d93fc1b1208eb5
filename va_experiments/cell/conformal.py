"""Learn the conformal intervals of a cell's CSMF from its training sites (``csmf_interval=conformal``)."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from va_experiments.cell.cause_level import CauseLevel
from va_experiments.cell.cell import Setting
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.metrics.conformal import LEAST_SITES, ConformalIntervals, fit_conformal
from va_experiments.metrics.csmf import cause_fractions
from va_experiments.metrics.quantification import ESTIMATORS, OutOfFoldPredictions, estimate_csmf
from va_experiments.metrics.testsets import draw_test_sets
from va_experiments.seeds import canonical_json, integer_seed

__all__ = [
    "NEEDS_NO_TRAINING",
    "NEEDS_PREDICTIONS",
    "NEEDS_TRAINING_FRACTIONS",
    "SETS_OF_A_SITE",
    "conformal_intervals",
    "design_of",
    "training_sets",
]

NEEDS_NO_TRAINING = ("classify_and_count", "mean_probability")
"""Estimators that learn nothing from the training deaths."""

SETS_OF_A_SITE = 20
"""Test sets that are resampled from each training site where those of the cell are."""

NEEDS_TRAINING_FRACTIONS = ("confirmed_counts",)
"""Estimators that take no more of the training deaths than their cause fractions."""

NEEDS_PREDICTIONS = tuple(n for n in ESTIMATORS if n not in (*NEEDS_NO_TRAINING, *NEEDS_TRAINING_FRACTIONS))
"""Estimators that learn from predictions of the training deaths, too slow for each of many test sets."""


def conformal_intervals(
    setting: Setting, training: OutOfFoldPredictions | None, train: Deaths, level: CauseLevel | None
) -> tuple[ConformalIntervals | None, str]:
    """Return the intervals, or None and why there are none (both empty where none were asked for).

    Each training site's fractions are estimated as those of the test site, from predictions without that site; an
    estimator that learns (``csmf=em``) learns on the other training sites. Where the test sets are resampled, the
    training sites are too, by the same design: errors at sites as they are do not teach those at mixes further away.
    """
    if not setting.conformal:
        return None, ""
    if training is None or train.cause is None:
        return None, "the model is not trained, so that no training site tells its errors"
    if level is not None:
        return None, "intervals are learned at the causes of the data, not at a level of score_at"
    if len(training.csmf) < LEAST_SITES:
        return None, f"{max(1, len(training.csmf))} training sites; expected {LEAST_SITES} or more"
    if (resampled := _resampled(setting, training, train)) is not None:
        return fit_conformal(*resampled), ""
    n_causes, site = len(train.causes), np.asarray(train.site)
    estimated, true = [], []
    for number, true_csmf in sorted(training.csmf.items()):
        held = site == number
        csmf = true_csmf
        if setting.csmf != "model" and setting.calibration is None:
            learned = estimate_csmf(setting.csmf, training.probability[held], _without(training, held, setting.csmf))
            csmf = true_csmf if learned.csmf is None else learned.csmf
        estimated.append(csmf)
        true.append(cause_fractions(train.cause[held], n_causes))
    return fit_conformal(np.array(estimated), np.array(true)), ""


def training_sets(
    setting: Setting, train: Deaths, site: int
) -> tuple[list[npt.NDArray[np.intp]], npt.NDArray[np.float64]]:
    """Draw test sets of the setting's design from a training site.

    They depend on the design and the deaths, never on the model.

    Returns
    -------
    rows : list of int arrays
        Of each set, among the site's deaths; none where the site has no death of any cause of the design's mix.
    true : float array, shape (n_sets, n_causes)
    """
    assert train.cause is not None
    held = np.asarray(train.site) == site
    seed = integer_seed([dict(setting.testset), site], "sets of training sites")
    design = {**setting.testset, "n_resamples": SETS_OF_A_SITE}
    try:
        sets = draw_test_sets(design, train.cause[held], train.causes, seed=seed, train_cause=train.cause[~held])
    except InputError:  # the site has no death of any cause of the design's mix
        return [], np.zeros((0, len(train.causes)))
    rows = [sets.rows(k) for k in range(SETS_OF_A_SITE)]
    return rows, np.array([cause_fractions(train.cause[held][members], len(train.causes)) for members in rows])


def design_of(setting: Setting) -> str:
    """Return the design of the test sets as JSON, by which fractions of sets are looked up."""
    return canonical_json(dict(setting.testset))


def _resampled(
    setting: Setting, training: OutOfFoldPredictions, train: Deaths
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Return estimated and true fractions of sets that are resampled from each training site as the test sets are.

    None where test sets are not resampled, and where the fractions of a set would take a prediction of its own that is
    costly, or an estimator that learns, or a site cannot be resampled so: errors at sites as they are stand in.
    """
    if setting.natural or setting.calibration is not None or setting.csmf in NEEDS_PREDICTIONS:
        return None
    estimated, true = [], []
    for site, site_csmf in sorted(training.csmf.items()):
        held = np.asarray(train.site) == site
        p, others = training.probability[held], _without(training, held, setting.csmf)
        rows, fractions = training_sets(setting, train, site)
        if not rows:
            return None
        csmf = training.csmf_of_sets.get((design_of(setting), site))
        if setting.csmf != "model":
            csmf = np.array([_estimated(setting.csmf, p[own_rows], others) for own_rows in rows])
        elif csmf is None:
            name = next((n for n in NEEDS_NO_TRAINING if np.abs(_estimated(n, p) - site_csmf).max() < 1e-9), "")
            if not name:  # the CSMF of a set does not follow from the probabilities
                return None
            csmf = np.array([_estimated(name, p[own_rows]) for own_rows in rows])
        estimated.append(csmf)
        true.append(fractions)
    return np.array(estimated), np.array(true)


def _without(
    training: OutOfFoldPredictions, held: npt.NDArray[np.bool_], estimator: str
) -> OutOfFoldPredictions | None:
    """Return the predictions without a site's; None for an estimator that needs none."""
    if estimator not in (*NEEDS_PREDICTIONS, *NEEDS_TRAINING_FRACTIONS):
        return None
    truth = np.asarray(training.truth)[~held]
    return dataclasses.replace(training, probability=training.probability[~held], truth=truth, csmf={})


def _estimated(
    name: str, probability: npt.NDArray[np.float64], others: OutOfFoldPredictions | None = None
) -> npt.NDArray[np.float64]:
    """Return the fractions of a set by an estimator; zeros where every death is undetermined."""
    csmf = estimate_csmf(name, probability, others).csmf
    return np.zeros(probability.shape[1]) if csmf is None else csmf
