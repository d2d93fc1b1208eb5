"""List the reproductions by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from va_experiments.errors import InputError, did_you_mean, shown

if TYPE_CHECKING:
    from va_experiments.reproductions.table import Reproduction

__all__ = ["PAGES", "REPRODUCTIONS", "page_of", "reproduction_of"]

REPRODUCTIONS: Mapping[str, str] = {
    "reproduce_openva_ap": "openVA (R Journal 2023): train on five sites, test on Andhra Pradesh",
    "reproduce_mccormick_2016": "McCormick et al. 2016, Table 3: all sites, other sites, same site, one other site",
    "reproduce_flaxman_2018": "Flaxman et al. 2018: 75/25 divisions, Dirichlet test sets",
    "reproduce_li_2020": "Li et al. 2020: InSilicoVA in the same design",
    "reproduce_murray_2014": "Murray et al. 2014: Tariff and random forest in the same design",
}
"""Name of each reproduction on the PHMRC adults -> the table that it reproduces."""

PAGES: Mapping[str, str] = {
    "reproduce_eava_openva": "EAVA 1.0.0 on the example deaths of openVA's vignette (--data FILE)",
    "reproduce_lcva_simulated": "LCVA on the simulated deaths of its package (--data FOLDER)",
    "reproduce_vacalibration_comsa": "COMSA-Mozambique, calibrated by the published matrices (no file)",
}
"""Name of each reproduction on other data -> what it reproduces; its module has a function ``page``."""


def reproduction_of(name: str) -> Reproduction:
    """Load the reproduction of this name, with or without ``reproduce_`` before it.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    full = name if name.startswith("reproduce_") else f"reproduce_{name}"
    if full not in REPRODUCTIONS:
        raise InputError(f"unknown reproduction {shown(name)}; known: {', '.join(_all())}{did_you_mean(full, _all())}")
    module = importlib.import_module(f"va_experiments.reproductions.{full.removeprefix('reproduce_')}")
    reproduction: Reproduction = module.REPRODUCTION
    return reproduction


def page_of(name: str) -> tuple[str, Callable[[str | None], str]] | None:
    """Return the full name and the page of a reproduction on other data than the PHMRC adults; None for others."""
    full = name if name.startswith("reproduce_") else f"reproduce_{name}"
    if full not in PAGES:
        return None
    module = importlib.import_module(f"va_experiments.reproductions.{full.removeprefix('reproduce_')}")
    return full, module.page


def _all() -> tuple[str, ...]:
    return (*REPRODUCTIONS, *PAGES)
