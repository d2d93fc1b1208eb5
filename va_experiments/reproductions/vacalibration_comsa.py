"""Calibrate the causes that three algorithms named in COMSA-Mozambique by the published matrices.

``va-experiments reproduce vacalibration_comsa`` needs no file: the counts by broad cause (package
``vacalibration`` 2.2, MIT licence; comsamozambique.org) are below, and the matrices are those of
`va_experiments.metrics.champs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError
from va_experiments.metrics.champs import ALGORITHMS, BROAD_CAUSES, champs_shapes
from va_experiments.metrics.vacalibration import Calibration, calibrate

__all__ = ["COUNTS", "EXPECTED", "NOT_CALIBRATED", "calibrate_counts", "means_of_short_chains", "page"]

COUNTS: dict[tuple[str, str], tuple[int, ...]] = {
    ("neonate", "eava"): (44, 168, 267, 268, 29, 164),
    ("neonate", "insilicova"): (1, 148, 363, 327, 62, 289),
    ("neonate", "interva"): (42, 82, 267, 288, 16, 495),
    ("child", "eava"): (109, 615, 487, 87, 68, 103, 0, 840, 48),
    ("child", "insilicova"): (446, 386, 724, 115, 79, 95, 185, 628, 140),
    ("child", "interva"): (371, 245, 854, 80, 181, 84, 195, 755, 33),
}
"""Deaths by broad cause, in the order of `BROAD_CAUSES`."""

NOT_CALIBRATED: dict[tuple[str, str], tuple[str, ...]] = {
    ("neonate", "eava"): ("other",),
    ("neonate", "insilicova"): ("congenital_malformation", "other"),
    ("neonate", "interva"): ("other",),
    ("child", "eava"): ("other",),
    ("child", "insilicova"): ("other", "nn_causes"),
    ("child", "interva"): ("severe_malnutrition", "other", "nn_causes"),
}

EXPECTED: dict[tuple[str, str], tuple[float, dict[str, float]]] = {
    ("neonate", "eava"): (
        0.385,
        {"congenital_malformation": 0.024, "pneumonia": 0.066, "sepsis_meningitis_inf": 0.427, "ipre": 0.348,
         "prematurity": 0.106},
    ),
    ("neonate", "insilicova"): (
        0.29,
        {"congenital_malformation": 0.001, "pneumonia": 0.073, "sepsis_meningitis_inf": 0.580, "ipre": 0.214,
         "prematurity": 0.080},
    ),
    ("neonate", "interva"): (
        0.295,
        {"congenital_malformation": 0.027, "pneumonia": 0.076, "sepsis_meningitis_inf": 0.447, "ipre": 0.058,
         "prematurity": 0.379},
    ),
    ("child", "eava"): (
        0.645, {"malaria": 0.014, "pneumonia": 0.256, "diarrhea": 0.200, "other_infections": 0.444},
    ),
    ("child", "insilicova"): (
        0.345, {"malaria": 0.200, "pneumonia": 0.047, "diarrhea": 0.252, "other_infections": 0.289},
    ),
    ("child", "interva"): (
        0.26, {"malaria": 0.192, "pneumonia": 0.044, "diarrhea": 0.266, "other_infections": 0.302},
    ),
}  # fmt: skip
"""Lambda and calibrated fractions by an independent sampler: one chain of `EXPECTED_SWEEPS`."""

EXPECTED_SWEEPS = 5000

ALLOWED = 0.02
"""Difference from the expected figures, up to which they count as equal."""

CHAINS, SWEEPS = 4, 20_000
"""Of each calibration here, after the sweeps that are discarded."""

TITLE = """# Calibrated fractions of COMSA-Mozambique

