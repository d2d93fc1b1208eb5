"""Convert coded columns of a PHMRC file into symptoms and age in years, by the rules of the questionnaire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import ABSENT, DOUBTFUL, MISSING, PRESENT, LearnedCut, LedgerEntry
from va_experiments.data.readers.phmrc_rules import (
    NEGATIVE,
    UNKNOWN,
    Module,
    Rule,
    apply_rule,
    note_no_numbers,
    numbers,
)

__all__ = ["SymptomTable", "age_in_years", "convert"]

_OLDEST = 130.0
"""Years."""


@dataclass(frozen=True)
class SymptomTable:
    """What rows of a file say.

    Parameters
    ----------
    symptoms : int8 array, shape (n_rows, n_symptoms)
    names, blocks : tuple of str, length n_symptoms
    cuts : tuple of LearnedCut
        Cut-offs that each training set learns.
    covariates : mapping of str to float64 array, shape (n_rows,)
    """

    symptoms: npt.NDArray[np.int8]
    names: tuple[str, ...]
    blocks: tuple[str, ...]
    cuts: tuple[LearnedCut, ...]
    covariates: Mapping[str, npt.NDArray[np.float64]]

    def of_rows(self, rows: npt.NDArray[np.intp]) -> SymptomTable:
        """Return the table of some rows, in this order."""
        covariates = {name: values[rows] for name, values in self.covariates.items()}
        return replace(self, symptoms=self.symptoms[rows], covariates=covariates)

    def of_columns(self, columns: npt.NDArray[np.intp]) -> SymptomTable:
        """Return the table of some symptoms."""
        names, blocks = (tuple(np.array(x)[columns].tolist()) for x in (self.names, self.blocks))
        return replace(self, symptoms=self.symptoms[:, columns], names=names, blocks=blocks)


def age_in_years(
    table: Mapping[str, CodedColumn], rules: Module, compat: bool, ledger: list[LedgerEntry]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute the age at death in years: as recorded (g1_07), else as answered by the respondent (g5_04).

    Both are float64 of shape (n_deaths,), NaN where not known; with `compat` both are the first column alone.
    """
    age = np.full(len(table["site"].codes), np.nan)
    recorded = age
    for k, (column, years) in enumerate(rules.age):
        if column not in table or (compat and k):
            continue
        note_no_numbers(column, table[column], ledger)
        value = numbers(table[column]) * years
        outside = (value < rules.age_range[0]) | (value > rules.age_range[1])
        if outside.any():
            examples = tuple(f"{v:g}" for v in np.unique(value[outside])[:5])
            reason = "outside {:g} to {:g} years".format(*rules.age_range)
            ledger.append(LedgerEntry("set missing", column, int(outside.sum()), reason, examples))
            if (beyond := value[outside & ((value < 0) | (value > _OLDEST))]).size:
                ages = ", ".join(f"{v:g}" for v in np.unique(beyond)[:5])
                reason = f"question {column} holds ages that nobody has ({ages} years); they count as not known"
                ledger.append(LedgerEntry(DOUBTFUL, column, len(beyond), reason))
            value[outside] = np.nan
        use = np.isnan(age) & ~np.isnan(value)
        age = np.where(use, value, age)
        if k and use.any():
            ledger.append(LedgerEntry("filled", "age", int(use.sum()), f"taken from {column}"))
        if column.startswith("g1_"):
            recorded = age
    ledger.append(LedgerEntry("noted", "age", int(np.isnan(age).sum()), "age is not known"))
    return recorded, age


