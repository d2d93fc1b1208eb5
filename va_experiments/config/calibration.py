"""Declare the options of ``csmf=vacalibration``: ``calibration.OPTION=VALUE``."""

from __future__ import annotations

from typing import Literal

from va_experiments.config.fields import Flag, Group, NotNegative, Text

__all__ = ["CalibrationOptions"]


class CalibrationOptions(Group):
    """Where the misclassification matrix comes from, and how fractions are calibrated; for ``csmf=vacalibration``."""

    matrix: Text = "out_of_fold"
    """out_of_fold: from training sites, each predicted without it; champs: the published matrices; or a CSV file."""
    level: Literal["cause", "group"] = "group"
    """Calibrate the groups of causes (ncd, infectious, ...), or each cause."""
    age_group: Literal["neonate", "child"] | None = None
    """Of the published matrices: neonate (under 28 days) or child (1 to 59 months)."""
    country: Text = "other"
    """Of the published matrices: Bangladesh, Ethiopia, Kenya, Mali, Mozambique, Sierra Leone, South Africa or other."""
    threshold: NotNegative = 0.1
    """A cause is not calibrated where its column of the matrix varies by no more than this between true causes."""
    path_correction: Flag = True
    """true: mix the matrix with the identity as little as is needed; false: shrink to the uncalibrated fractions."""
    shrinkage: NotNegative = 4.0
    """Weight of the uncalibrated fractions without path correction."""
