"""Write the causes and the cause fractions of ``protocol=assign``: ``causes.csv`` and ``fractions.csv``.

In: the rows of a run, the store and the data. Out: the two files, whole or absent, and the tables for the report. The
predictions are read once, block by block.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from va_experiments.analysis.assigned_causes import CAUSE_COLUMNS, AssignedCell, assigned_cells, cause_rows
from va_experiments.analysis.cause_fractions import FRACTION_COLUMNS, UNDETERMINED, Sums, fraction_rows
from va_experiments.analysis.disagreements import NamedCauses
from va_experiments.checkpoints import Store
from va_experiments.data.deaths import Deaths
from va_experiments.data.strata import strata_of
from va_experiments.formatting import format_interval, format_number
from va_experiments.models.undetermined_reasons import NOT_ASSESSED
from va_experiments.results.table_files import FORMULA_STARTS, escape_formula, write_csv, write_whole

__all__ = ["AssignedTables", "greatest_fractions", "write_assigned"]

MOST_SHOWN = 5
"""Causes of each model on the terminal."""


@dataclasses.dataclass(frozen=True, eq=False)
class AssignedTables:
    """What ``protocol=assign`` leaves.

    ``files`` are the paths, ``fractions`` and ``disagreements`` the tables of the report; both are None where no cell
    assigns causes.
    """

    files: tuple[Path, ...] = ()
    fractions: pd.DataFrame | None = None
    disagreements: pd.DataFrame | None = None


def write_assigned(
    rows: pd.DataFrame,
    folder: Path,
    store: Store,
    deaths: Mapping[str, Deaths],
    *,
    allowed: tuple[str, ...] = (),
    strata: Sequence[str] = (),
) -> AssignedTables:
    """Write the files into the folder of the run; none where no cell assigns causes.

    Parameters
    ----------
    rows : DataFrame
        Rows of the cells.
    folder : Path
    store : Store
    deaths : mapping of fingerprint to Deaths
    allowed : tuple of str
        Packages that classes of models may come from.
    strata : sequence of str
        Columns by which fractions are given too; none: the site, if there are several.
    """
    if not len(rows) or not ((rows["protocol"] == "assign") & (rows["status"] == "done")).any():
        return AssignedTables()
    fractions: list[dict[str, Any]] = []
    named = NamedCauses()
    sizes = {d.name: len(d) for d in deaths.values()}

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(",".join(CAUSE_COLUMNS) + "\n")
            for cell in assigned_cells(rows, store, deaths, allowed=allowed):
                masks = _masks(cell, strata)
                whole, sums = Sums(), {name: Sums() for name in masks}
                for places, probability, top in cell.blocks():
                    columns = cause_rows(cell, places, probability, top)
                    _write_block(file, columns)
                    assessed = ~np.isin(columns["undetermined"], NOT_ASSESSED)
                    whole.add(probability, top, assessed)
                    for name, mask in masks.items():
                        in_stratum = mask[places]
                        sums[name].add(probability[in_stratum], top[in_stratum], assessed[in_stratum])
                    data = cell.deaths.name
                    named.add(data, cell.model, cell.causes, sizes[data], cell.rows[places], top)
                is_all = len(set(cell.deaths.site.tolist())) > 1 or cell.test_site in ("all", "")
                fractions.extend(fraction_rows(cell, whole, sums, name="all" if is_all else f"site={cell.test_site}"))

    causes_file, fractions_file = folder / "causes.csv", folder / "fractions.csv"
    write_whole(causes_file, write)
    table = pd.DataFrame(fractions, columns=list(FRACTION_COLUMNS))
    write_csv(table, fractions_file)
    return AssignedTables((causes_file, fractions_file), table, named.table())


def greatest_fractions(table: pd.DataFrame) -> list[str]:
    """Return lines with the greatest fractions of each model over all its deaths, for a terminal."""
    lines = ["Cause fractions (causes were assigned; no true cause is known, so nothing is scored):"]
    for (data, model, stratum), of_stratum in table.groupby(["data", "model", "stratum"], sort=False):
        if str(stratum) != str(table.loc[(table["model"] == model) & (table["data"] == data), "stratum"].iloc[0]):
            continue
        causes = of_stratum[of_stratum["cause"] != UNDETERMINED].sort_values("fraction", ascending=False, kind="stable")
        lines.append(f"{model}, {of_stratum['deaths'].iloc[0]:,} deaths of {data}")
        for cause, fraction, low, high in causes.head(MOST_SHOWN)[["cause", "fraction", "low", "high"]].to_numpy():
            interval = format_interval(float(low), float(high))
            lines.append(f"  {format_number(float(fraction)):>5}  {f'[{interval}]' if interval else '':16} {cause}")
        if len(rest := of_stratum[of_stratum["cause"] == UNDETERMINED]):
            lines.append(f"  {format_number(float(rest['fraction'].iloc[0])):>5}  {'':16} {UNDETERMINED}")
    return lines


def _masks(cell: AssignedCell, strata: Sequence[str]) -> dict[str, npt.NDArray[np.bool_]]:
    """Return which deaths of a cell are in which stratum: by default its sites, if there are several."""
    if strata:
        everyone = np.arange(len(cell.deaths))
        return {k: v for name in strata for k, v in strata_of(cell.deaths, name).masks(everyone).items()}
    present = np.unique(cell.deaths.site).tolist()
    if len(present) < 2:
        return {}
    return {f"site={cell.deaths.sites[k]}": cell.deaths.site == k for k in present}


def _write_block(file: Any, columns: Mapping[str, Any]) -> None:
    """Write rows as CSV; text that a spreadsheet would run is marked."""
    table = pd.DataFrame(dict(columns), columns=list(CAUSE_COLUMNS))
    for name in ("model", "site", "id", "cause1", "cause2", "cause3", "data"):
        codes, values = pd.factorize(table[name])
        texts = [str(v) for v in values]
        if any(t.lstrip("'").startswith(FORMULA_STARTS) for t in texts):
            texts = [escape_formula(t) for t in texts]
        table[name] = np.array(texts, dtype=object)[codes]
    table.to_csv(file, index=False, header=False, lineterminator="\n", float_format="%.6g")
