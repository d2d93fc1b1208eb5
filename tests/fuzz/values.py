"""The cells of real forms, written otherwise: the same data set (equal fingerprint), or a refusal, never another one.

Some columns of a good table get another spelling: case, blanks, quotes, the codes of a codebook, decimals, other words.
"""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from tests.fuzz.property import Property
from tests.fuzz.written import written
from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.phmrc import read_phmrc
from va_experiments.data.readers.phmrc_labels import SITES
from va_experiments.data.readers.phmrc_modules import module_of
from va_experiments.data.registry import load
from va_experiments.errors import InputError

__all__ = ["FORMS", "PROPERTIES", "SPELLINGS", "read", "spelt"]

N = 40
"""Deaths of a table: a single cell that is not understood is then more than 1% of its column."""

Table = tuple[tuple[str, ...], ...]

SPELLINGS: dict[str, Callable[[str], str]] = {
    "lower case": str.lower,
    "upper case": str.upper,
    "title case": str.title,
    "swapped case": str.swapcase,
    "blanks": lambda v: f"  {v} ",
    "tabs": lambda v: f"\t{v}",
    "no-break blanks": lambda v: f"\u00a0{v}\u00a0",
    "double blanks": lambda v: v.replace(" ", "  "),
    "typographic quotes": lambda v: v.replace("'", "\u2019"),
    "grave accents": lambda v: v.replace("'", "`"),
    "no quotes": lambda v: v.replace("'", ""),
    "full width": lambda v: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in v),
    "numbers of the codebook": lambda v: CODES.get(v, v),
    "one and two": lambda v: {"Yes": "1", "No": "2", "Y": "1", "N": "2", "y": "1", "n": "2"}.get(v, v),
    "decimals": lambda v: f"{v}.0" if v.isdecimal() else v,
    "codes as decimals": lambda v: f"{CODES[v]}.0" if v in CODES else v,
    "letters": lambda v: {"Yes": "Y", "No": "N"}.get(v, v),
    "words": lambda v: {"Y": "Yes", "N": "No", "y": "yes", "n": "no"}.get(v, v),
    "French": lambda v: {"Yes": "Oui", "No": "Non", "Y": "O", "N": "N"}.get(v, v),
    "a code before the word": lambda v: f"{CODES[v]} - {v}" if v in CODES else v,
    "a code behind the word": lambda v: f"{v} ({CODES[v]})" if v in CODES else v,
    "labels that contradict the codes": lambda v: {"Yes": "0 = Yes", "No": "1 = No"}.get(v, v),
    "a comma behind": lambda v: f"{v}," if v else v,
    "Spanish": lambda v: {"Yes": "S\u00ed", "No": "No", "Y": "S\u00ed", "y": "s\u00ed"}.get(v, v),
    "a letter that is not seen": lambda v: f"{v}\u200b" if v else v,
    "Swahili": lambda v: {"Yes": "Ndiyo", "No": "Hapana", "Y": "Ndiyo", "N": "Hapana"}.get(v, v),
    "plus and minus": lambda v: {"Yes": "+", "No": "-", "Y": "+", "N": "-", "y": "+", "n": "-"}.get(v, v),
    "an end": lambda v: f"{v}." if v else v,
    "true and false": lambda v: {"Yes": "True", "No": "False", "Y": "TRUE", "N": "FALSE"}.get(v, v),
    "another missing": lambda v: "NA" if v in ("", ".") else v,
    "999": lambda v: "999" if v in ("", ".", "Don't Know") else v,
    "decimal commas": lambda v: f"{v},0" if v.isdecimal() else v,
}
"""Name -> how a cell may be written otherwise."""

NOT_FOR_NUMBERS = ("numbers of the codebook", "codes as decimals", "999")
"""Spellings that change what a column of numbers says: there 9 is nine."""

CODES = {"No": "0", "Yes": "1", "Refused to Answer": "8", "Don't Know": "9"}


