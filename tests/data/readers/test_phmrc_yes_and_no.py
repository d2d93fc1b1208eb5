"""A PHMRC file whose cells for no were left empty, or whose codes stand the other way round, is refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.values import phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.phmrc import read_phmrc
from va_experiments.errors import InputError


def read(change: Callable[[str], Any], folder: Path, *, closed: bool = False, **options: Any) -> Deaths:
    """Read a simulated file with other cells; `closed`: only in questions whose answers are yes and no."""
    header, *rows = phmrc("adult")
    known = {"Yes", "No", "Don't Know", "Refused to Answer"}
    chosen = {j for j in range(4, len(header)) if not closed or {row[j] for row in rows} <= known}
    path = folder / "adult.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            cells = [change(v) if j in chosen else v for j, v in enumerate(row)]
            writer.writerows([f"{row[0]}-{k}", *cells[1:]] for k in range(3))
    return read_phmrc("adult", path, duplicates="keep", **options)


def test_only_yes_or_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\d+ questions \('a1_01_1'.*hold yes or nothing, and never no"):
        read(lambda v: "" if v == "No" else v, tmp_path)
    allowed = read(lambda v: "" if v == "No" else v, tmp_path, max_unknown=1)
    assert len(allowed) == 120


def test_codes_the_other_way_round(tmp_path: Path) -> None:
    """Simulated answers say yes as often as no: those that are not known become no, and then all are swapped."""
    codes = {"Don't Know": "0", "Refused to Answer": "0", "No": "0", "Yes": "1"}
    assert len(read(codes.get, tmp_path, closed=True)) == 120
    swapped = {answer: "10"[int(code)] for answer, code in codes.items()}
    with pytest.raises(InputError, match=r"of the answers say yes, in the published files 16% to 19%: do the codes"):
        read(swapped.get, tmp_path, closed=True)
    assert len(read(swapped.get, tmp_path, closed=True, max_unknown=1)) == 120


def test_the_kinds_of_injury_may_hold_yes_or_nothing(tmp_path: Path) -> None:
    """The published files do so at two of their sites, of which somebody may hold one alone."""
    header = phmrc("adult")[0]
    path = tmp_path / "adult.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for k, row in enumerate(phmrc("adult")[1:]):
            writer.writerow(
                [("Yes", "", "")[k % 3] if n.startswith("a5_01_") else v for n, v in zip(header, row, strict=True)]
            )
    assert read_phmrc("adult", path, duplicates="keep").name == "phmrc_adult"
