"""Bring the numbers of a PHMRC table to one form: ages with units, and codes for "not known".

The codebook gives 999 for an age in years and 99 for one in months or days that is not known, and no code for
durations: there, codes that a file has all the same are asked about (`data.missing_numbers`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.number_codes import codes_in_heaps, written
from va_experiments.data.readers.age_text import AGE_UNITS, parse_age
from va_experiments.data.readers.phmrc_rules import Module, numbers
from va_experiments.errors import shown

__all__ = ["doubtful_numbers", "plain_numbers"]

_YEARS_NOT_KNOWN, _REST_NOT_KNOWN = 999.0, 99.0
_BEYOND_ANY = {888.0, 999.0, 8888.0, 9999.0}
"""The same in other files: beyond any age in years, and any rest in months or days."""


def plain_numbers(
    table: Mapping[str, CodedColumn], rules: Module, missing: Sequence[float] | None, ledger: list[LedgerEntry]
) -> dict[str, CodedColumn]:
    """Return the table with ages as numbers in the unit of their column, and without numbers that mean "not known".

    Parameters
    ----------
    table : mapping of str to CodedColumn
    rules : Module
    missing : sequence of float, optional
        Numbers that stand for an answer that is not known, in every question that asks a number.
    ledger : list of LedgerEntry
        Gets an entry for each column that is changed.
    """
    changed = dict(table)
    for name, years in rules.age:
        if name not in changed:
            continue
        in_unit, reason = functools.partial(_in_unit, years=years), "ages with a unit of their own"
        changed[name] = _changed(name, changed[name], in_unit, "corrected", reason, ledger)
        code = _YEARS_NOT_KNOWN if years == 1 else _REST_NOT_KNOWN
        known, reason = functools.partial(_without, codes={code}), f"{code:g} stands for not known in the codebook"
        changed[name] = _changed(name, changed[name], known, "set missing", reason, ledger)
        known, reason = functools.partial(_without, codes=_BEYOND_ANY), "stands for not known: no age is so large"
        changed[name] = _changed(name, changed[name], known, "set missing", reason, ledger)
    codes = set(missing or ())
    for name in dict.fromkeys([*_needed(rules), *(c for c, _ in rules.age)]) if codes else ():
        if name in changed:
            reason = "numbers stand for not known (data.missing_numbers)"
            known = functools.partial(_without, codes=codes)
            changed[name] = _changed(name, changed[name], known, "set missing", reason, ledger)
    return changed


def doubtful_numbers(table: Mapping[str, CodedColumn], rules: Module) -> list[str]:
    """Return the problem of numbers that probably mean "not known" in questions that ask a number."""
    heaps = {
        name: codes for name in _needed(rules) if name in table and (codes := codes_in_heaps(numbers(table[name])))
    }
    if not heaps:
        return []
    name, codes = next(iter(heaps.items()))
    value = numbers(table[name])
    times = ", ".join(f"{c:g} ({int((value == c).sum()):,} times)" for c in codes)
    every = written(sorted({c for heap in heaps.values() for c in heap}))
    more = f" and {len(heaps) - 1} more" if len(heaps) > 1 else ""
    return [
        f"question {name}{more}: {times} is far more frequent than a number of days or times can be, or far above all "
        f"others: does it mean that the answer is not known? Say 'data.missing_numbers=[{every}]', or "
        "data.missing_numbers=[] if these are numbers"
    ]


def _needed(rules: Module) -> list[str]:
    """Return the questions that ask a number of days or times."""
    return list(
        dict.fromkeys(
            rule.columns[0]
            for rule in rules.rules
            if (rule.cut is not None or rule.learned) and rule.unit not in ("years", "g")
        )
    )


def _changed(
    name: str,
    column: CodedColumn,
    change: Callable[[str], str],
    action: str,
    reason: str,
    ledger: list[LedgerEntry],
) -> CodedColumn:
    values = [change(v) for v in column.values]
    different = [k for k, v in enumerate(column.values) if values[k] != v]
    if not different:
        return column
    count = int(np.isin(column.codes, different).sum())
    examples = tuple(shown(column.values[k]) for k in different[:5])
    ledger.append(LedgerEntry(action, name, count, reason, examples))
    return CodedColumn(column.codes, values)


def _in_unit(cell: str, years: float) -> str:
    """Return an age that names its unit as a number in the column's unit; any other cell as it is."""
    number, unit = parse_age(cell)
    if math.isnan(number) or (unit is None and _float(cell) is not None):
        return cell
    return f"{number if unit is None else number * AGE_UNITS[unit] / years:.10g}"


def _without(cell: str, codes: set[float]) -> str:
    return "" if _float(cell) in codes else cell


def _float(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
