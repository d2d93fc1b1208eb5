"""PHMRC's children as the indicators of InterVA-5: each question once, what was not asked is not known."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.readers.phmrc_child import CHILD
from va_experiments.data.readers.phmrc_indicators import as_indicators
from va_experiments.data.readers.who2016_table import choices, kinds
from va_experiments.models.eava.answers import INDICATORS as OF_EAVA

ROWS = list(
    csv.DictReader((files("va_experiments.data.readers") / "phmrc_who2016.csv").read_text("utf-8").splitlines())
)
COLUMNS = sorted({c for row in ROWS for c in (*row["column"].split(), row["asked_if"].lstrip("!")) if c} | {"c4_10"})


def converted(*deaths: dict[str, str], age: float = 3.0) -> tuple[dict[str, list[int]], dict[str, np.ndarray]]:
    """Return each indicator's codes and EAVA's columns, for deaths with these answers."""
    table = {}
    for name in COLUMNS:
        values, codes = np.unique([d.get(name, "") for d in deaths], return_inverse=True)
        table[name] = CodedColumn(codes.astype(np.int32), values.tolist())
    ledger: list[LedgerEntry] = []
    symptoms, names, more = as_indicators(table, np.full(len(deaths), age), ledger)
    return {n: symptoms[:, j].tolist() for j, n in enumerate(names)}, more


def test_the_table_names_questions_of_both_questionnaires() -> None:
    asked = {c for rule in CHILD.rules for c in rule.columns}
    assert set(COLUMNS) <= asked
    for row in ROWS:
        question, _, choice = row["question"].partition("/")
        assert question in kinds() or question in ("Id10184_b", "Id10446")
        meanings = [p.rpartition("=")[2] for p in row["answers"].split(" | ") if "=" in p]
        if choice:
            assert choice in choices()[question]
        elif kinds().get(question) == "choice":
            assert set(meanings) <= set(choices()[question])


def test_answers_become_indicators() -> None:
    fever = {"c4_01": "Yes", "c4_02": "88", "c4_03": "No", "c4_04": "Severe", "c4_05": "On and Off", "g1_05": "Female"}
    found, eava = converted(fever, {"c4_01": "No", "c4_02": "0", "c4_04": "Don't Know"}, {"c4_01": "Don't Know"})
    assert [found[n] for n in ("i147o", "i148a", "i148c", "i150a", "i151a")] == [
        *([1, 0, -1], [0, 0, -1], [1, 0, -1]),
        *([1, 0, -1], [0, 0, -1]),
    ]
    assert found["i019b"] == [1, -1, -1]
    assert found["i022e"] == [1, 1, 1]
    assert eava["i148d"].tolist() == [1, -1, -1]
    assert eava["i151b"].tolist() == [1, -1, -1]


def test_a_number_counts_only_where_its_question_was_asked() -> None:
    found, eava = converted(
        {"c4_18": "Yes", "c4_19": "3"},
        {"c4_18": "No", "c4_19": "0"},
        {"c4_06": "Yes", "c4_08": "40", "c4_09": "No", "c4_10": "5"},
        {"c4_06": "Yes", "c4_08": "10", "c4_09": "Yes", "c4_10": "0"},
    )
    assert found["i167a"] == [1, -1, -1, -1]
    assert found["i182a"] == [-1, -1, 0, 1]
    assert found["i182c"] == [-1, -1, 1, 0]
    assert eava["i182d"].tolist() == [-1, -1, 1, 0]


def test_one_of_several_injuries_and_two_places_of_a_rash() -> None:
    none = dict.fromkeys((f"c4_47_{k}" for k in (*range(1, 8), "8a")), "No")
    rash = {"c4_30": "Yes", "c4_31_1": "Face", "c4_31_2": "Extremities"}
    found, _ = converted(none | {"c4_47_8a": "Yes", "c4_47_11": "No", "c4_48": "Yes"}, none | {"c4_47_11": "Yes"}, rash)
    assert found["i077o"] == [1, 0, -1]
    assert found["i100o"] == [1, -1, -1]
    assert [found[n][2] for n in ("i235a", "i235b", "i235c", "i235d")] == [1, 0, 1, 0]


@pytest.mark.real_data
def test_the_real_file_answers_103_indicators(phmrc_dir: Path) -> None:
    from va_experiments.data import load
    from va_experiments.models.eava.answers import check_columns

    deaths = load("phmrc_child", {"path": str(phmrc_dir), "indicators": True})
    known = (deaths.symptoms >= 0).any(axis=0)
    assert (len(deaths), deaths.n_symptoms, int(known.sum())) == (2064, 353, 103)
    assert set(OF_EAVA) <= set(deaths.symptom_names)
    assert check_columns(deaths, "1.1.0") == []
    groups = deaths.symptoms[:, [deaths.symptom_names.index(f"i022{g}") for g in "defg"]] == 1
    age = deaths.covariates["age"]
    assert (groups.sum(axis=1) == ~np.isnan(age)).all()
    assert (groups[:, 2] == ((age < 1) & (age * 365.25 > 27.5))).all()
