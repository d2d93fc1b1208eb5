"""Find the sites and causes of an IMMCMC file.

In: the header and the columns. Out: the site and cause of each row, and problems: rows without a site, sites that are
written in several ways, causes that are not in PHMRC's list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn, missing_columns
from va_experiments.data.decorated import doubtful_names, undecorated
from va_experiments.data.missing_labels import NO_SITE
from va_experiments.data.name_doubts import spelling_doubts
from va_experiments.data.readers.phmrc_file import lines_of
from va_experiments.data.readers.phmrc_rules import Module
from va_experiments.data.readers.who2016_table import folded
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["Causes", "find_causes", "find_sites", "label_column"]


def label_column(header: tuple[str, ...], named: str | None, usual: tuple[str, ...], what: str, where: str) -> str:
    """Return the column that holds the site or the cause."""
    if named is not None:
        column = named.strip().lower()
        if problems := missing_columns(header, [column], where):
            raise InputError(problems)
        return column
    name = next((c for c in usual if c in header), None)
    if name is None:
        raise InputError(
            f"{where}: no column {' or '.join(usual)}; name the column of the {what} with data.{what}=COLUMN"
        )
    return name


@dataclass(frozen=True)
class Causes:
    """The cause of each row.

    Parameters
    ----------
    index : int16 array, shape (n_rows,)
        Index into PHMRC's list; -1: none.
    left_out : bool array, shape (n_rows,)
        Rows that ``data.cause_map`` leaves out.
    """

    index: npt.NDArray[np.int16]
    left_out: npt.NDArray[np.bool_]

    @property
    def unknown(self) -> npt.NDArray[np.bool_]:
        """Return the rows without a known cause."""
        return (self.index < 0) & ~self.left_out


def find_sites(
    column: CodedColumn, name: str, source: TextSource
) -> tuple[tuple[str, ...], npt.NDArray[np.int16], list[str]]:
    """Return the sites that the file has, sorted, the place of each row, and the problem of rows without one."""
    names = [" ".join(undecorated(v).split()) for v in column.values]
    names = ["" if n.casefold() in NO_SITE else n for n in names]
    counts = np.bincount(column.codes, minlength=len(names)).tolist()
    deaths = {s: sum(c for n, c in zip(names, counts, strict=True) if n == s) for s in names if s}
    sites = tuple(sorted(deaths))
    doubts = spelling_doubts(deaths) | doubtful_names(sites)
    doubts |= {b: ("differs only in case", a) for a, b in pairwise(sorted(sites, key=lambda s: (s.casefold(), s)))
               if a.casefold() == b.casefold()}  # fmt: skip
    problems = [
        f"{shown_path(source.path)}: site {shown(s)} in column {shown(name)} {why}: is it {shown(other)}? Write each "
        "site in one way"
        for s, (why, other) in doubts.items()
    ]
    place = {s: k for k, s in enumerate(sites)}
    index = np.array([place.get(s, -1) for s in names], dtype=np.int16)[column.codes]
    if (index >= 0).all():
        return sites, index, problems
    lines = lines_of(source, index < 0)
    return (
        sites,
        index,
        [*problems, f"{shown_path(source.path)}: rows without a site in column {shown(name)} ({lines})"],
    )


def find_causes(
    column: CodedColumn,
    name: str,
    rules: Module,
    cause_map: Mapping[Any, str | None],
    phmrc_codes: bool,
    source: TextSource,
) -> tuple[Causes, list[str]]:
    """Return the causes of the rows, and problems: causes that are not in PHMRC's list.

    A cause is a name of PHMRC's list in any case and punctuation, what `cause_map` says, or a number (`phmrc_codes`).
    """
    where = shown_path(source.path)
    known = {folded(c): k for k, c in enumerate(rules.causes)}
    mapped = {folded(str(k)): v for k, v in cause_map.items()}
    problems = [
        f"data.cause_map: {shown(v)} is not in the list of causes of the PHMRC {rules.name} module"
        f"{did_you_mean(v, rules.causes)}"
        for v in mapped.values()
        if v is not None and folded(str(v)) not in known
    ]
    if phmrc_codes:
        known |= {str(k + 1): k for k in range(len(rules.causes))}
    index = np.full(len(column.values), -1, dtype=np.int16)
    left_out = np.zeros(len(column.values), dtype=bool)
    unknown = []
    for k, value in enumerate(column.values):
        text = folded(normalised(value))
        stem = next((cause for stem, cause in rules.stems if stem in text), None)
        if text in mapped:
            left_out[k] = mapped[text] is None
            index[k] = known.get(folded(str(mapped[text])), -1)
        elif text in known:
            index[k] = known[text]
        elif stem is not None:
            index[k] = rules.causes.index(stem)
        elif text:
            unknown.append(k)
    if unknown:
        listed = ", ".join(
            f"{shown(column.values[k])} ({lines_of(source, column.codes == k)}"
            f"{did_you_mean(column.values[k], rules.causes)})"
            for k in unknown[:5]
        )
        mapping = ", ".join(f'"{column.values[k].strip()}": CAUSE' for k in unknown[:5])
        numbers = all(folded(normalised(column.values[k])).isdecimal() for k in unknown)
        ways = ", or data.phmrc_codes=true if they are the numbers of PHMRC's list" if numbers else ""
        problems.append(
            f"{where}: column {shown(name)} holds {len(unknown)} causes that are not in the list of the PHMRC "
            f"{rules.name} module: {listed}; say what they are with 'data.cause_map={{{mapping}}}' (null leaves the "
            f"deaths out){ways}"
        )
    return Causes(index[column.codes], left_out[column.codes]), problems
