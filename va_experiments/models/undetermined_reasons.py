"""Return the reason why a model names no cause for a death, in a few words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model
from va_experiments.models.eava.answers import NOT_ASSESSED_BY_EAVA
from va_experiments.models.interva.whole_probability import REJECTIONS

__all__ = ["NOT_ASSESSED", "undetermined_reasons"]

NOT_ASSESSED = (*REJECTIONS[1:], *NOT_ASSESSED_BY_EAVA)
"""Reasons for which a death does not count in the fractions of a model."""

NOTHING_POSSIBLE = "no cause is possible with these answers"
NOT_ENOUGH = "no cause is probable enough"
NO_RULE = "no rule of EAVA holds"


def undetermined_reasons(model: Model | None, deaths: Deaths, probability: npt.NDArray[np.float64]) -> list[str]:
    """Return the reason for each of these undetermined deaths.

    Parameters
    ----------
    model : Model or None
        The model; None where it cannot be built here.
    deaths : Deaths
        Those for which it named no cause.
    probability : float64 array, shape (n_deaths, n_causes)
        What it said of them.
    """
    general_reasons = np.where(probability.any(axis=1), NOT_ENOUGH, NOTHING_POSSIBLE).tolist()
    if model is None:
        return general_reasons
    return [reason or general for reason, general in zip(_own(model, deaths), general_reasons, strict=True)]


def _own(model: Model, deaths: Deaths) -> list[str]:
    """Return the reason by the model's own rules for each death; empty where they give none."""
    from va_experiments.models.eava.eava import EAVA
    from va_experiments.models.insilico.standard import InSilicoVAStandard
    from va_experiments.models.interva.interva5 import InterVA5
    from va_experiments.models.predictions import Predictions

    if isinstance(model, EAVA):
        group, cause = model.causes(deaths)
        return [NO_RULE if g else str(c) for g, c in zip(group.tolist(), cause.tolist(), strict=True)]
    if isinstance(model, Predictions):
        return ["the file names no cause"] * len(deaths)
    if isinstance(model, InSilicoVAStandard):  # it leaves out the same deaths as InterVA-5
        model = InterVA5(probbase=model.probbase, check_data=model.check_data)
    if isinstance(model, InterVA5):
        return [REJECTIONS[code] for code in model.whole_probability(deaths).rejected.tolist()]
    return [""] * len(deaths)
