"""List the reproductions by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from va_experiments.errors import InputError, did_you_mean, shown

if TYPE_CHECKING:
    from va_experiments.reproductions.table import Reproduction

__all__ = ["REPRODUCTIONS", "reproduction_of"]

REPRODUCTIONS: Mapping[str, str] = {
    "reproduce_openva_ap": "openVA (R Journal 2023): train on five sites, test on Andhra Pradesh",
    "reproduce_mccormick_2016": "McCormick et al. 2016, Table 3: all sites, other sites, same site, one other site",
    "reproduce_flaxman_2018": "Flaxman et al. 2018: 75/25 divisions, Dirichlet test sets",
    "reproduce_li_2020": "Li et al. 2020: InSilicoVA in the same design",
    "reproduce_murray_2014": "Murray et al. 2014: Tariff and random forest in the same design",
}
"""Name of each reproduction -> the table that it reproduces."""


def reproduction_of(name: str) -> Reproduction:
    """Load the reproduction of this name, with or without ``reproduce_`` before it.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    full = name if name.startswith("reproduce_") else f"reproduce_{name}"
    if full not in REPRODUCTIONS:
        raise InputError(
            f"unknown reproduction {shown(name)}; known: {', '.join(REPRODUCTIONS)}{did_you_mean(full, REPRODUCTIONS)}"
        )
    module = importlib.import_module(f"va_experiments.reproductions.{full.removeprefix('reproduce_')}")
    reproduction: Reproduction = module.REPRODUCTION
    return reproduction
