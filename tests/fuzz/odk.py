"""ODK exports of WHO 2016: the same answers give the same indicators under any header and spelling."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from tests.fuzz.property import Property
from tests.fuzz.written import written
from va_experiments.data.readers.odk_header import AGES
from va_experiments.data.readers.who2016_odk import Converted, convert_who2016_odk
from va_experiments.data.readers.who2016_table import choices, kinds
from va_experiments.errors import InputError

__all__ = ["PROPERTIES", "answers", "converted", "table"]

N = 24
OF_1_4 = ("Id10184", "Id10190", "Id10197b", "Id10209", "Id10211", "age_neonate_days")
QUESTIONS = tuple(q for q in kinds() if q not in OF_1_4)
SEVERAL = ("Id10173", "Id10235", "Id10260", "Id10414")

HEADERS: dict[str, Callable[[str], str]] = {
    "Collect": lambda q: f"consented-illhistory-{q}",
    "Aggregate": lambda q: f"consented:illhistory:{q}",
    "Central": lambda q: f"consented-{q}",
    "Kobo": lambda q: f"consented/illhistory/{q}",
    "no group": lambda q: q,
    "empty group": lambda q: f"-{q}",
    "upper case": lambda q: f"CONSENTED-{q}".upper(),
    "lower case": lambda q: f"consented-{q}".lower(),
    "R": lambda q: f"consented.illhistory.{q}",
    "blanks": lambda q: f" consented-{q} ",
    "label": lambda q: q if q in AGES else f"({q}) What was it - a long text, with Id and a (remark)?",
    "code and label": lambda q: q if q in AGES else f"{q}. What was it?",
    "version": lambda q: f"consented/{q}" if q in AGES else f"consented/{q}_v1",
    "repetition": lambda q: f"consented/illness[1]/{q}[1]",
    "language": lambda q: q if q in AGES else f"({q}) What was it?::English (en)",
    "joined": lambda q: f"consented-{q}.x",
    "quoted": lambda q: f"'consented-{q}'",
    "language of a name": lambda q: f"consented-{q}::English (en)",
    "group with a number": lambda q: f"Illness (Id10120)/({q}) What was it?",
    "label first": lambda q: f"What was it? [{q}]",
    "Stata": lambda q: f"consented_illhistory_{q}",
}
"""Program or style -> how it names the column of a question."""

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda cell: cell,
    "upper case": str.upper,
    "title case": str.title,
    "blanks": lambda cell: f"  {cell} ",
    "labels": lambda cell: LABELS.get(cell, cell.replace("_", " ").capitalize()),
    "numbers": lambda cell: NUMBERS.get(cell, cell),
    "one and two": lambda cell: {"yes": "1", "no": "2"}.get(cell, cell),
    "decimals": lambda cell: f"{cell}.0" if cell.isdecimal() else cell,
    "underscores": lambda cell: {"dk": "dont_know", "ref": "refused_to_answer"}.get(cell, cell),
    "codes and words": lambda cell: {"yes": "1. Yes", "no": "No (0)", "dk": "9. Don't know"}.get(cell, cell),
    "negative codes": lambda cell: {"dk": "-99", "ref": "-88"}.get(cell, cell),
    "French": lambda cell: {"yes": "Oui", "no": "Non", "dk": "Ne sait pas"}.get(cell, cell),
    "letters": lambda cell: {"yes": "y", "no": "n", "dk": ".", "male": "M", "female": "F"}.get(cell, cell),
}
"""How the same cell may be written."""

LABELS = {"yes": "Yes", "no": "No", "dk": "Doesn\u2019t know", "ref": "Refused to answer", "": "n/a"}
NUMBERS = {"yes": "1", "no": "0", "dk": "99", "ref": "88"}
ODD = ("perhaps", "yess", "3", "ja?", "female", "12 days", "o", "-", "0x1", "é", "continuous", "none", "TRUE")


@functools.cache
def answers() -> tuple[dict[str, str], ...]:
    """Return the answers of some simulated deaths, by question."""
    rng = np.random.default_rng(20160501)
    rows = []
    for k in range(N):
        row = {"instanceID": f"uuid:{k}"}
        for question in QUESTIONS:
            if question in AGES:
                row[question] = ""
            elif kinds()[question] == "yes_no":
                row[question] = str(rng.choice(["yes", "no", "no", "dk", "ref", ""]))
            elif kinds()[question] == "choice":
                known = sorted({c for c in choices()[question].values() if c != "no"})
                row[question] = str(rng.choice([*known, "dk", ""]))
                if question in SEVERAL and rng.random() < 0.3:
                    row[question] = " ".join(known[:2])
            else:
                row[question] = str(rng.choice(["0", "1", "3", "7", "14", "21", "30", "99", "dk", ""]))
        row["Id10019"] = str(rng.choice(["male", "female"]))
        days = int(rng.choice([3, 200, 1500, 9000, 20000, 30000]))
        row["ageInDays"], row["ageInYears"] = str(days), str(int(days / 365.25))
        rows.append(row)
    return tuple(rows)


def table(
    header: Callable[[str], str] = str, cell: Callable[[str], str] = str, odd: tuple[int, int, str] | None = None
) -> bytes:
    """Return the answers as a CSV file; `odd` puts a text into one cell."""
    rows = answers()
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    names = list(rows[0])
    out.writerow([n if n == "instanceID" else header(n) for n in names])
    for k, row in enumerate(rows):
        cells = [row[n] if n == "instanceID" else cell(row[n]) for n in names]
        if odd is not None and odd[0] == k:
            cells[1 + odd[1] % (len(names) - 1)] = odd[2]
        out.writerow(cells)
    return buffer.getvalue().encode()


def converted(raw: bytes) -> Converted:
    """Convert a file with these bytes."""
    with written(raw) as path:
        return convert_who2016_odk(path)


@functools.cache
def expected() -> Converted:
    """Return what the answers give as ODK Collect writes them."""
    return converted(table())


def the_same_or_refused(header: str, spelling: str) -> None:
    """Under any header and spelling, the same answers give the same indicators, ages and sexes."""
    try:
        converted_export = converted(table(HEADERS[header], SPELLINGS[spelling]))
    except InputError:
        return
    np.testing.assert_array_equal(converted_export.indicators, expected().indicators)
    for name, values in expected().covariates.items():
        np.testing.assert_array_equal(converted_export.covariates[name], values)


def an_odd_cell(row: int, column: int, text: str) -> None:
    """A cell that may be no answer changes nothing but what follows from it, and is told if it is no answer."""
    name = list(answers()[0])[1 + column % (len(answers()[0]) - 1)]
    try:
        converted_export = converted(table(odd=(row, column, text)))
    except InputError as error:
        problems = error.problems
    else:
        others = np.arange(N) != row
        np.testing.assert_array_equal(converted_export.indicators[others], expected().indicators[others])
        return
    assert any(name in p for p in problems), problems


PROPERTIES: dict[str, Property] = {
    "headers and spellings of an ODK export": Property(
        the_same_or_refused,
        {"header": st.sampled_from(sorted(HEADERS)), "spelling": st.sampled_from(sorted(SPELLINGS))},
        examples=25,
    ),
    "an odd cell in an ODK export": Property(
        an_odd_cell,
        {"row": st.integers(0, N - 1), "column": st.integers(0, 10_000), "text": st.sampled_from(ODD)},
        examples=15,
    ),
}
