"""Compare EAVA with the fractions that its authors and openVA's vignette publish for the example data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.conformance_cases import _row
from benchmarks.reference import REFERENCE
from va_experiments.data import Deaths, read_who2016
from va_experiments.data.readers.who2016 import WHO_VALUES
from va_experiments.models import EAVA
from va_experiments.reproductions.eava_openva import PUBLISHED

__all__ = ["PUBLISHED", "example_deaths", "rows"]


def example_deaths() -> Deaths:
    """Return the 1,736 simulated deaths of openVA's example data, with the columns that EAVA adds."""
    values = {**WHO_VALUES, "alive": "."}
    return read_who2016(REFERENCE / "eava" / "DataEAVA.csv.gz", value_map=values, eava_columns=True)


def rows() -> Iterator[dict[str, Any]]:
    """Compare the fractions, with the original's treatment of empty cells and without."""
    deaths = example_deaths()
    for age_group, (digits, published) in PUBLISHED.items():
        for compat in (True, False):
            fractions = EAVA(version="1.0.0", reference_compat=compat).fractions(deaths, age_group)
            expected = dict(published)
            note = ""
            if not compat and age_group == "neonate":
                expected |= {"Pneumonia": 0.1503, "Sepsis": 0.0770}
                note = "3 deaths are Pneumonia, not Sepsis: an empty cell no longer hides the diagnosis"
            ours = np.array([round(fractions.get(c, 0.0), digits) for c in expected])
            case = f"{age_group} {'as in R' if compat else 'default'}"
            yield _row("EAVA", case, "fractions", ours, np.array(list(expected.values())), 1e-12, note)
            yield _row("EAVA", case, "causes named", np.array(sorted(fractions)), np.array(sorted(expected)), 0)