@functools.cache
def phmrc(module: str) -> Table:
    """Return simulated answers of a PHMRC module, each among those that its questions list."""
    rules, rng = module_of(module), np.random.default_rng(7)
    listed: dict[str, list[str]] = {}
    for rule in rules.rules:
        number = rule.cut is not None or rule.learned or rule.recorded  # of dates, only whether they are there counts
        answers = ["1", "20", "300"] if number else [*sorted(rule.yes), *sorted(rule.no)]
        for column in rule.columns:
            listed.setdefault(column, []).extend(a for a in answers if a not in listed.get(column, ()))
    ages = [c for c, _ in rules.age]
    for column, years in rules.age:
        possible = [a for a in ("1", "5", "20", "60") if rules.age_range[0] <= int(a) * years <= rules.age_range[1]]
        if column in listed:
            listed[column] = possible or ["1"]
    cause = "gs_text34" if rules.stems else "va34"
    rows: list[tuple[str, ...]] = [("newid", "site", "module", cause, *listed, *(a for a in ages if a not in listed))]
    for k in range(N):
        cells = [str(rng.choice([*answers, "Don't Know", "Refused to Answer"])) for answers in listed.values()]
        known = rules.stems[k % len(rules.stems)][0] if rules.stems else str(1 + k % len(rules.causes))
        age_marks = ["1" if a == ages[0] else "" for a in ages if a not in listed]
        rows.append((str(k + 1), SITES[k % len(SITES)], rules.name.title(), known, *cells, *age_marks))
    return tuple(rows)


@functools.cache
def own_study() -> Table:
    """Return a study's own table, with Y, N and a point."""
    rng = np.random.default_rng(8)
    rows: list[tuple[str, ...]] = [("id", "site", "cause", *(f"q{j}" for j in range(12)))]
    for k in range(N):
        rows.append((f"d{k}", "AB"[k % 2], "XYZ"[k % 3], *(str(v) for v in rng.choice(["Y", "N", "."], size=12))))
    return tuple(rows)


@functools.cache
def who2016() -> Table:
    """Return a table in the input form of InterVA-5."""
    rng, names = np.random.default_rng(9), read_probbase().indicators
    rows: list[tuple[str, ...]] = [("ID", *names)]
    rows += [(f"d{k}", *(str(v) for v in rng.choice(["y", "n", "."], size=len(names)))) for k in range(N)]
    return tuple(rows)


FORMS: dict[str, tuple[Callable[[], Table], int]] = {
    "adult": (functools.partial(phmrc, "adult"), 4),
    "child": (functools.partial(phmrc, "child"), 4),
    "neonate": (functools.partial(phmrc, "neonate"), 4),
    "csv": (own_study, 3),
    "who2016": (who2016, 1),
}
"""Form -> a good table, and the columns before its answers."""


def spelt(form: str, columns: Sequence[int], spelling: str) -> bytes:
    """Return a form's table as CSV, the answers of some columns (all, if none is named) in another spelling."""
    make, first = FORMS[form]
    header, *rows = make()
    chosen = {first + c % (len(header) - first) for c in columns} or set(range(first, len(header)))
    if spelling in NOT_FOR_NUMBERS:
        chosen -= {j for j in chosen if any(row[j].isdecimal() for row in rows)}
    change = SPELLINGS[spelling]
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    out.writerow(header)
    out.writerows([change(v) if j in chosen else v for j, v in enumerate(row)] for row in rows)
    return buffer.getvalue().encode("utf-8")


def read(form: str, raw: bytes) -> Deaths:
    """Read a table of a form."""
    with written(raw) as path:
        if form in ("csv", "who2016"):
            return load(form, {"path": str(path), "id": "id" if form == "csv" else "ID"})
        return read_phmrc(form, path, features="hce_words")


@functools.cache
def good(form: str) -> str:
    """Return the fingerprint of a form's good table."""
    header, *rows = FORMS[form][0]()
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return read(form, buffer.getvalue().encode()).fingerprint


def the_same_or_refused(form: str, columns: list[int], spelling: str) -> None:
    """The fingerprint is that of the good table, which is read, or the file is refused."""
    expected = good(form)
    try:
        deaths = read(form, spelt(form, columns, spelling))
    except InputError:
        return
    assert deaths.fingerprint == expected, f"{form}: {spelling} in columns {columns} gives another data set"


PROPERTIES: dict[str, Property] = {
    f"spellings of {form} cells": Property(
        functools.partial(the_same_or_refused, form),
        {
            "columns": st.lists(st.integers(0, 400), max_size=6),
            "spelling": st.sampled_from(sorted(SPELLINGS)),
        },
        examples=12,
    )
    for form in FORMS
}
