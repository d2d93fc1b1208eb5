"""The replays by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.replays.table import Replay

__all__ = ["REPLAYS", "replay_of"]

REPLAYS: Mapping[str, str] = {
    "replay_openva_ap": "openVA (R Journal 2023): train on five sites, test on Andhra Pradesh",
    "replay_mccormick_2016": "McCormick et al. 2016, Table 3: all sites, other sites, same site, one other site",
    "replay_flaxman_2018": "Flaxman et al. 2018: 75/25 divisions, Dirichlet test sets",
    "replay_li_2020": "Li et al. 2020: InSilicoVA in the same design",
    "replay_murray_2014": "Murray et al. 2014: Tariff and random forest in the same design",
}
"""Name of each replay, and what it computes again."""


def replay_of(name: str) -> Replay:
    """Return the replay of this name, with or without ``replay_`` before it.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    full = name if name.startswith("replay_") else f"replay_{name}"
    if full not in REPLAYS:
        raise InputError(f"unknown replay {shown(name)}; known: {', '.join(REPLAYS)}{did_you_mean(full, REPLAYS)}")
    module = importlib.import_module(f"va_experiments.replays.{full.removeprefix('replay_')}")
    found: Replay = module.REPLAY
    return found
