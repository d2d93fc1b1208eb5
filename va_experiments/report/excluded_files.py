"""Say why a death is not among those scored: ``excluded.csv``, and the counts from the rows of the file to the score.

In: the rows of a run, the store and the data. Out: one line for each death that no finished cell tests, with its stage
and its reason, and a table in which the counts add up.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.data.deaths import Deaths
from va_experiments.protocols.split import Split
from va_experiments.results.table_files import write_csv

__all__ = ["EXCLUDED_COLUMNS", "ExcludedTables", "write_excluded"]

EXCLUDED_COLUMNS = ("data", "id", "stage", "reason")

READING, TEST_SETS, SCORING = "reading", "test sets", "scoring"
"""Stages at which a death may be left out."""

_NOT_TESTED = "no test set of this run holds it"
_SITE_NOT_TESTED = "its site is not tested in this run"
_TRAINED = "its cause is known, and models train on it"
_FAILED = "every cell that tests it failed or is missing"


@dataclasses.dataclass(frozen=True, eq=False)
class ExcludedTables:
    """What is known of deaths that are not scored.

    Parameters
    ----------
    path : Path
        ``excluded.csv``.
    counts : DataFrame
        ``data``, ``step``, ``reason``, ``deaths``: the rows of the file, those left out at each stage with their
        reasons, and the deaths that are left after each stage.
    """

    path: Path
    counts: pd.DataFrame


def write_excluded(rows: pd.DataFrame, folder: Path, store: Store, deaths: Mapping[str, Deaths]) -> ExcludedTables:
    """Write the file and return it with the counts.

    Parameters
    ----------
    rows : DataFrame
        Rows of the cells, those of baselines among them.
    folder : Path
        Of the run.
    store : Store
    deaths : mapping of fingerprint to Deaths
    """
    lines: list[tuple[str, str, str, str]] = []
    counts: list[tuple[str, str, str, int]] = []
    done = _tested(rows[rows["status"] == "done"], store, deaths) if len(rows) else {}
    assigned = len(rows) > 0 and bool((rows["protocol"] == "assign").all())
    for fingerprint, data in deaths.items():
        read = [(READING, e.reason, i) for e in data.excluded for i in e.ids]
        counts.append((data.name, "rows of the file", "", len(data) + len(read)))
        scored = done.get(fingerprint, np.zeros(len(data), dtype=bool))
        why = _reasons(data, rows[rows["data"] == data.name] if len(rows) else rows)
        left = [(*why[data.site[k]], str(data.id[k])) for k in np.flatnonzero(~scored).tolist()]
        if assigned and not data.labelled and data.cause is not None:
            known = {str(data.id[k]) for k in np.flatnonzero(np.asarray(data.cause) >= 0).tolist()}
            left = [(s, _TRAINED if r == _NOT_TESTED and i in known else r, i) for s, r, i in left]
        remaining = len(data) + len(read)
        tested = "deaths to assign causes to" if assigned else "deaths tested"
        for stage, last in ((READING, "deaths read"), (TEST_SETS, tested), (SCORING, "")):
            reasons = pd.Series([reason for s, reason, _ in (*read, *left) if s == stage], dtype=object).value_counts()
            counts += [(data.name, f"left out: {stage}", str(reason), int(n)) for reason, n in reasons.items()]
            remaining -= int(reasons.sum())
            counts.append((data.name, last or ("deaths in causes.csv" if assigned else "deaths scored"), "", remaining))
        lines += [(data.name, death, stage, reason) for stage, reason, death in (*read, *left)]
    path = folder / "excluded.csv"
    write_csv(pd.DataFrame(lines, columns=list(EXCLUDED_COLUMNS)), path)
    return ExcludedTables(path, pd.DataFrame(counts, columns=["data", "step", "reason", "deaths"]))


def _reasons(data: Deaths, rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return for each site at which stage its deaths are left out that no finished cell tests, and why."""
    reasons = []
    settled = {} if not len(rows) else rows.groupby("test_site")["status"].agg(set).to_dict()
    for site in data.sites:
        states_of_cells = [
            states for label, states in settled.items() if label in (site, "all") or site in str(label).split("+")
        ]
        if not states_of_cells:
            reasons.append((TEST_SETS, _SITE_NOT_TESTED))
        elif any(states - {"done"} for states in states_of_cells):
            reasons.append((SCORING, _FAILED))
        else:
            reasons.append((TEST_SETS, _NOT_TESTED))
    return reasons


def _tested(cells: pd.DataFrame, store: Store, deaths: Mapping[str, Deaths]) -> dict[str, npt.NDArray[np.bool_]]:
    """Return for each data set which deaths a finished cell tests; each split is looked at once."""
    tested = {fingerprint: np.zeros(len(d), dtype=bool) for fingerprint, d in deaths.items()}
    for key in cells.drop_duplicates("split_sha256")["cell_key"]:
        if all(mask.all() for mask in tested.values()):
            break
        try:
            stored = store.load(str(key), check=False)
        except CorruptCell:
            continue
        if stored is None or (fingerprint := stored.manifest["config"]["setting"]["fingerprint"]) not in tested:
            continue
        _, test = Split.from_spec(stored.manifest["config"]["split"]).indices(deaths[fingerprint])
        tested[fingerprint][test] = True
    return tested
