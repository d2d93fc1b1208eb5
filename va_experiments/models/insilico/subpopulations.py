"""Divide the deaths that InSilicoVA samples into subpopulations, each with a CSMF of its own.

In: deaths and the name of a column: ``site``, or any other by which results are shown (`va_experiments.data.strata`).
Out: the group of each death, and the CSMF of each group by its label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.data.strata import strata_of
from va_experiments.errors import InputError, shown

__all__ = ["NONE", "SAMPLED", "check_column", "csmf_by_group", "groups_of", "sampled_fractions"]

NONE = "none"
"""All deaths are one population."""

SAMPLED = "sampled_fractions_by_"
"""Beginning of the name of the diagnostics that `sampled_fractions` gives; the column follows."""


def check_column(deaths: Deaths, column: str) -> list[str]:
    """Raise `InputError` if deaths cannot be divided by a column; otherwise it returns no notes."""
    if column != NONE:
        groups_of(deaths, column)
    return []


def groups_of(deaths: Deaths, column: str) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Return the labels of the subpopulations that have deaths, and the place of each death's among them.

    Raises
    ------
    InputError
        If the data do not have the column, it has too many values, or it is one that no model sees.
    """
    if column in deaths.strata_columns:
        raise InputError(
            f"model.subpopulations: column {shown(column)} is one of data.strata_columns, which no model sees; name it "
            f"as the site (data.site={column}) and choose model.subpopulations=site"
        )
    strata = strata_of(deaths, column)
    present, group = np.unique(strata.code, return_inverse=True)
    return tuple(strata.labels[k] for k in present.tolist()), group


def csmf_by_group(
    deaths: Deaths, column: str, causes: Sequence[str], csmf: npt.NDArray[np.float64]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the CSMF of each subpopulation, for the diagnostics: ``{"csmf_by_site": {"AP": {"Malaria": 0.1}}}``.

    Parameters
    ----------
    deaths : Deaths
        That were sampled.
    column : str
    causes : sequence of str
    csmf : float64 array, shape (n_groups, n_causes)
    """
    labels, _ = groups_of(deaths, column)
    rows = zip(labels, csmf.tolist(), strict=True)
    return {f"csmf_by_{column}": {label: dict(zip(causes, row, strict=True)) for label, row in rows}}


def sampled_fractions(
    column: str, labels: Sequence[str], causes: Sequence[str], draws: npt.NDArray[np.float64]
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return mean and 95% interval of the CSMF draws of each subpopulation, for the diagnostics.

    Parameters
    ----------
    column : str
    labels : sequence of str
        Of the subpopulations.
    causes : sequence of str
    draws : float64 array, shape (n_draws, n_groups, n_causes)
        Of the fractions among all deaths of a subpopulation that the model assesses.

    Returns
    -------
    dict
        ``{"sampled_fractions_by_site": {"AP": {"Malaria": [0.1, 0.05, 0.2]}}}``: mean, 2.5th and 97.5th percentile.
    """
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    values = np.stack([draws.mean(axis=0), low, high], axis=-1).tolist()
    return {
        f"{SAMPLED}{column}": {
            label: dict(zip(causes, rows, strict=True)) for label, rows in zip(labels, values, strict=True)
        }
    }
