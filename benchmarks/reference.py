"""Read the inputs and outputs of the original programs from the folder ``shared`` beside the checkout."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import read_probbase

__all__ = ["REFERENCE", "adult_deaths", "csmf", "fold", "folds", "matrix", "text", "who_deaths"]

REFERENCE = Path(os.environ.get("VA_SHARED_DIR", Path(__file__).resolve().parents[2] / "shared")) / "reference"
_FIRST = ("Pemba", "Bohol", "AP", "UP")


def folds(program: str) -> tuple[str, ...]:
    """List the test sites of the folds for which the outputs of an original program are stored.

    Parameters
    ----------
    program : str
        Folder of the reference outputs: ``interva_train``, ``insilico_train``, ``nbc`` or ``tariff``; each of its
        folders is a fold, named by its test site.
    """
    folder = REFERENCE / program
    names = [p.name for p in folder.iterdir() if p.is_dir() and any(p.iterdir())] if folder.is_dir() else []
    return tuple(sorted(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)))


@functools.lru_cache(maxsize=1)
def adult_deaths() -> Deaths:
    """Return the 7,582 adult deaths that the originals used, rows in the file's order."""
    table = pd.read_csv(REFERENCE / "adult_phmrc.csv.gz", dtype=str, keep_default_na=False)
    names = json.loads((REFERENCE / "adult_symptoms.json").read_text())
    causes, sites = sorted(table["cause"].unique()), sorted(table["site"].unique())
    return Deaths(
        symptoms=_codes(table[names], "Y", ""),
        symptom_names=tuple(names),
        causes=tuple(causes),
        cause=table["cause"].map({c: k for k, c in enumerate(causes)}).to_numpy(),
        sites=tuple(sites),
        site=table["site"].map({s: k for k, s in enumerate(sites)}).to_numpy(),
        id=table["ID"].to_numpy(dtype=str),
        name="adult reference",
    )


def fold(site: str) -> tuple[Deaths, Deaths]:
    """Return the deaths of the other five sites, to train on, and those of `site`."""
    deaths = adult_deaths()
    test = deaths.site == deaths.sites.index(site)
    return deaths.take(~test), deaths.take(test)


def who_deaths(file: str, probbase: str | None = None) -> Deaths:
    """Return WHO 2016 deaths of a file under ``reference/interva5``, rows in the file's order."""
    base = read_probbase(None if probbase is None else REFERENCE / "interva5" / probbase)
    table = pd.read_csv(REFERENCE / "interva5" / file, dtype=str, keep_default_na=False)
    return Deaths(
        symptoms=_codes(table[list(base.indicators)], "y", "n"),
        symptom_names=base.indicators,
        causes=base.causes,
        cause=None,
        sites=("all",),
        site=np.zeros(len(table), dtype=np.int16),
        id=table["ID"].to_numpy(dtype=str),
        name=file,
    )


def matrix(path: str) -> pd.DataFrame:
    """Return a table of numbers, row names as index."""
    return pd.read_csv(REFERENCE / path, index_col=0)


def text(path: str) -> pd.DataFrame:
    """Return a table with every cell as text."""
    return pd.read_csv(REFERENCE / path, dtype=str, keep_default_na=False)


def csmf(path: str, names: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Return the stored cause fractions in this order, 0 where a cause is not listed."""
    table = pd.read_csv(REFERENCE / path)
    return table.set_index(table.columns[0]).iloc[:, 0].reindex(names).fillna(0).to_numpy(float)


def _codes(cells: pd.DataFrame, present: str, absent: str) -> npt.NDArray[np.int8]:
    return np.where(cells == present, 1, np.where(cells == absent, 0, -1)).astype(np.int8)