Printed by `python -m va_experiments.reproductions vacalibration_comsa`; it needs no file. Deaths of
neonates and children under five in COMSA-Mozambique, as EAVA, InSilicoVA and InterVA named them (counts of package
`vacalibration` 2.2, MIT licence), calibrated by the published misclassification matrices for Mozambique
([what it does](../explanation/metrics.md#vacalibration)). A cause that is *not calibrated* keeps its fraction and has
no interval."""

TEXT = """*Expected* is an independent sampler with one chain of 5,000 sweeps. Fractions and matrix mix slowly, so that
one such chain has an error: *its error* is the standard deviation of the means of 5,000 sweeps, over the 16 stretches
of that length in the four chains here. The means here are of 80,000 sweeps. Lambda depends on 1,000 drawn matrices and
can differ by .01.

For EAVA in neonates the package's own figure shows the diagonal of the matrix as 65, 61, 53, 55 and 76%, and sepsis .44
(.31 to .59)."""

Floats = npt.NDArray[np.float64]


def calibrate_counts(age_group: str, algorithm: str, *, rng: np.random.Generator) -> Calibration:
    """Calibrate one algorithm's counts by its matrix for Mozambique; ``ensemble`` for all three together."""
    names = BROAD_CAUSES[age_group]
    chosen = ALGORITHMS if algorithm == "ensemble" else (algorithm,)
    return calibrate(
        [COUNTS[age_group, name] for name in chosen],
        [champs_shapes(name, age_group, "Mozambique") for name in chosen],
        keep=np.tile(np.array(names) == "other", (len(chosen), 1)),
        sweeps=SWEEPS,
        rng=rng,
    )


def page(data: str | None = None, *, seed: int = 1) -> str:
    """Write both tables: fractions as named, calibrated, with interval, lambda, and those expected.

    Parameters
    ----------
    data : None
        No file is needed; one that is named is an error.
    seed : int

    Raises
    ------
    InputError
        If a file is named.
    """
    if data is not None:
        raise InputError("reproduce_vacalibration_comsa needs no file; leave --data out")
    lines = [
        "| age group | algorithm | lambda | not calibrated | cause | named | calibrated | 95% interval | expected "
        "| its error | difference |",
        "|---|---|---|---|---|---:|---:|---|---:|---:|---:|",
    ]
    rows: list[_Compared] = []
    for age_group, names in BROAD_CAUSES.items():
        for algorithm in (*ALGORITHMS, "ensemble"):
            calibration = calibrate_counts(age_group, algorithm, rng=np.random.default_rng(seed))
            expected = EXPECTED.get((age_group, algorithm), (0.0, {}))[1]
            weights = ", ".join("none" if w is None else f"{w:.2f}" for w in calibration.weights)
            means = means_of_short_chains(calibration)
            left = ", ".join(name for name, known in zip(names, calibration.calibrated, strict=True) if not known)
            for k, name in enumerate(names):
                between = (
                    "" if math.isnan(calibration.low[k]) else f"{calibration.low[k]:.3f} to {calibration.high[k]:.3f}"
                )
                shown = " |  | "
                if name in expected:
                    row = _Compared(
                        f"{name} by {algorithm} ({age_group})", expected[name], float(calibration.mean[k]), means[:, k]
                    )
                    rows.append(row)
                    shown = f"{row.expected:.3f} | {row.error:.3f} | {row.difference:+.3f}"
                lines.append(
                    f"| {age_group} | {algorithm} | {weights} | {left} | {name} | {calibration.uncalibrated[k]:.3f} | "
                    f"{calibration.mean[k]:.3f} | {between} | {shown} |"
                )
    return "\n\n".join([TITLE, _summary(rows), TEXT, "\n".join(lines)]) + "\n"


def means_of_short_chains(calibration: Calibration) -> Floats:
    """Return the means of the 16 stretches of `EXPECTED_SWEEPS` sweeps, shape (16, n_causes)."""
    chains = np.array_split(calibration.draws, CHAINS)
    return np.array([part.mean(axis=0) for c in chains for part in np.array_split(c, SWEEPS // EXPECTED_SWEEPS)])


@dataclass(frozen=True)
class _Compared:
    """A figure here beside the expected one."""

    name: str
    expected: float
    mean: float
    short: Floats
    """Means of chains as short as the one behind the expected figure."""

    @property
    def difference(self) -> float:
        return self.mean - self.expected

    @property
    def error(self) -> float:
        """Standard deviation of the mean of a short chain."""
        return float(self.short.std(ddof=1))


def _summary(rows: list[_Compared]) -> str:
    """Say how many figures agree within `ALLOWED`, and how far means of short chains are apart for each other one."""
    further = [row for row in rows if abs(row.difference) > ALLOWED]
    text = f"**Result.** {len(rows) - len(further)} of {len(rows)} figures agree within {_plain(ALLOWED, 2)}."
    for row in further:
        text += (
            f" For {row.name} the expected {_plain(row.expected)} differs by {_plain(abs(row.difference))}, "
            f"{abs(row.difference) / row.error:.1f} times its error: means of 5,000 sweeps here lie between "
            f"{_plain(row.short.min())} and {_plain(row.short.max())}."
        )
    return text


def _plain(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".removeprefix("0")
