"""Check the symptoms of a study's table after reading: what is not plausible, what to note, what to advise."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_checks import leaks, names_a_cause, one_sided, silent_columns
from va_experiments.data.answer_words import MISSING_WORDS, guess_value_map, meaning_of, normalised
from va_experiments.data.deaths import ABSENT, MISSING, PRESENT, LedgerEntry
from va_experiments.data.readers.age_columns import age_columns, unit_in_name
from va_experiments.data.readers.age_text import AGE_UNITS, parse_age
from va_experiments.data.readers.person_columns import is_sex_column, is_sex_name, is_unit_column
from va_experiments.data.readers.symptom_columns import Symptoms
from va_experiments.data.record_ids import ID_NAMES
from va_experiments.data.repeated_deaths import RepeatedDeaths
from va_experiments.errors import shown

__all__ = ["advice_for", "coded_sex", "implausible", "note_symptoms"]

_AGE_WORD = re.compile(r"(?:^|[^a-z])(?:age|edad|idade)(?![a-z])|^age")
_SHARED = 3
"""Columns that share a cell before it is taken for an answer in words of one's own."""
_MOST_FILLED = 0.8
_ENOUGH = 20
"""Deaths from which on an answer that never occurs says more than chance."""


def advice_for(
    answers: Symptoms,
    codes: Mapping[str, int],
    value_map: Mapping[Any, str],
    compared: RepeatedDeaths,
    age: str | None = None,
) -> str:
    """Return the options that make cells understood which are not, as they are typed.

    `age` is the column of ages that is given already.
    """
    unclear = answers.not_understood
    advice, of_the_age = _age_advice({c: compared.values(c) for c in unclear}, age)
    shared = Counter(v for c in unclear for v in set(compared.values(c)))
    excluded: list[str] = []
    cells: set[str] = set()
    for column, values in unclear.items():
        every = compared.values(column)
        if column in of_the_age:
            continue
        if column.strip().casefold() in ID_NAMES and compared.all_differ(column):
            advice.append(_typed("id", column))
        elif is_sex_column(every):
            advice.append(_typed("sex", column))
        elif is_sex_name(column):
            advice += [_typed("sex", column), '\'data.sex_codes=["FEMALE", "MALE"]\'']
        elif _numbers_rows(every) or _no_symptom(column, every, shared):
            excluded.append(column)
        elif sum(_is_number(v) for v in every) > 0.9 * len(every) and len(every) > 6:
            advice.append(shlex.quote(f"data.covariates={{{json.dumps(column, ensure_ascii=False)}: null}}"))
        elif len(values) > 12:
            excluded.append(column)
        else:
            cells |= values
    if cells:
        guessed, doubtful = guess_value_map([*cells, *(c for c in codes if c)])
        common = answers.common_unknown()
        merged = {str(k): v for k, v in value_map.items()}
        merged |= {c: guessed.get(c, "?" if c in common else ".") for c in sorted(cells)}
        text = ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in merged.items())
        advice.append(shlex.quote(f"data.value_map={{{text}}}"))
        if unknown := [c for c in doubtful if c in cells and c in common]:
            advice[-1] += f' (Y, N or "." in place of each ?: only you know what {shown(unknown[0])} means)'
        elif rare := [c for c in doubtful if c in cells]:
            advice[-1] += f" (check {', '.join(map(shown, rare[:3]))}: taken for missing)"
    if excluded:
        advice.append(shlex.quote(f"data.exclude=[{', '.join(map(json.dumps, excluded[:20]))}]"))
    return "to read it, add " + " ".join(advice) if advice else ""


def coded_sex(columns: Sequence[str], compared: RepeatedDeaths, where: str) -> list[str]:
    """List columns of the sex in numbers, which would be read as a symptom where these are answers."""
    return [
        f"{where}: column {shown(c)} holds {', '.join(map(shown, sorted(compared.values(c))[:4]))}: which is female "
        f'and which is male? Say {_typed("sex", c)} \'data.sex_codes=["FEMALE", "MALE"]\' with these cells, or leave '
        f"it out with {shlex.quote(f'data.exclude=[{json.dumps(c)}]')}"
        for c in columns
        if is_sex_name(c) and compared.values(c) and all(normalised(v).isdecimal() for v in compared.values(c))
    ]


def _typed(key: str, value: str) -> str:
    """Return an option as it is typed, with quotes where the shell needs them."""
    return f"data.{key}={value}" if re.fullmatch(r"[\w.]+", value) else shlex.quote(f"data.{key}={json.dumps(value)}")


