"""Names of sites and causes, written otherwise in some rows: the same data set, or a refusal, never another one."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable

from hypothesis import strategies as st

from tests.fuzz.property import Property
from tests.fuzz.values import own_study, read
from va_experiments.errors import InputError

__all__ = ["PROPERTIES", "SPELLINGS", "table"]

LONGER = {"A": "Bohol", "B": "Pemba", "X": "Stroke", "Y": "Malaria", "Z": "Road traffic"}

SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "blanks": lambda v: f" {v} ",
    "a blank within": lambda v: f"{v[:2]} {v[2:]}",
    "a hyphen": lambda v: f"{v[:2]}-{v[2:]}",
    "an accent": lambda v: v.replace("a", "\u00e1").replace("o", "\u00f3"),
    "a point": lambda v: f"{v}.",
    "a star": lambda v: f"{v}*",
    "a footnote": lambda v: f"{v} (1)",
    "a code before": lambda v: f"I64 - {v}",
    "a number before": lambda v: f"12. {v}",
    "a code behind": lambda v: f"{v} (I64.1)",
    "a spreadsheet's text": lambda v: f'="{v}"',
    "quotes": lambda v: f"'{v}'",
    "a letter that is not seen": lambda v: f"{v[0]}\u200b{v[1:]}",
    "a Cyrillic letter": lambda v: v.replace("a", "\u0430").replace("o", "\u043e"),
    "no name": lambda v: "N/A",
    "a dash": lambda v: "--",
    "a number": lambda v: "1",
}
"""Name -> how a site or a cause may be written otherwise."""


@functools.cache
def table(spelling: str = "", column: int = 1, step: int = 2) -> bytes:
    """Return a study's own table, with the names of every so many rows in another spelling."""
    header, *rows = own_study()
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    out.writerow(header)
    for k, row in enumerate(rows):
        cells = [row[0], LONGER[row[1]], LONGER[row[2]], *row[3:]]
        if spelling and k % step == 0:
            cells[column] = SPELLINGS[spelling](cells[column])
        out.writerow(cells)
    return buffer.getvalue().encode("utf-8")


@functools.cache
def good() -> str:
    """Return the fingerprint of the table as it should be."""
    return read("csv", table()).fingerprint


def the_same_or_refused(spelling: str, column: int, step: int) -> None:
    """The fingerprint is that of the good table, or the file is refused."""
    try:
        deaths = read("csv", table(spelling, column, step))
    except InputError:
        return
    assert deaths.fingerprint == good(), f"{spelling} in column {column} gives {deaths.sites}, {deaths.causes}"


PROPERTIES: dict[str, Property] = {
    "spellings of names": Property(
        the_same_or_refused,
        {
            "spelling": st.sampled_from(sorted(SPELLINGS)),
            "column": st.sampled_from([1, 2]),
            "step": st.sampled_from([5, 7, 11, 13, 19]),
        },
        examples=25,
    )
}
