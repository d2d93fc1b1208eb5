"""Check the symptoms of a study's table after reading: what is not plausible, what to note, what to advise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_checks import leaks, one_sided, silent_columns
from va_experiments.data.answer_words import guess_value_map
from va_experiments.data.deaths import ABSENT, MISSING, PRESENT, LedgerEntry
from va_experiments.data.readers.person_columns import is_sex_column, is_unit_column
from va_experiments.data.readers.symptom_columns import Symptoms
from va_experiments.data.repeated_deaths import RepeatedDeaths
from va_experiments.errors import shown

__all__ = ["advice_for", "implausible", "note_symptoms"]

_ENOUGH = 20
"""Deaths from which on an answer that never occurs says more than chance."""


def advice_for(
    answers: Symptoms, codes: Mapping[str, int], value_map: Mapping[Any, str], compared: RepeatedDeaths
) -> str:
    """Return the options that make cells understood which are not, as they are typed."""
    advice, excluded = [], []
    cells: set[str] = set()
    for column, values in answers.not_understood.items():
        every = compared.values(column)
        if is_sex_column(every):
            advice.append(f"data.sex={column}")
        elif is_unit_column(every):
            advice.append(f"data.age_unit={column} (with data.age=COLUMN)")
        elif sum(_is_number(v) for v in every) > 0.9 * len(every) and len(every) > 6:
            advice.append(
                f"data.age={column}" if "age" in column.casefold() else f"'data.covariates={{{column}: null}}'"
            )
        elif len(values) > 12:
            excluded.append(column)
        else:
            cells |= values
    if cells:
        guessed, unclear = guess_value_map([*cells, *(c for c in codes if c)])
        merged = {str(k): v for k, v in value_map.items()} | {c: guessed.get(c, ".") for c in sorted(cells)}
        text = ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in merged.items())
        advice.append(f"'data.value_map={{{text}}}'")
        if doubtful := [c for c in unclear if c in cells]:
            listed = ", ".join(map(shown, doubtful[:3]))
            advice[-1] += f" (check {listed}: taken for missing)"
    if excluded:
        advice.append(f"'data.exclude=[{', '.join(map(json.dumps, excluded[:20]))}]'")
    return "to read it, add " + " ".join(advice) if advice else ""


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
    where: str,
    causes: Sequence[str],
    cause: npt.NDArray[np.int16] | None,
    allowed: tuple[str, ...],
    *,
    ask_blank: bool,
    blank_said: bool,
) -> list[str]:
    """List what makes the symptoms implausible as they were read."""
    problems = []
    present, absent = (matrix == PRESENT).any(axis=0), (matrix == ABSENT).any(axis=0)
    if ask_blank and len(matrix) >= _ENOUGH and present.any() and not absent.any() and (matrix == MISSING).any():
        share = float((matrix == MISSING).mean())
        problems.append(
            f"{where}: no cell of the symptoms says no, and {share:.0%} are empty or missing: does an empty cell mean "
            "that the sign was absent, or that nothing is known? Say data.blank=absent or data.blank=missing"
        )
        return problems
    silent = [names[j] for j in silent_columns(matrix) if filled[j] >= _ENOUGH]
    if silent:
        listed = ", ".join(map(json.dumps, silent[:20]))
        problems.append(
            f"{where}: {len(silent)} symptom column{'s have' if len(silent) > 1 else ' has'} cells, but no answer at "
            f"any death ({', '.join(map(shown, silent[:5]))}): say what the cells mean with data.value_map, or leave "
            f"the "
            f"columns out with 'data.exclude=[{listed}]'"
        )
    constant = one_sided(matrix)
    if len(matrix) >= 100 and len(constant) > len(names) / 2 and (absent.any() or not blank_said):
        problems.append(
            f"{where}: {len(constant)} of {len(names)} symptom columns have the same answer at every death that has "
            f"one "
            f"({', '.join(shown(names[j]) for j in constant[:5])}, ...): an answer is probably not understood; say "
            f"what "
            "the cells mean with data.value_map and data.blank"
        )
    if cause is not None:
        found = {n: v for n, v in leaks(matrix, names, causes, cause).items() if n not in allowed}
        for name, (label, correlation) in found.items():
            problems.append(
                f"{where}: column {shown(name)} almost equals cause {shown(label)} (correlation {correlation:.2f}): a "
                f"model would read the answer from it; leave it out with 'data.exclude=[{json.dumps(name)}]', or say "
                f"that it is a true sign with 'data.allow_leaks=[{json.dumps(name)}]'"
            )
    return problems


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
