"""Find the sites and causes of a PHMRC file.

In: the columns of a file. Out: the site and cause of each row; an `InputError` for a site that is not in the study,
and for rows without a known cause that are not to be dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.readers.phmrc_file import lines_of
from va_experiments.data.readers.phmrc_rules import Module
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["SITES", "cause_column", "find_causes", "find_long_list", "find_sites"]

SITES = ("AP", "Bohol", "Dar", "Mexico", "Pemba", "UP")
"""Names of the sites in the files."""

_PLACES = ("Andhra Pradesh", "Bohol", "Dar es Salaam", "Mexico City", "Pemba Island", "Uttar Pradesh")
"""The same in full."""


def find_sites(column: CodedColumn, source: TextSource) -> npt.NDArray[np.int16]:
    """Return the index of each row's site in `SITES`."""
    place = {normalised(s): k for names in (SITES, _PLACES) for k, s in enumerate(names)}
    problems = []
    index = np.zeros(len(column.values), dtype=np.int16)
    for k, value in enumerate(column.values):
        if normalised(value) in place:
            index[k] = place[normalised(value)]
            continue
        lines = lines_of(source, column.codes == k)
        problems.append(
            f"{shown_path(source.path)}: unknown site {shown(value)} ({lines}); known: {', '.join(SITES)}"
            f"{did_you_mean(value, SITES) or '; a file of the IMMCMC study is read with data=immcmc_MODULE'}"
        )
    if problems:
        raise InputError(problems)
    return index[column.codes]


def cause_column(rules: Module) -> str:
    """Return the column of the causes in the module's list."""
    return "gs_text34" if rules.stems else "va34"


def find_causes(
    table: Mapping[str, CodedColumn], rules: Module, source: TextSource, drop: bool, ledger: list[LedgerEntry]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
    """Return the index of each row's cause in the module's list, and which rows have one; `drop` allows others."""
    column = table[cause_column(rules)]
    by_name = {normalised(cause): k for k, cause in enumerate(rules.causes)}
    index = np.full(len(column.values), -1, dtype=np.int16)
    for k, value in enumerate(column.values):
        text = value.strip()
        if rules.stems:
            name = next((cause for stem, cause in rules.stems if stem in text.casefold()), None)
            index[k] = rules.causes.index(name) if name else -1
        elif (number := normalised(text)).isdecimal() and number.isascii() and 1 <= int(number) <= len(rules.causes):
            index[k] = int(number) - 1
        else:
            index[k] = by_name.get(number, -1)
    cause = index[column.codes]
    keep = cause >= 0
    if not keep.all():
        values = sorted({column.values[k].strip() for k in np.flatnonzero(index < 0)})
        if not keep.any():
            raise InputError(
                f"{shown_path(source.path)}: no row has a known cause: column "
                f"'{cause_column(rules)}' holds {', '.join(shown(v) for v in values[:5])}; expected "
                f"1 to {len(rules.causes)}, the codes of the causes, or their names"
            )
        if not drop:
            what = ", ".join(shown(v) for v in values[:5])
            raise InputError(
                f"{shown_path(source.path)}: {int((~keep).sum())} rows without a known cause "
                f"({lines_of(source, ~keep)}; found {what}; expected 1 to {len(rules.causes)}); drop them with "
                "`drop_unlabelled: true`"
            )
        ledger.append(
            LedgerEntry(
                "dropped row",
                cause_column(rules),
                int((~keep).sum()),
                "no known cause",
                tuple(values[:5]),
            )
        )
    return cause, keep


def find_long_list(
    table: Mapping[str, CodedColumn], cause_list: int, source: TextSource
) -> tuple[tuple[str, ...], npt.NDArray[np.int16]]:
    """Return the causes of one of the longer lists, in the order of their codes, and the place of each death's."""
    codes, texts = table[f"va{cause_list}"], table[f"gs_text{cause_list}"]
    numbers = [normalised(v) for v in codes.values]
    if bad := [v for v, n in zip(codes.values, numbers, strict=True) if not (n.isdecimal() and n.isascii())]:
        raise InputError(
            f"{shown_path(source.path)}: column 'va{cause_list}' holds {', '.join(map(shown, bad[:5]))}; expected the "
            "number of a cause in every row"
        )
    names: dict[int, str] = {}
    for k, number in enumerate(numbers):
        rows = codes.codes == k
        common = np.bincount(texts.codes[rows], minlength=len(texts.values)).argmax()
        names.setdefault(int(number), texts.values[int(common)].strip())
    order = sorted(names)
    place = {number: k for k, number in enumerate(order)}
    index = np.array([place[int(n)] for n in numbers], dtype=np.int16)
    return tuple(names[number] for number in order), index[codes.codes]
