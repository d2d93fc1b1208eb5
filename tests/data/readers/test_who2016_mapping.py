"""Every indicator follows from random answers as the mapping tables of pyCrossVA say, read here by a few lines."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.who2016_odk import convert_who2016_odk
from va_experiments.data.readers.who2016_table import choices

INDICATORS = read_probbase().indicators
N = 600
Row = dict[str, str]


def meets(cell: str, rule: Row) -> bool | None:
    """Return whether a cell meets the condition of a rule; None where it holds no answer."""
    relation, condition = rule["Relationship"], rule["Condition"].strip()
    if cell in ("", "dk", "ref"):
        return None
    if relation == "eq":
        return float(cell) == float(condition) if condition.isdigit() else cell == condition
    number, (low, *high) = float(cell), [float(c) for c in condition.split(" to ")]
    return {"ge": number >= low, "gt": number > low, "lt": number < low}.get(relation, low <= number <= (*high, 0.0)[0])


def both(first: bool | None, second: bool | None) -> bool | None:
    """Return whether both hold, in logic of three values."""
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def expected(rules: Sequence[Row], answers: Row) -> list[int]:
    """Return what one death's answers give, by the table's rules one after the other."""
    values: dict[str, bool | None] = {}
    for rule in rules:
        holds = meets(answers[rule["Source Column ID"]], rule)
        if needed := (rule["Prerequisite"] or "").strip():
            holds = both(holds, values[needed])
        name = rule["New Column Name"].strip()
        one = {holds, values.get(name)}
        values[name] = True if True in one else False if False in one else None
    return [-1 if values[i] is None else int(bool(values[i])) for i in INDICATORS]


def possible_answers(question: str, rules: Sequence[Row]) -> list[str]:
    """Return answers on both sides of each condition on a question, and those that say nothing."""
    conditions = [r["Condition"].strip() for r in rules if r["Source Column ID"] == question]
    if conditions == ["yes"]:
        return ["yes", "no", "dk", "ref", ""]
    numbers = [int(c) for text in conditions for c in text.split(" to ") if c.isdigit()]
    if numbers:
        blanks = [""] * (30 if question.startswith("age") else 1)  # a death has an age in one of the units only
        return [*blanks, *sorted({str(max(0, n + step)) for n in numbers for step in (-1, 0, 1)})]
    others = [c for c in choices()[question].values() if c not in conditions and c != "trunk"]
    return [*sorted(set(conditions)), *others[:1], "dk", ""]


@pytest.mark.real_data
@pytest.mark.parametrize("version", ["141", "151"])
def test_every_indicator_is_yes_no_and_not_known_as_the_mapping_table_says(
    reference_dir: Path, tmp_path: Path, version: str
) -> None:
    with open(reference_dir / "odk" / f"pycrossva_2016WHOv{version}_to_InterVA5.csv", encoding="utf-8-sig") as file:
        rules = list(csv.DictReader(file))
    rng = np.random.default_rng(3)
    questions = list(dict.fromkeys(r["Source Column ID"] for r in rules))
    columns = {q: rng.choice(possible_answers(q, rules), N).tolist() for q in questions}
    deaths = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    path = tmp_path / "export.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(f"consented-{q}" for q in questions)
        writer.writerows(d.values() for d in deaths)
    theirs = np.array([expected(rules, d) for d in deaths])
    assert all(set(column) == {-1, 0, 1} for column in theirs.T.tolist()), "each of the 353 is yes, no and not known"
    ours = convert_who2016_odk(path, as_pycrossva=True, duplicates="keep").indicators
    np.testing.assert_array_equal(ours, theirs)
    ages = np.array([name.startswith("i022") for name in INDICATORS])  # by default other ages help where one is missing
    np.testing.assert_array_equal(convert_who2016_odk(path, duplicates="keep").indicators[:, ~ages], theirs[:, ~ages])
