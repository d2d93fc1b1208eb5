"""What can be read but may not be meant is asked, or is one warning before the first fit; clean tables give none."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.test_mangled_tables import HEADER, ROWS, answers, check, column, said, text
from tests.fuzz.values import own_study, phmrc, who2016
from va_experiments.data import load
from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.simulated import simulate_deaths
from va_experiments.errors import InputError
from va_experiments.plan_warnings import _ledger_warnings

Rows = list[list[str]]


def with_column(name: str, cell: Callable[[list[str], int], str]) -> str:
    return text([[*row, cell(row, k)] for k, row in enumerate(ROWS)], [*HEADER, name])


def in_form(table: Any, change: Callable[[str, int], str], at: int, *more: str) -> str:
    """Return a form's table with one column changed, and copies of it behind."""
    header, *rows = table
    buffer = io.StringIO()
    changed = [[change(v, k) if j == at else v for j, v in enumerate(row)] for k, row in enumerate(rows)]
    csv.writer(buffer, lineterminator="\n").writerows(
        [[*header, *more], *([*row, *([row[at]] * len(more))] for row in changed)]
    )
    return buffer.getvalue()


def read(reader: str, path: Path) -> Deaths:
    if reader == "check":
        return check(path)
    if reader in ("csv", "who2016"):
        return load(reader, {"path": str(path), "id": {"csv": "id", "who2016": "ID"}[reader]})
    return load(reader, {"path": str(path)})


ASKED: dict[str, tuple[str, str, str]] = {
    "0 and 1 the other way round in one column": (
        "check",
        text(answers(said(yes="0", no="1", dk="9"), (7,))),
        "which of them says yes? (other columns hold other answers, and 1 is the more frequent one)",
    ),
    "0 and 1 the other way round everywhere": (
        "check",
        text(answers(said(yes="0", no="1", dk="9"))),
        "which of them says yes? (1 is the more frequent one)",
    ),
    "1 and 2 in one column, 0 and 1 in the others": (
        "check",
        text(answers(said(yes="1", no="2", dk="9"), (7,)), HEADER).replace("yes", "1").replace("no", "0"),
        "with 0 and 1: which number says no in each?",
    ),
    "none for no in one column": (
        "check",
        text(answers(said(no="none"), (7,))),
        "does the cell 'none' of this column mean that the sign was absent?",
    ),
    "a copy": ("check", with_column("q1.1", lambda r, _: r[5]), "column 'q1.1' has the name of a copy of 'q1'"),
    "a copy of pandas": ("check", with_column("q1_copy", lambda r, _: r[5]), "has the name of a copy of 'q1'"),
    "the same name in another case": ("check", with_column("Q1", lambda r, _: r[9]), "differ only in case"),
    "a month for an age": ("check", text(column("age", lambda v, k: "3.1990" if k == 7 else v)), "'3.1990' is a date"),
    "an indicator in two cases": (
        "who2016",
        in_form(who2016(), lambda v, _: v, 9, str(who2016()[0][9]).upper()),
        "are one indicator, written in two cases",
    ),
    "an indicator with none for no": (
        "who2016",
        in_form(who2016(), lambda v, k: ("y", "none")[k % 2], 9),
        "does the cell 'none' mean",
    ),
}
"""What is changed -> the reader, the file, what is asked."""

WARNED: dict[str, tuple[str, str, str]] = {
    "0 and 1 in one column": (
        "check",
        text(answers(said(yes="1", no="0", dk="9"), (7,))),
        "column 'q3' says yes and no with 0 and 1, most others with words",
    ),
    "a copy by its name with other answers": (
        "check",
        with_column("q1.1", lambda r, k: "no" if k % 3 else "yes"),
        "column 'q1.1' has the name of a copy, but other answers",
    ),
    "a copy with a name of its own": (
        "check",
        with_column("fever", lambda r, _: r[5]),
        "columns 'fever' and 'q1' have the same answers at every death",
    ),
    "one answer": ("check", with_column("q11", lambda *_: "yes"), "column 'q11' says yes at every death"),
    "few yes and nothing": (
        "check",
        with_column("q11", lambda r, k: "" if k % 9 else "yes"),
        "column 'q11' says yes or nothing, and never no",
    ),
    "an empty column": ("csv", in_form(own_study(), lambda *_: "", 5), "column 'q2' is empty at every death"),
    "0 and 1 in one indicator": (
        "who2016",
        in_form(who2016(), lambda v, _: {"y": "0", "n": "1"}.get(v, v), 9),
        "says yes and no with 0 and 1, most others with words",
    ),
    "an indicator with few yes": (
        "who2016",
        in_form(who2016(), lambda v, k: "" if k % 9 else "y", 9),
        "says yes or nothing, and never no",
    ),
    "a note below the indicators": (
        "who2016",
        in_form(who2016(), lambda v, _: v, 9) + "N=40" + "," * len(who2016()[0][1:]) + "\n",
        "1 row has an id and no answer (line 42); if it is a note or a total",
    ),
    "an empty indicator": ("who2016", in_form(who2016(), lambda *_: "", 9), "is empty at every death"),
    "a copy of an indicator": (
        "who2016",
        in_form(who2016(), lambda v, _: v, 9, f"{who2016()[0][9]}.1"),
        "has the name of a copy of an indicator; it is not read",
    ),
}