def _age_advice(columns: Mapping[str, Sequence[str]], age: str | None) -> tuple[list[str], set[str]]:
    """Return the options for the columns that hold an age or its unit, and these columns."""
    ages = [c for c, cells in columns.items() if cells and sum(map(_is_age, cells)) > 0.9 * len(cells)]
    units = [c for c, cells in columns.items() if is_unit_column(list(cells))]
    coded = [c for c, v in columns.items() if "unit" in c.casefold() and 0 < len(v) <= len(AGE_UNITS) + 2]
    coded = [c for c in coded if c not in units]
    named = [c for c in ages if c not in coded and unit_in_name(c)]
    divided = age_columns(named)
    sure = bool(divided or units or coded)  # else the cells may be classes of age
    plain = [c for c in ages if c not in coded and _AGE_WORD.search(c.casefold()) and (sure or len(columns[c]) > 6)]
    if age is None and plain and "years" not in divided.values() and not units and not coded:
        divided = {plain[0]: "years"} | divided if plain[0] not in divided else divided
    if age is None and divided and not (units or coded):
        age, unit = next(iter(divided.items()))
        advice = [_typed("age", age), *([] if unit_in_name(age) or unit == "years" else [_typed("age_unit", unit)])]
    elif age is None and plain:
        age = plain[0]
        advice, divided = [_typed("age", age)], {}
    else:
        advice = []
    parts = {c: u for c, u in divided.items() if c != age}
    if parts:
        listed = ", ".join(f"{json.dumps(c, ensure_ascii=False)}: {u}" for c, u in parts.items())
        advice.append(shlex.quote(f"data.age_parts={{{listed}}}"))
    if units:
        advice.append(_typed("age_unit", units[0]) + ("" if age else " (with data.age=COLUMN)"))
    elif coded:
        cells = ", ".join(f"{json.dumps(c)}: UNIT" for c in sorted(columns[coded[0]]))
        advice += [_typed("age_unit", coded[0]), f"'data.age_unit_codes={{{cells}}}'"]
    return advice, {*parts, *units[:1], *([] if units else coded[:1]), *([age] if age else [])}


def _is_age(cell: str) -> bool:
    return not math.isnan(parse_age(cell)[0]) or normalised(cell) in MISSING_WORDS


def _numbers_rows(cells: Sequence[str]) -> bool:
    """Check whether cells number the rows: they are no property of a death."""
    numbers = [int(c) for c in cells if c.isdecimal()]
    return len(numbers) == len(cells) > 6 and numbers == [*range(numbers[0], numbers[0] + len(numbers))]


def _no_symptom(column: str, cells: Sequence[str], shared: Mapping[str, int]) -> bool:
    """Check whether a column holds words or codes of its own, or is called a cause."""
    codes = {normalised(c) for c in cells} - MISSING_WORDS - {"0", "1", "2"}
    if len(codes) > 1 and all(c.isdecimal() for c in codes) and any(shared[c] < _SHARED for c in cells):
        return True  # classes or codes of its own
    is_coded = all(shared[c] < _SHARED for c in cells) and not any(meaning_of(c) in ("Y", "N") for c in cells)
    return is_coded or (names_a_cause(column) and len(cells) > 2)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def implausible(
    matrix: npt.NDArray[np.int8],
    names: Sequence[str],
    filled: npt.NDArray[np.int64],
    unsaid: npt.NDArray[np.int64],
    where: str,
    causes: Sequence[str],
    cause: npt.NDArray[np.int16] | None,
    allowed: tuple[str, ...],
    *,
    ask_blank: bool,
    blank_is_set: bool,
    no: Mapping[str, str],
) -> list[str]:
    """List what makes the symptoms implausible as they were read.

    `filled` and `unsaid` are as in `Symptoms`. `no` is the mapping of cells in which those that are not empty, but
    missing, say no; empty where there are none.
    """
    present, absent = (matrix == PRESENT).any(axis=0), (matrix == ABSENT).any(axis=0)
    if ask_blank and len(matrix) >= _ENOUGH and present.any() and not absent.any() and (matrix == MISSING).any():
        return [_ask_about_no(float((matrix == MISSING).mean()), where, no)]
    problems = []
    silent = [names[j] for j in silent_columns(matrix) if filled[j] >= _ENOUGH]
    if silent:
        listed = ", ".join(map(json.dumps, silent[:20]))
        problems.append(
            f"{where}: {len(silent)} symptom column{'s have' if len(silent) > 1 else ' has'} cells, but no answer at "
            f"any death ({', '.join(map(shown, silent[:5]))}): say what the cells mean with data.value_map, or leave "
            f"the columns out with 'data.exclude=[{listed}]'"
        )
    blank = present & ~absent & ((matrix == PRESENT).sum(axis=0) >= _ENOUGH)
    blank &= unsaid > (1 - _MOST_FILLED) * len(matrix)
    if ask_blank and absent.any() and blank.any():
        some = [names[j] for j in np.flatnonzero(blank).tolist()]
        problems.append(_ask_about_yes_alone(some, where, empty=(filled[blank] < _MOST_FILLED * len(matrix)).all()))
    constant = one_sided(matrix)
    if len(matrix) >= 100 and len(constant) > len(names) / 2 and (absent.any() or not blank_is_set):
        problems.append(
            f"{where}: {len(constant)} of {len(names)} symptom columns have the same answer at every death that has "
            f"one ({', '.join(shown(names[j]) for j in constant[:5])}, ...): an answer is probably not understood; "
            "say what the cells mean with data.value_map and data.blank"
        )
    if cause is not None:
        copies = {n: v for n, v in leaks(matrix, names, causes, cause).items() if n not in allowed}
        for name, (label, correlation) in copies.items():
            problems.append(
                f"{where}: column {shown(name)} almost equals cause {shown(label)} (correlation {correlation:.2f}): a "
                f"model would read the answer from it; leave it out with 'data.exclude=[{json.dumps(name)}]', or say "
                f"that it is a true sign with 'data.allow_leaks=[{json.dumps(name)}]'"
            )
    return problems


