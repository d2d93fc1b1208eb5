"""Learn cut-offs for durations, on training deaths only.

The rule is that of James, Flaxman and Murray 2011 (Population Health Metrics 9:31), which gave the published adult and
child cut-offs: for each cause take the mean of the number over the training deaths of that cause (a death without the
symptom counts as 0); the cut-off is the median of these means over causes plus two median absolute deviations. A
symptom is present if the number is strictly greater. On the PHMRC adult file with 34 causes the rule gives 68.9 years
of age (published 67.6), 3.1 days of rash (3.1), 3.2 of headache (3.2) and 4.3 cigarettes a day (4.2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import ABSENT, MISSING, PRESENT, Deaths, LedgerEntry
from va_experiments.errors import InputError

__all__ = ["apply_learned_cuts", "learn_cut", "learn_cuts"]


def learn_cut(value: npt.NDArray[np.float64], cause: npt.NDArray[np.integer]) -> float:
    """Compute the median over causes of the mean value by cause, plus two median absolute deviations.

    Parameters
    ----------
    value : float64 array, shape (n_train,)
        NaN where missing; such deaths are left out.
    cause : int array, shape (n_train,)

    Returns
    -------
    float
        NaN if no value is known.
    """
    known = ~np.isnan(value)
    if not known.any():
        return float("nan")
    total = np.bincount(cause[known], weights=value[known])
    count = np.bincount(cause[known])
    means = total[count > 0] / count[count > 0]
    middle = np.median(means)
    return float(middle + 2 * np.median(np.abs(means - middle)))


def learn_cuts(deaths: Deaths, train_rows: npt.ArrayLike) -> dict[str, float]:
    """Learn the cut-off of every `learned_cuts` entry from the training rows alone.

    Parameters
    ----------
    deaths : Deaths
    train_rows : int array or bool mask

    Raises
    ------
    InputError
        If there is no training death or their causes are not known.
    """
    rows = np.asarray(train_rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp, copy=False)
    if deaths.cause is None or not len(rows):
        raise InputError(f"data '{deaths.name}': cut-offs are learned from training deaths with causes; there are none")
    cause = deaths.cause[rows]
    return {c.symptom: learn_cut(deaths.covariates[c.covariate][rows], cause) for c in deaths.learned_cuts}


def apply_learned_cuts(deaths: Deaths, train_rows: npt.ArrayLike, cuts: Mapping[str, float] | None = None) -> Deaths:
    """Turn the `learned_cuts` of all deaths into symptoms, with cut-offs from the training rows.

    A symptom stays missing if the number is missing, and for all deaths if no training death has a number.

    Parameters
    ----------
    deaths : Deaths
    train_rows : int array or bool mask
        Rows to learn from.
    cuts : mapping of str to float, optional
        Cut-offs learned earlier by :func:`learn_cuts`, which are then used.

    Returns
    -------
    Deaths
        Without `learned_cuts`; the ledger records the cut-offs.
    """
    if not deaths.learned_cuts:
        return deaths
    learned = learn_cuts(deaths, train_rows) if cuts is None else dict(cuts)
    symptoms = deaths.symptoms.copy()
    place = {s: j for j, s in enumerate(deaths.symptom_names)}
    ledger = list(deaths.ledger)
    for entry in deaths.learned_cuts:
        value, cut = deaths.covariates[entry.covariate], learned[entry.symptom]
        known = ~np.isnan(value) & ~np.isnan(cut)
        column = np.where(known, np.where(value > cut, PRESENT, ABSENT), MISSING)
        symptoms[:, place[entry.symptom]] = column
        ledger.append(
            LedgerEntry("dichotomised", entry.symptom, int(known.sum()), f"{entry.covariate} > {cut:.4g}, learned")
        )
    return dataclasses.replace(deaths, symptoms=symptoms, learned_cuts=(), ledger=tuple(ledger))