def convert(
    table: Mapping[str, CodedColumn],
    rules: Module,
    words: tuple[str, ...],
    age: npt.NDArray[np.float64],
    recorded_age: npt.NDArray[np.float64],
    compat: bool,
    durations: bool,
    ledger: list[LedgerEntry],
) -> SymptomTable:
    """Convert columns to symptoms.

    Covariates are the age, and the number behind each cut-off that is learned or, if `durations` is true, behind each.
    """
    covariates = {"age": age}
    n = len(table["site"].codes)
    symptoms = np.empty((n, len(rules.rules) + len(words)), dtype=np.int8)
    cuts = []
    for j, rule in enumerate(rules.rules):
        if rule.cut is None and not rule.learned:
            if rule.recorded:
                known = [
                    np.array([normalised(v).rstrip(".,;:!") not in UNKNOWN for v in table[c].values])[table[c].codes]
                    for c in rule.columns
                ]
                symptoms[:, j] = np.where(np.any(known, axis=0), PRESENT, ABSENT)
            else:
                symptoms[:, j] = apply_rule(rule, table, compat=compat, ledger=ledger)
            continue
        note_no_numbers(rule.symptom, table[rule.columns[0]], ledger)
        value = _number(rule, table, recorded_age, compat, ledger)
        if rule.learned:
            cuts.append(LearnedCut(rule.symptom, rule.covariate))
            symptoms[:, j] = MISSING
        else:
            symptoms[:, j] = _cut(value, rule.cut)
        if (rule.learned or durations) and rule.unit != "years":
            covariates[rule.covariate] = value
    for j, word in enumerate(words, start=len(rules.rules)):
        symptoms[:, j] = _cut(numbers(table[word]), 0.0)
    if not compat and rules.name == "adult":
        j = next(j for j, rule in enumerate(rules.rules) if rule.symptom == "a4_04")
        published = _cut(numbers(table["a4_03"]), rules.rules[j].cut)
        ledger.append(
            LedgerEntry(
                "corrected", "a4_04", int((published != symptoms[:, j]).sum()), "published as computed from a4_03"
            )
        )
    for what, reason in (("Don't Know", "answered Don't Know"), ("Refused to Answer", "refused"), ("", "blank")):
        count = sum(_count(table[r.columns[0]], what) for r in rules.rules if not r.recorded)
        ledger.append(LedgerEntry("set missing", "*", count, f"cells: {reason}"))
    blocks = tuple(r.block for r in rules.rules) + ("word",) * len(words)
    names = tuple(r.symptom for r in rules.rules) + words
    return SymptomTable(symptoms, names, blocks, tuple(cuts), covariates)


def _number(
    rule: Rule,
    table: Mapping[str, CodedColumn],
    recorded_age: npt.NDArray[np.float64],
    compat: bool,
    ledger: list[LedgerEntry],
) -> npt.NDArray[np.float64]:
    """Return the number behind a cut-off, with the known faults of the file corrected unless `compat`."""
    if rule.symptom == "a4_04" and compat:
        return numbers(table["a4_03"])
    if rule.unit == "years" and not compat:
        return recorded_age
    value = numbers(table[rule.columns[0]])
    if rule.unit == "g" and not compat:
        unknown, kilograms = value == 9999, (value > 0) & (value <= 8)
        value = np.where(unknown, np.nan, np.where(kilograms, value * 1000, value))
        for mask, action, reason in (
            (unknown, "set missing", "9999 stands for not known"),
            (kilograms, "corrected", "a weight up to 8 is in kilograms"),
        ):
            if mask.any():
                ledger.append(LedgerEntry(action, rule.symptom, int(mask.sum()), reason))
    negative = value < 0
    if negative.any() and not compat:
        examples = tuple(f"{v:g}" for v in np.unique(value[negative])[:5])
        ledger.append(LedgerEntry("set missing", rule.symptom, int(negative.sum()), NEGATIVE, examples))
        value = np.where(negative, np.nan, value)
    return value


def _cut(value: npt.NDArray[np.float64], cut: float | None) -> npt.NDArray[np.int8]:
    assert cut is not None
    return np.where(np.isnan(value), MISSING, np.where(value > cut, PRESENT, ABSENT)).astype(np.int8)


def _count(column: CodedColumn, value: str) -> int:
    hits = [k for k, v in enumerate(column.values) if normalised(v) == normalised(value)]
    return int(np.isin(column.codes, hits).sum()) if hits else 0


def _known(column: CodedColumn) -> npt.NDArray[np.bool_]:
    return np.array([normalised(v) not in UNKNOWN for v in column.values], dtype=bool)[column.codes]
