"""The PHMRC adult file as programs and people change it: the same data set, or a refusal that says what to do."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, run_here
from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.phmrc import read_phmrc
from va_experiments.errors import InputError

pytestmark = pytest.mark.real_data
Rows = list[list[str]]
CODES = {"No": "0", "Yes": "1", "Refused to Answer": "8", "Don't Know": "9"}


@pytest.fixture(scope="module")
def rows(phmrc_dir: Path) -> Rows:
    with gzip.open(phmrc_dir / "adult.csv.gz", "rt", encoding="latin-1", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def published(phmrc_dir: Path) -> Deaths:
    return read_phmrc("adult", phmrc_dir / "adult.csv.gz", features="hce_words")


def write(rows: Rows, path: Path, separator: str = ",") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def cells(change: Callable[[str], str]) -> Callable[[Rows], Rows]:
    return lambda rows: [rows[0], *([change(v) for v in row] for row in rows[1:])]


def cause_as_float(rows: Rows) -> Rows:
    at = rows[0].index("va34")
    return [rows[0], *([*row[:at], row[at] + ".0", *row[at + 1 :]] for row in rows[1:])]


def in_months(rows: Rows) -> Rows:
    at = rows[0].index("g1_07a")
    return [rows[0], *([*row[:at], row[at] and f"{12 * float(row[at]):g}", *row[at + 1 :]] for row in rows[1:])]


def without(prefix: str) -> Callable[[Rows], Rows]:
    return lambda rows: [[v for v, c in zip(row, rows[0], strict=True) if not c.startswith(prefix)] for row in rows]


def by_programs(rows: Rows) -> Rows:
    """Write blanks as R does, answers with the codebook's codes, causes and sites in words, columns backwards."""
    words, sites = {v: f"{k}. {v}" for v, k in CODES.items()}, {"AP": "Andhra Pradesh", "Dar": "Dar es Salaam"}
    at, name, site = (rows[0].index(c) for c in ("va34", "gs_text34", "site"))
    changed = [[words.get(v, v) or "NA" for v in row] for row in rows[1:]]
    for row in changed:
        row[at], row[site] = row[name], sites.get(row[site], row[site])
    return [row[::-1] for row in (rows[0], *changed)]


def with_empty_rows(rows: Rows) -> Rows:
    """Put empty rows between the deaths and behind them, as spreadsheets and R leave them."""
    width = len(rows[0])
    return [*rows[:9], [""] * width, *rows[9:], ["NA"] * width, *[[""] * width] * 3]


def ages_with_units(rows: Rows) -> Rows:
    at = rows[0].index("g1_07a")
    forms = ("{}y", "{} yrs", "{}y 0m", "{} years old")
    return [
        rows[0],
        *([*r[:at], forms[k % 4].format(r[at]) if r[at][:1].isdigit() else r[at], *r[at + 1 :]]
          for k, r in enumerate(rows[1:])),
    ]  # fmt: skip


