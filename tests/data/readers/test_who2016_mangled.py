"""InterVA-5's input as programs and people change it: the same data set, or a question whose answer works."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from va_experiments.commands.data import _parsed
from va_experiments.data import load
from va_experiments.data.check import suggest
from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import read_probbase
from va_experiments.errors import InputError

CODES = read_probbase().indicators
HEADER = ["ID", *CODES, "site"]
_RNG = np.random.default_rng(9)
ROWS = [
    [f"d{k}", *_RNG.choice(["y", "n", "."], p=[0.3, 0.65, 0.05], size=len(CODES)).tolist(), ("Pemba", "Dar")[k % 2]]
    for k in range(80)
]


def read(rows: list[list[str]], folder: Path, **options: Any) -> Deaths:
    path = folder / "who.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    return load("who2016", {"path": str(path), "site": "site", **options})


def changed(change: Callable[[str], str], columns: range = range(1, len(CODES) + 1)) -> list[list[str]]:
    return [[change(v) if j in columns else v for j, v in enumerate(row)] for row in ROWS]


def swapped(cell: str) -> str:
    return {"y": "2", "n": "1"}.get(cell, cell)


@pytest.mark.parametrize("cells", [("Oui", "Non"), ("TRUE", "FALSE"), ("yes.", "no."), ("1", "2"), ("2 yes", "1 no")])
def test_the_same_data_set(cells: tuple[str, str], tmp_path: Path) -> None:
    rows = changed(lambda v: dict(zip("yn", cells, strict=True)).get(v, v))
    assert read(rows, tmp_path).fingerprint == read(ROWS, tmp_path).fingerprint


def test_numbers_that_nearly_always_say_yes_are_asked_about(tmp_path: Path) -> None:
    good = read(ROWS, tmp_path).fingerprint
    with pytest.raises(InputError, match="do the numbers stand the other way round") as caught:
        read(changed(swapped), tmp_path)
    first, second = (part.split("'")[0] for part in str(caught.value).split("'data.value_map=")[1:])
    other, as_read = (read(changed(swapped), tmp_path, **_parsed([f"value_map={m}"])) for m in (first, second))
    assert other.fingerprint == good
    assert (as_read.symptoms == 1).sum() > (as_read.symptoms == 0).sum()


def test_indicators_that_say_yes_or_nothing_are_asked_about(tmp_path: Path) -> None:
    rows = changed(lambda v: "" if v == "n" else v, range(1, 60))
    with pytest.raises(InputError, match="say yes or nothing, others say no") as caught:
        read(rows, tmp_path)
    (typed,) = (part.split("'")[0] for part in str(caught.value).split("'data.value_map=")[1:])
    assert len(read(rows, tmp_path, **_parsed([f"value_map={typed}"]))) == 80


def test_marks_behind_ids_and_sites_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"4 ids end with a mark .*name another column of ids with data\.id=COLUMN"):
        read([[f"{row[0]}*", *row[1:]] if k % 20 == 0 else row for k, row in enumerate(ROWS)], tmp_path)
    rows = [[*row[:-1], f"{row[-1]}*"] for row in ROWS]
    with pytest.raises(InputError, match=r"site 'Dar\*'.*ends with the mark of a footnote") as caught:
        read(rows, tmp_path)
    typed = str(caught.value).split("'data.site_map=")[1].split("'")[0]
    assert read(rows, tmp_path, **_parsed([f"site_map={typed}"])).sites == ("Dar", "Pemba")


def test_the_map_of_sites_renames_and_leaves_out(tmp_path: Path) -> None:
    assert read(ROWS, tmp_path, site_map={"Dar": "Dar es Salaam"}).sites == ("Dar es Salaam", "Pemba")
    assert len(read(ROWS, tmp_path, site_map={"Dar": None})) == 40
    with pytest.raises(InputError, match=r"data\.site_map names 'Darr', which is no site of the table"):
        read(ROWS, tmp_path, site_map={"Darr": "Dar"})


def test_hints_name_only_options_that_the_reader_has(tmp_path: Path) -> None:
    rows = [[*row[:-1], "nan"] if k == 3 else row for k, row in enumerate(ROWS)]
    with pytest.raises(InputError, match="1 row without a site") as caught:
        read(rows, tmp_path)
    assert "data.sites" not in str(caught.value)
    assert len(read(rows, tmp_path, site_map={"nan": None})) == 79


def test_a_reader_that_is_named_is_checked_as_it_is(tmp_path: Path) -> None:
    good = read(ROWS, tmp_path)
    options = dict(suggest(tmp_path / "who.csv", {"name": "who2016", "site": "site"}).options)
    assert load(options.pop("name"), options).fingerprint == good.fingerprint
