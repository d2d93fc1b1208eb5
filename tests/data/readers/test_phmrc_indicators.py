"""PHMRC's deaths as the indicators of InterVA-5: each question once, what was not asked is not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.readers.phmrc_indicators import AMOUNTS, as_indicators, columns_of, known_indicators, mapping
from va_experiments.data.readers.phmrc_modules import MODULES, module_of
from va_experiments.data.readers.who2016_table import choices, kinds
from va_experiments.models.eava.answers import INDICATORS as OF_EAVA


def converted(
    *deaths: dict[str, str], age: float = 3.0, module: str = "child"
) -> tuple[dict[str, list[int]], dict[str, np.ndarray]]:
    """Return each indicator's codes and EAVA's columns, for deaths with these answers."""
    table = {}
    for name in {*columns_of(module)} | {name for d in deaths for name in d}:
        values, codes = np.unique([d.get(name, "") for d in deaths], return_inverse=True)
        table[name] = CodedColumn(codes.astype(np.int32), values.tolist())
    ledger: list[LedgerEntry] = []
    symptoms, names, more = as_indicators(module, table, np.full(len(deaths), age), ledger)
    return {n: symptoms[:, j].tolist() for j, n in enumerate(names)}, more


@pytest.mark.parametrize("module", MODULES)
def test_the_table_names_questions_of_both_questionnaires(module: str) -> None:
    questions = {c for rule in module_of(module).rules for c in rule.columns}
    assert set(columns_of(module)) - {"a3_11", "a3_16", "g5_05"} <= questions  # in the codebook, and no symptom follows
    assert len({row["question"] for row in mapping(module)}) == len(mapping(module))
    for row in mapping(module):
        question, _, choice = row["question"].partition("/")
        assert question in kinds() or question in ("Id10184_b", "Id10446")
        meanings = [p.rpartition("=")[2] for p in row["answers"].split(" | ") if "=" in p]
        assert meanings or row["answers"] in {"yes_no", "number", "a day or more", *AMOUNTS}
        if choice:
            assert choice in choices()[question]
        elif kinds().get(question) == "choice":
            assert set(meanings) <= set(choices()[question])
        elif kinds().get(question) == "yes_no":
            assert set(meanings) <= {"yes", "no"}
            assert row["answers"] not in {"number", *AMOUNTS}


def test_answers_become_indicators() -> None:
    fever = {"c4_01": "Yes", "c4_02": "88", "c4_03": "No", "c4_04": "Severe", "c4_05": "On and Off", "g1_05": "Female"}
    indicators, eava = converted(fever, {"c4_01": "No", "c4_02": "0", "c4_04": "Don't Know"}, {"c4_01": "Don't Know"})
    assert [indicators[n] for n in ("i147o", "i148a", "i148c", "i150a", "i151a")] == [
        *([1, 0, -1], [0, 0, -1], [1, 0, -1]),
        *([1, 0, -1], [0, 0, -1]),
    ]
    assert indicators["i019b"] == [1, -1, -1]
    assert indicators["i022e"] == [1, 1, 1]
    assert eava["i148d"].tolist() == [1, -1, -1]
    assert eava["i151b"].tolist() == [1, -1, -1]


def test_a_number_counts_only_where_its_question_was_asked() -> None:
    indicators, eava = converted(
        {"c4_18": "Yes", "c4_19": "3"},
        {"c4_18": "No", "c4_19": "0"},
        {"c4_06": "Yes", "c4_08": "40", "c4_09": "No", "c4_10": "5"},
        {"c4_06": "Yes", "c4_08": "10", "c4_09": "Yes", "c4_10": "0"},
    )
    assert indicators["i167a"] == [1, -1, -1, -1]
    assert indicators["i182a"] == [-1, -1, 0, 1]
    assert indicators["i182c"] == [-1, -1, 1, 0]
    assert eava["i182d"].tolist() == [-1, -1, 1, 0]


def test_one_of_several_injuries_and_two_places_of_a_rash() -> None:
    none = dict.fromkeys((f"c4_47_{k}" for k in (*range(1, 8), "8a")), "No")
    rash = {"c4_30": "Yes", "c4_31_1": "Face", "c4_31_2": "Trunk"}
    indicators, _ = converted(
        none | {"c4_47_8a": "Yes", "c4_47_11": "No", "c4_48": "Yes"}, none | {"c4_47_11": "Yes"}, rash
    )
    assert indicators["i077o"] == [1, 0, -1]
    assert indicators["i100o"] == [1, -1, -1]
    assert [indicators[n][2] for n in ("i235a", "i235b", "i235c", "i235d")] == [1, 1, 0, 0]


def test_answers_of_adults_become_indicators_in_the_units_of_the_questionnaire() -> None:
    indicators, eava = converted(
        {"g1_05": "Female", "a3_10": "Yes", "a3_11": "150", "a3_15": "Yes", "a3_16": "1.5", "a3_03": "No"},
        {"g1_05": "Male", "a3_10": "No", "a3_01": "No", "a2_82": "Yes", "a2_83": "0.0034722"},
        {"a2_77": "Yes", "a2_76": "1.0", "a2_78": "Yes", "a2_79": "95", "a2_74": "Yes"},
        {"a2_77": "Yes", "a2_76": "0.2083333", "a2_82": "Yes", "a2_83": "0.0069444", "a2_74": "Yes"},
        age=35.0,
        module="adult",
    )
    assert eava == {}
    assert [indicators[n][0] for n in ("i305o", "i309o", "i312o", "i332a", "i022c", "i022n")] == [1] * 6
    assert [indicators[n][1] for n in ("i305o", "i294o", "i221a", "i221b")] == [-1, -1, 1, 0]
    assert [indicators[n][2] for n in ("i214o", "i215o", "i216a", "i218o", "i213o")] == [1, 1, 1, 1, 1]
    assert [indicators[n][3] for n in ("i215o", "i216a", "i221a", "i221b")] == [0, 0, 0, 1]


def test_what_the_file_of_adults_holds_where_nothing_was_asked_is_not_known() -> None:
    indicators, _ = converted(
        {"a2_02": "No", "a2_03": "0", "a2_10": "No", "a2_11": "No", "a2_04": "Don't Know"},
        {"a2_02": "Yes", "a2_03": "0", "a2_10": "Yes", "a2_11": "No", "a2_61": "Yes", "a2_63_1": "Lower belly"},
        {"a2_02": "Yes", "a2_03": "98", "a2_61": "Yes", "a2_63_1": "Lower belly", "a2_63_2": "Upper belly"},
        module="adult",
        age=50.0,
    )
    assert indicators["i148a"] == [
        0,
        -1,
        -1,
    ]  # no fever: no fever of less than a week; else its days are not known
    assert indicators["i229o"] == [-1, 0, -1]
    assert (indicators["i199a"], indicators["i199b"]) == ([-1, 0, 1], [-1, 1, 1])


def test_an_injury_of_an_adult_counts_within_30_days_of_the_death() -> None:
    none = dict.fromkeys((f"a5_01_{k}" for k in (*range(1, 8), "9a")), "No")
    fall = none | {"a5_01_2": "Yes", "a5_02": "No", "a5_03": "No"}
    indicators, _ = converted(
        *(fall | {"a5_04": days} for days in ("30", "365")),
        none | {"a5_04": "0", "a5_02": "No"},
        module="adult",
        age=60.0,
    )
    assert [indicators[n] for n in ("i077o", "i083o", "i099o", "i100o")] == [
        [1, -1, 0],
        [1, -1, 0],
        [0, -1, -1],
        [0, -1, -1],
    ]


def test_answers_of_neonates_become_indicators_and_columns_of_eava() -> None:
    indicators, eava = converted(
        {"c1_26": "Stillbirth", "c1_11": "Dead", "c1_12": "No", "c2_02": "266", "c2_17": "C-Section"},
        {"c1_26": "0", "c2_10": "1.5", "c3_07": "No", "c3_08": "Within 6-30 min.", "c2_02": "210", "c2_01_1": "No"},
        age=np.nan,
        module="neonate",
    )
    names = ("i022g", "i022h", "i114o", "i104o", "i367a", "i389o")
    assert [indicators[n][0] for n in names] == [1, 1, 1, 0, 1, 1]
    assert [indicators[n][1] for n in ("i022g", "i382a", "i105o", "i106a", "i367c", "i399o")] == [
        1,
        1,
        0,
        1,
        1,
        -1,
    ]
    assert eava["age_days"].tolist() == [0, 0]
    indicators, eava = converted(
        {"c3_20": "Yes", "c3_22": "3", "c3_24": "Yes", "c2_01_11": "No", "c2_01_12": "No", "c2_01_1": "No"},
        age=5 / 365.25,
        module="neonate",
    )
    assert [indicators[n] for n in ("i022j", "i166o", "i173a", "i399o")] == [[1], [1], [1], [0]]
    assert (eava["age_days"].tolist(), eava["i167d"].tolist(), eava["i173b"].tolist()) == ([5], [1], [1])


@pytest.mark.real_data
@pytest.mark.parametrize(("module", "size", "answered"), [("adult", 7841, 151), ("child", 2064, 103)])
def test_the_real_files_answer_the_indicators_that_the_page_lists(
    phmrc_dir: Path, module: str, size: int, answered: int
) -> None:
    from va_experiments.data import load
    from va_experiments.models.eava.answers import check_columns

    deaths = load(f"phmrc_{module}", {"path": str(phmrc_dir), "indicators": True})
    known = {n for n, k in zip(deaths.symptom_names, (deaths.symptoms >= 0).any(axis=0), strict=True) if k}
    assert (len(deaths), deaths.n_symptoms, len(known)) == (size, 353, answered)
    assert known == known_indicators(module)
    age = deaths.covariates["age"]
    groups = deaths.symptoms[:, [deaths.symptom_names.index(f"i022{g}") for g in "abcdefg"]] == 1
    assert (groups.sum(axis=1) == ~np.isnan(age)).all()
    if module == "child":
        assert set(OF_EAVA) <= set(deaths.symptom_names)
        assert check_columns(deaths, "1.1.0") == []
        assert (groups[:, 5] == ((age < 1) & (age * 365.25 > 27.5))).all()
