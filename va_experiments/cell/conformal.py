"""Learn the conformal intervals of a cell's CSMF from its training sites (``csmf_interval=conformal``)."""

from __future__ import annotations

import dataclasses

import numpy as np

from va_experiments.cell.cause_level import CauseLevel
from va_experiments.cell.cell import Setting
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.conformal import LEAST_SITES, ConformalIntervals, fit_conformal
from va_experiments.metrics.csmf import cause_fractions
from va_experiments.metrics.quantification import OutOfFoldPredictions, estimate_csmf

__all__ = ["conformal_intervals"]

_LEARNING = ("adjusted_count", "em", "bbse")


def conformal_intervals(
    setting: Setting, training: OutOfFoldPredictions | None, train: Deaths, level: CauseLevel | None
) -> tuple[ConformalIntervals | None, str]:
    """Return the intervals, or None and why there are none (both empty where none were asked for).

    Each training site's fractions are estimated as those of the test site, from predictions without that site; an
    estimator that learns (``csmf=em``) learns on the other training sites.
    """
    if not setting.conformal:
        return None, ""
    if training is None or train.cause is None:
        return None, "the model is not trained, so that no training site tells its errors"
    if level is not None:
        return None, "intervals are learned at the causes of the data, not at a level of score_at"
    if len(training.csmf) < LEAST_SITES:
        return None, f"{max(1, len(training.csmf))} training sites; expected {LEAST_SITES} or more"
    n_causes, site = len(train.causes), np.asarray(train.site)
    estimated, true = [], []
    for number, own in sorted(training.csmf.items()):
        held = site == number
        found = own
        if setting.csmf != "model" and setting.calibration is None:
            others = dataclasses.replace(
                training, probability=training.probability[~held], truth=np.asarray(training.truth)[~held], csmf={}
            )
            learned = estimate_csmf(
                setting.csmf, training.probability[held], others if setting.csmf in _LEARNING else None
            )
            found = own if learned.csmf is None else learned.csmf
        estimated.append(found)
        true.append(cause_fractions(train.cause[held], n_causes))
    return fit_conformal(np.array(estimated), np.array(true)), ""