PHMRC: dict[str, tuple[str, tuple[str, ...], str]] = {
    "0 and 1 the other way round": ("a1_01_1", ("0", "1"), "column 'a1_01_1' says yes and no with 0 and 1"),
    "no answer": ("a1_01_1", ("",), "column 'a1_01_1' has no answer at any death"),
    "one answer": ("a1_01_1", ("Yes",), "column 'a1_01_1' says yes at every death"),
    "a year for an age": ("g1_07a", (*["60"] * 38, "1980"), "question g1_07a holds ages that nobody has (1980 years)"),
}
"""What is changed -> a question, its cells, the warning."""


@pytest.mark.parametrize("what", ASKED)
def test_it_is_asked(what: str, tmp_path: Path) -> None:
    reader, content, question = ASKED[what]
    (tmp_path / "a.csv").write_text(content, encoding="utf-8", newline="")
    with pytest.raises(InputError) as caught:
        read(reader, tmp_path / "a.csv")
    assert question in str(caught.value), caught.value


@pytest.mark.parametrize("what", WARNED)
def test_it_is_one_warning_before_a_run(what: str, tmp_path: Path) -> None:
    reader, content, warning = WARNED[what]
    (tmp_path / "a.csv").write_text(content, encoding="utf-8", newline="")
    warnings = _ledger_warnings(read(reader, tmp_path / "a.csv"))
    assert len([w for w in warnings if warning in w]) == 1, warnings


@pytest.mark.parametrize("what", PHMRC)
def test_a_question_of_phmrc_is_one_warning(what: str, tmp_path: Path) -> None:
    question, cells, warning = PHMRC[what]
    table = phmrc("adult")
    content = in_form(table, lambda _, k: cells[k % len(cells)], table[0].index(question))
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    warnings = _ledger_warnings(read("phmrc_adult", tmp_path / "a.csv"))
    assert len([w for w in warnings if warning in w]) == 1, warnings


def test_a_second_answer_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    table = phmrc("child")
    content = in_form(table, lambda v, _: f"{v},", table[0].index("c4_31_2")).replace("\r", "")
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="question c4_31_2: 100% of its answers are not those of the questionnaire"):
        read("phmrc_child", tmp_path / "a.csv")


def test_clean_tables_give_no_warning(tmp_path: Path) -> None:
    for n, n_symptoms in ((60, 168), (240, 9), (300, 168), (1000, 60)):
        deaths = simulate_deaths(n, n_symptoms=n_symptoms)
        path = tmp_path / f"{n}.csv"
        path.write_text(as_table(deaths), encoding="utf-8")
        assert _ledger_warnings(own(path)) == []
    for form, reader in ((phmrc("adult"), "phmrc_adult"), (phmrc("child"), "phmrc_child"), (who2016(), "who2016")):
        path = tmp_path / f"{reader}.csv"
        path.write_text(in_form(form, lambda v, _: v, 9), encoding="utf-8")
        assert _ledger_warnings(read(reader, path)) == []


def test_one_death_under_another_id_is_a_warning(tmp_path: Path) -> None:
    lines = as_table(simulate_deaths(240, n_symptoms=60)).splitlines()
    (tmp_path / "a.csv").write_text("\n".join([*lines, f"zz,{lines[4].partition(',')[2]}"]), encoding="utf-8")
    (warning,) = _ledger_warnings(own(tmp_path / "a.csv"))
    assert "a death has the same cells as another in every column but the id and the site (line 242)" in warning
    assert len(own(tmp_path / "a.csv", duplicates="first")) == 240


def test_a_union_passes_the_warnings_of_its_members_on(tmp_path: Path) -> None:
    header, *rows = own_study()
    for name in ("a", "b"):
        cells = [[f"{name}{k}", *row[1:5], "" if name == "b" else row[5], *row[6:]] for k, row in enumerate(rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(map(",".join, [header, *cells])), encoding="utf-8")
    members = [{"name": "csv", "path": str(tmp_path / f"{name}.csv"), "id": "id"} for name in "ab"]
    deaths = load("union", {"members": members, "duplicates": "keep"})
    assert [w for w in _ledger_warnings(deaths) if "column 'q2' is empty at every death" in w]


def own(path: Path, **options: str) -> Deaths:
    return load("csv", {"path": str(path), "id": "id", "covariates": {"age": None}, **options})


def as_table(deaths: Deaths) -> str:
    """Return deaths as a table with Y, N and points."""
    assert deaths.cause is not None
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    out.writerow(["id", "site", "cause", "age", *deaths.symptom_names])
    for k, answers_of in enumerate(deaths.symptoms.tolist()):
        label = (deaths.id[k], deaths.sites[deaths.site[k]], deaths.causes[deaths.cause[k]])
        out.writerow([*label, f"{deaths.covariates['age'][k]:g}", *("NY."[v] for v in answers_of)])
    return buffer.getvalue()