VARIANTS: dict[str, Callable[[Rows], Rows]] = {
    "empty rows": with_empty_rows,
    "ages with their unit": ages_with_units,
    "apostrophes that were read in another encoding": cells(lambda v: v.replace("'", "\u00e2\u20ac\u2122")),
    "the codebook's numbers": cells(lambda v: CODES.get(v, v)),
    "lower case": cells(str.lower),
    "upper case": cells(str.upper),
    "headers in upper case": lambda rows: [[c.upper() for c in rows[0]], *rows[1:]],
    "causes as 12.0": cause_as_float,
    "typographic apostrophes": cells(lambda v: v.replace("'", "\u2019")),
    "blanks around cells": cells(lambda v: f" {v} "),
    "an index column": lambda rows: [["", *rows[0]], *([str(k), *row] for k, row in enumerate(rows[1:]))],
    "no module column": without("module"),
    "as statistics programs write it": by_programs,
}
DAILY = ("the codebook's numbers", "lower case", "blanks around cells", "as statistics programs write it")
"""What `make test` tries; the others are left to the night."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant", [pytest.param(v, marks=[] if v in DAILY else pytest.mark.nightly) for v in VARIANTS]
)
def test_the_same_data_set(variant: str, rows: Rows, published: Deaths, tmp_path: Path) -> None:
    path = write(VARIANTS[variant](rows), tmp_path / "adult.csv")
    assert read_phmrc("adult", path, features="hce_words").fingerprint == published.fingerprint


def test_semicolons_make_the_same_data_set(rows: Rows, published: Deaths, tmp_path: Path) -> None:
    path = write(rows, tmp_path / "adult.csv", ";")
    assert read_phmrc("adult", path, features="hce_words").fingerprint == published.fingerprint


@pytest.mark.slow
def test_decimal_commas_in_utf_16_make_the_same_data_set(rows: Rows, published: Deaths, tmp_path: Path) -> None:
    commas = cells(lambda v: v.replace(".", ",") if v.replace(".", "", 1).isdecimal() else v)(rows)
    path = write(commas, tmp_path / "adult.csv", ";")
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    assert read_phmrc("adult", path, features="hce_words").fingerprint == published.fingerprint


def test_deaths_that_occur_twice_are_named(rows: Rows, tmp_path: Path) -> None:
    few = rows[:60]
    alone = read_phmrc("adult", write(few, tmp_path / "adult.csv")).fingerprint
    at = rows[0].index("newid")
    path = write([*few, few[1], *([*row[:at], row[at] + "9", *row[at + 1 :]] for row in few[2:4])], tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"3 deaths occur twice: .*\(lines 61, 62, 63\)"):
        read_phmrc("adult", path)
    first = read_phmrc("adult", path, duplicates="first")
    assert first.fingerprint == alone
    assert len(read_phmrc("adult", path, duplicates="keep")) == len(first) + 3


@pytest.mark.slow
def test_rows_and_columns_that_do_not_belong_are_named(rows: Rows, tmp_path: Path) -> None:
    few, header = rows[:30], rows[0]
    for changed, message in (
        ([*few, ["Total", *("" for _ in header[1:])]], r"column 'module' holds '' \(line 31\); expected 'Adult'"),
        ([*few, header], r"line 31 repeats the names of the columns"),
        (without("a3_")(few), r"18 columns of the adult questionnaire are missing: 'a3_01', 'a3_02'"),
        ([[c.replace("_", ".") for c in header], *few[1:]], r"columns .* are named otherwise \('g1.05' for 'g1_05'"),
        (in_months(few), r"question g1_07a: \d+% of the ages in years are outside 11 to 120 years"),
        ([header, *([v or "?" for v in row] for row in few[1:])], r"question \w+: \d+% of its answers are not those"),
    ):
        with pytest.raises(InputError, match=message):
            read_phmrc("adult", write(changed, tmp_path / "adult.csv"))
    labels = [f"Question {k}" for k in range(len(header))]
    for changed in ([header, labels, *few[1:]], [labels, header, *few[1:]], [["Our copy"], header, *few[1:]]):
        deaths = read_phmrc("adult", write(changed, tmp_path / "adult.csv"))
        assert deaths.fingerprint == read_phmrc("adult", write(few, tmp_path / "adult.csv")).fingerprint
    at = header.index("va34")
    with pytest.raises(InputError, match=r"no row has a known cause: .*codes of the causes, or their names") as caught:
        read_phmrc("adult", write([header, *([*r[:at], "x", *r[at + 1 :]] for r in few[1:])], tmp_path / "adult.csv"))
    assert "drop_unlabelled" not in str(caught.value)


@pytest.mark.slow
def test_answers_in_another_language_are_refused(rows: Rows, tmp_path: Path) -> None:
    path = write(cells(lambda v: "Oui" if v == "Yes" else v)(rows), tmp_path / "adult.csv")
    with pytest.raises(InputError) as caught:
        read_phmrc("adult", path)
    assert len(caught.value.problems) == 96  # questions that 20 deaths or more answer with yes, more than one in 100
    assert all("'Oui'" in p and "as the codebook does, in words or by its numbers" in p for p in caught.value.problems)


def test_words_that_the_file_does_not_have_are_refused_before_a_run(rows: Rows, tmp_path: Path) -> None:
    path = write(without("word_")(rows[:400]), tmp_path / "adult.csv")
    with elsewhere():
        quick = [q for q in QUICK if not q.startswith("data.")]
        code, output = run_here(
            ("data=phmrc_adult", f"data.path={path}", "features=hce_words", "model=nbc", "dry_run=true", *quick)
        )
    assert code == 2, output
    assert "hce_words" in output
    assert "word" in output


@pytest.mark.slow
@pytest.mark.parametrize("code", ["9", "99", "999"])
def test_a_heap_of_codes_among_days_is_asked(code: str, rows: Rows, tmp_path: Path) -> None:
    at = rows[0].index("a2_03")
    changed = [[*r[:at], code, *r[at + 1 :]] if k and k % 20 == 0 else r for k, r in enumerate(rows)]
    path = write(changed, tmp_path / "adult.csv")
    with pytest.raises(InputError, match=rf"question a2_03: {code} \(\d+ times\).*missing_numbers=\[{code}\]"):
        read_phmrc("adult", path)
    deaths = read_phmrc("adult", path, missing_numbers=[float(code)])
    assert (deaths.symptoms[:, deaths.symptom_names.index("a2_03")] < 0).sum() >= len(range(20, len(rows), 20))
    assert len(read_phmrc("adult", path, missing_numbers=[])) == len(deaths)


@pytest.mark.parametrize("answer", ["-5", "-0.5", "-12"])
def test_many_negative_numbers_are_refused_and_one_is_noted(answer: str, rows: Rows, tmp_path: Path) -> None:
    at, few = rows[0].index("a2_03"), rows[:200]
    path = write(
        [[*r[:at], answer, *r[at + 1 :]] if k and k % 20 == 0 else r for k, r in enumerate(few)], tmp_path / "a"
    )
    with pytest.raises(InputError, match=rf"question a2_03: \d+% of its answers .*questionnaire: '{answer}'"):
        read_phmrc("adult", path)
    write([[*r[:at], answer, *r[at + 1 :]] if k == 1 else r for k, r in enumerate(few)], path)
    noted = [e for e in read_phmrc("adult", path, max_unknown=0.02).ledger if e.reason == "a negative number"]
    assert [(e.column, e.count, e.examples) for e in noted] == [("a2_03", 1, (answer,))]


@pytest.mark.slow
def test_deaths_of_another_site_under_other_ids_are_refused(rows: Rows, published: Deaths, tmp_path: Path) -> None:
    at = rows[0].index("site")
    again = [[*r[:at], "Pemba" if r[at] != "Pemba" else "AP", *r[at + 1 :]] for r in rows[1:6]]
    path = write([*rows, *again], tmp_path / "adult.csv")
    with pytest.raises(InputError, match=r"5 deaths occur twice: .* the same cells in every column but newid and site"):
        read_phmrc("adult", path)
    assert len(read_phmrc("adult", path, duplicates="first")) == len(published)
