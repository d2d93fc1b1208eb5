"""A study's table, changed as programs and people change it: the same data set, or a question that can be answered."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from va_experiments.commands.data import _parsed
from va_experiments.data import load
from va_experiments.data.check import suggest
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError

HEADER = ["id", "site", "cause", "age", "sex", *(f"q{k}" for k in range(1, 11))]
CAUSES = ("Stroke", "Malaria", "Diarrhea/Dysentery", "Road traffic")


def _death(k: int, rng: random.Random) -> list[str]:
    cause = rng.randrange(4)
    answers = [
        "dk" if rng.random() < 0.06 else "yes" if rng.random() < (0.2, 0.75)[j % 4 == cause] else "no"
        for j in range(10)
    ]
    return [
        f"d{k}",
        rng.choice(["Bohol", "Pemba", "Dar"]),
        CAUSES[cause],
        str(rng.randrange(15, 95)),
        rng.choice(["female", "male"]),
        *answers,
    ]


_RNG = random.Random(5)
ROWS = [_death(k, _RNG) for k in range(120)]
Rows = list[list[str]]


def text(rows: Rows = ROWS, header: list[str] = HEADER, sep: str = ",", end: str = "\n") -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=sep, lineterminator=end).writerows([header, *rows])
    return buffer.getvalue()


def answers(change: Callable[[str, int], str], columns: range | tuple[int, ...] = range(5, 15)) -> Rows:
    return [[change(v, k) if j in columns else v for j, v in enumerate(row)] for k, row in enumerate(ROWS)]


def column(name: str, change: Callable[[str, int], str]) -> Rows:
    return answers(change, (HEADER.index(name),))


def said(**words: str) -> Callable[[str, int], str]:
    return lambda v, _: words.get(v, v)


def check(path: Path, **given: Any) -> Deaths:
    """Read a table as ``data check`` does: what it asks is an error."""
    suggestion = suggest(path, given)
    if suggestion.roles is not None and suggestion.roles.questions:
        raise InputError(suggestion.roles.questions)
    options = dict(suggestion.options)
    return load(str(options.pop("name")), options)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("good") / "study.csv"
    path.write_text(text())
    return check(path).fingerprint


SAME: dict[str, bytes | str] = {
    "French": text(answers(said(yes="Oui", no="Non", dk="Ne sait pas"))),
    "Spanish": text(answers(said(yes="Sí", no="No", dk="No sabe"))),
    "true and false": text(answers(said(yes="True", no="False", dk="NA"))),
    "signs at the end": text(answers(said(yes="Yes.", no="no,", dk="DK!"))),
    "three codings in a column": text(
        answers(lambda v, k: {"yes": ("yes", "1", "Y"), "no": ("no", "0", "N")}.get(v, (v,) * 3)[k % 3])
    ),
    "labels that swap the codes": text(answers(said(yes="2 yes", no="1 no", dk="9 dk"))),
    "one column with labels that swap the codes": text(answers(said(yes="2=Yes", no="1=No", dk="9=DK"), (7,))),
    "tabs": text(sep="\t"),
    "semicolons and decimal commas": text(column("age", lambda v, _: f"{v},0"), sep=";"),
    "vertical bars": text(sep="|"),
    "UTF-16": text().encode("utf-16"),
    "a byte-order mark in the middle": text(ROWS[:50]) + "\ufeff" + text(ROWS[50:]).partition("\n")[2],
    "two byte-order marks": "\ufeff\ufeff" + text(),
    "carriage returns": text(end="\r"),
    "every cell as a spreadsheet's text": text([[f'="{v}"' for v in row] for row in ROWS], [f'="{c}"' for c in HEADER]),
    "an empty first row": "," * 14 + "\n" + text(),
    "commas behind every row": text([[*row, "", ""] for row in ROWS], [*HEADER, "", ""]),
    "the unit of age in its name": text(
        column("age", lambda v, _: str(12 * int(v))), [*HEADER[:3], "age_months", *HEADER[4:]]
    ),
    "ages with units": text(column("age", lambda v, k: f"{v} years" if k % 2 else f"{12 * int(v)} mo")),
    "sexes in Portuguese": text(column("sex", said(female="Feminino", male="Masculino"))),
    "a point behind every cause": text(column("cause", lambda v, _: f"{v}.")),
    "a star behind every site": text(column("site", lambda v, _: f"{v}*")),
    "a line end within the names of a site": text(column("site", lambda v, k: f"{v}\n" if k % 9 else v)),
    "sexes with codes": text(column("sex", said(female="2 - Female", male="1 - Male"))),
}
"""What is changed -> the file, which the check reads as the good table."""

ASKED: dict[str, tuple[str, str, str]] = {
    "1 and 2 with 1 more frequent": (
        text(answers(said(yes="2", no="1", dk="9"))),
        "which of them says yes? (1 is the more frequent one)",
        'value_map={"1": N, "2": Y, "9": "."}',
    ),
    "1 and 2 in one column": (
        text(answers(said(yes="2", no="1", dk="9"), (7,))),
        "which of them says yes? (other columns hold other answers)",
        'value_map={"1": N, "2": Y, "9": "."}',
    ),
    "an accent now and then": (
        text(column("site", lambda v, k: "Pémba" if v == "Pemba" and k % 7 == 0 else v)),
        "differs from another name only in accents",
        'site_map={"Pémba": "Pemba"}',
    ),
    "a site that is still to be named": (
        text(column("site", lambda v, k: "Sin dato" if k % 30 == 0 else v)),
        "4 rows without a site (lines 2, 32, 62, 92; found 'Sin dato')",
        "",
    ),
    "codes before a cause now and then": (
        text(column("cause", lambda v, k: "I64 - Stroke" if v == "Stroke" and k % 2 else v)),
        "differs from another name only in a code",
        'cause_map={"I64 - Stroke": "Stroke"}',
    ),
    "a date for a cause": (
        text(column("cause", lambda v, _: "2021-01-05" if v == "Stroke" else v)),
        "cause '2021-01-05' is a date, the others are names: which name does it stand for?",
        'cause_map={"2021-01-05": "Stroke"}',
    ),
    "hombre and mujer by letters": (
        text(column("sex", said(female="M", male="H"))),
        "which is female and which is male?",
        'sex=sex sex_codes=["M","H"]',
    ),
    "ages in days that are called ages": (
        text(column("age", lambda v, _: f"{float(v) * 365.25:.0f}")),
        "are they in another unit",
        "",
    ),
    "a point for thousands": (
        text(column("age", lambda v, _: f"{int(v) * 365:,}".replace(",", ".")), [*HEADER[:3], "age_days", *HEADER[4:]]),
        "is the point a sign for thousands?",
        "",
    ),
    "dates for ages": (
        text(column("age", lambda v, k: f"19{10 + k % 80}-03-12")),
        "which are no ages that can be read",
        "",
    ),
    "only yes or nothing in some columns": (
        text(answers(said(no="", dk=""), (5, 6))),
        "others say no: does an empty cell of these columns mean that the sign was absent?",
        "",
    ),
    "a row for each answer": (
        text(
            [[r[0], r[1], r[2], q, a] for r in ROWS for q, a in zip(HEADER[5:], r[5:], strict=True)],
            ["id", "site", "cause", "question", "answer"],
        ),
        "a table with one row for each answer",
        "",
    ),
    "the header in the middle, in capitals": (
        text([*ROWS[:60], [c.upper() for c in HEADER], *ROWS[60:]]),
        "the names of the columns",
        "",
    ),
    "none for no": (
        text(answers(said(no="none", dk="dk"))),
        "no cell of the symptoms says no",
        'value_map={"yes": Y, "none": N, "dk": "."}',
    ),
}
"""What is changed -> the file, what is asked, and an answer with which it is the good table ("": there is none)."""


@pytest.mark.parametrize("what", SAME)
def test_the_same_data_set(what: str, tmp_path: Path, expected: str) -> None:
    content = SAME[what]
    (tmp_path / "a.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    assert check(tmp_path / "a.csv").fingerprint == expected


@pytest.mark.parametrize("what", ASKED)
def test_it_is_asked_and_the_answer_works(what: str, tmp_path: Path, expected: str) -> None:
    content, question, answer = ASKED[what]
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8", newline="")
    with pytest.raises(InputError) as caught:
        check(path)
    assert question in str(caught.value), caught.value
    if answer:
        options = [answer] if " sex_codes" not in answer else answer.split(" ", 1)
        assert check(path, **_parsed(options)).fingerprint == expected


def test_ages_of_0_and_1_are_no_answers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text(column("age", lambda _, k: "01"[k % 2])), encoding="utf-8")
    result = check(tmp_path / "a.csv")
    assert result.n_symptoms == 10
    assert set(result.covariates["age"].tolist()) == {0.0, 1.0}


def test_formulas_without_values_and_bytes_in_parquet(tmp_path: Path, expected: str) -> None:
    openpyxl, pa = pytest.importorskip("openpyxl"), pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    book = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        book.active.append([*row[:5], '=IF(G2="yes","yes","no")' if row is not HEADER else row[5], *row[6:]])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="120 cells hold formulas whose values are not in the workbook"):
        check(tmp_path / "a.xlsx")
    columns = {c: pa.array([r[j].encode() for r in ROWS], pa.binary()) for j, c in enumerate(HEADER)}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert check(tmp_path / "a.parquet").fingerprint == expected