def _ask_about_no(share: float, where: str, no: Mapping[str, str]) -> str:
    """Ask whether cells that are not yes, a `share` of all, say no; `no` is as in `implausible`."""
    if no:
        pairs = ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in no.items())
        cells = ", ".join(shown(c) for c, v in no.items() if v == "N")
        return (
            f"{where}: no cell of the symptoms says no, and {share:.0%} are {cells} or empty: does this mean "
            f"that the sign was absent, or that nothing is known? Say {shlex.quote(f'data.value_map={{{pairs}}}')} "
            "(absent) or data.blank=missing"
        )
    return (
        f"{where}: no cell of the symptoms says no, and {share:.0%} are empty or missing: does an empty cell mean "
        "that the sign was absent, or that nothing is known? Say data.blank=absent or data.blank=missing"
    )


def _ask_about_yes_alone(columns: Sequence[str], where: str, *, empty: bool) -> str:
    """Ask what it means where columns hold yes or nothing (`empty`: empty cells), beside others that say no."""
    cell = "an empty cell" if empty else "the cell 'none'"
    listed = ", ".join(json.dumps(c, ensure_ascii=False) for c in columns[:20])
    several = len(columns) > 1
    return (
        f"{where}: {len(columns)} symptom column{'s say' if several else ' says'} only yes or nothing "
        f"({', '.join(map(shown, columns[:5]))}), others say no: does "
        f"{cell} of {'these columns' if several else 'this column'} mean that the sign was absent? Then "
        "write no in them; if it means that nothing is known, say data.blank=missing, or leave the columns out "
        f"with {shlex.quote(f'data.exclude=[{listed}]')}"
    )


def note_symptoms(
    matrix: npt.NDArray[np.int8],
    names: tuple[str, ...],
    causes: tuple[str, ...],
    cause: npt.NDArray[np.int16] | None,
    ledger: list[LedgerEntry],
) -> None:
    """Enter columns without information, deaths without an answer and lone causes into the ledger."""
    present, absent = (matrix == PRESENT).any(axis=0), (matrix == 0).any(axis=0)
    for mask, reason in (
        (~present & ~absent, "symptoms have no answer at any death"),
        (present ^ absent, "symptoms have the same answer at every death that has one"),
    ):
        if mask.any():
            which = tuple(names[j] for j in np.flatnonzero(mask))
            ledger.append(LedgerEntry("noted", "*", len(which), reason, which[:5]))
    silent = int((matrix == MISSING).all(axis=1).sum())
    if silent:
        ledger.append(LedgerEntry("noted", "*", silent, "deaths have no answer at all; they stay in the data"))
    if cause is not None:
        count = np.bincount(cause, minlength=len(causes))
        single = tuple(causes[k] for k in np.flatnonzero(count == 1))
        if single:
            ledger.append(LedgerEntry("noted", "cause", len(single), "causes have only one death", single[:5]))
