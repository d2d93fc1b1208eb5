"""What programs and people add to names: left out where it means nothing, asked about where it may mean something."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from va_experiments.commands.data import _parsed
from va_experiments.data import load
from va_experiments.data.check import suggest
from va_experiments.data.deaths import Deaths
from va_experiments.data.decorated import doubtful_ids, doubtful_names, in_one_alphabet, undecorated
from va_experiments.errors import InputError

HEADER = ["id", "site", "cause", *(f"q{j}" for j in range(6))]
SITES, CAUSES = ("Pemba", "Dar"), ("Malaria", "AIDS", "TB")
ROWS = [
    [f"d{k}", SITES[k % 2], CAUSES[k % 3], *("YN."[v] for v in np.random.default_rng(k).integers(0, 3, 6))]
    for k in range(60)
]
MEANS_NOTHING: dict[str, Callable[[str], str]] = {
    "a spreadsheet's text": lambda v: f'="{v}"',
    "quotes": lambda v: f'"{v}"',
    "zero-width space": lambda v: f"{v[0]}\u200b{v[1:]}",
    "soft hyphen": lambda v: f"{v[0]}\u00ad{v[1:]}",
    "byte-order mark": lambda v: f"\ufeff{v}",
    "no-break space": lambda v: f"{v}\u00a0",
    "full width": lambda v: "".join(chr(ord(c) + 0xFEE0) for c in v),
}
TO_ASK: dict[str, Callable[[str], str]] = {
    "star": lambda v: f"{v}*",
    "number of a footnote": lambda v: f"{v} (1)",
    "superscript": lambda v: f"{v}\u00b9",
    "apostrophe": lambda v: f"'{v}",
    "Cyrillic letters": lambda v: v.replace("a", "\u0430").replace("A", "\u0410").replace("T", "\u0422"),
}


def read(rows: list[list[str]], folder: Path, header: list[str] = HEADER, **options: Any) -> Deaths:
    path = folder / "study.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return load("csv", {"path": str(path), "id": "id", **options})


def changed(column: int, change: Callable[[str], str], step: int = 1) -> list[list[str]]:
    return [[change(v) if j == column and k % step == 0 else v for j, v in enumerate(r)] for k, r in enumerate(ROWS)]


@pytest.mark.parametrize("column", [0, 1, 2, 3], ids=["id", "site", "cause", "answers"])
@pytest.mark.parametrize("what", MEANS_NOTHING)
def test_what_means_nothing_changes_nothing(what: str, column: int, tmp_path: Path) -> None:
    deaths = read(changed(column, MEANS_NOTHING[what]), tmp_path)
    assert deaths.fingerprint == read(ROWS, tmp_path).fingerprint
    assert column not in (1, 2) or any(e.action == "normalised" for e in deaths.ledger)


@pytest.mark.parametrize("what", MEANS_NOTHING)
def test_names_of_columns_too(what: str, tmp_path: Path) -> None:
    header = [*HEADER[:3], *map(MEANS_NOTHING[what], HEADER[3:])]
    assert read(ROWS, tmp_path, header).fingerprint == read(ROWS, tmp_path).fingerprint


@pytest.mark.parametrize("column", [1, 2], ids=["site", "cause"])
@pytest.mark.parametrize("what", [*TO_ASK, *MEANS_NOTHING])
def test_two_spellings_of_one_name_are_asked_about_and_both_ways_out_work(
    what: str, column: int, tmp_path: Path
) -> None:
    good = read(ROWS, tmp_path).fingerprint
    rows = changed(column, (TO_ASK | MEANS_NOTHING)[what], step=5)
    with pytest.raises(InputError) as caught:
        read(rows, tmp_path)
    (sentence,) = caught.value.problems
    proposed = {k: v for k, v in suggest(tmp_path / "study.csv").options.items() if k in ("site_map", "cause_map")}
    (typed,) = [w.rstrip(";") for w in shlex.split(sentence.split("or say ")[1].split("; if it is")[0])]
    assert read(rows, tmp_path, **_parsed([typed])).fingerprint == good
    assert read(rows, tmp_path, **proposed).fingerprint == good


def test_a_name_that_is_confirmed_stays(tmp_path: Path) -> None:
    rows = changed(1, lambda v: f"{v}*", step=5)
    deaths = read(rows, tmp_path, site_map={"Pemba*": "Pemba*", "Dar*": "Dar*"})
    assert deaths.sites == ("Dar", "Dar*", "Pemba", "Pemba*")


@pytest.mark.parametrize("change", [lambda v: f"{v}*", lambda v: f"{v} (1)", lambda v: v.replace("d", "\u0501")])
def test_ids_with_a_mark_are_asked_about(change: Callable[[str], str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"12 ids end with a mark or have letters of another alphabet"):
        read(changed(0, change, step=5), tmp_path)
    assert len(read(changed(0, change, step=5), tmp_path, id=None, exclude=["id"])) == 60


@pytest.mark.parametrize(
    "name",
    ["Córdoba", "'s-Hertogenbosch", "Don’t know", "Tanzania (mainland)", "می‌شود", "क्‍ष", "IFN-γ", "Clinic 2", "A/B"],
)
def test_names_of_their_own_stay(name: str) -> None:
    assert undecorated(name) == name
    assert in_one_alphabet(name) == name
    assert doubtful_names([name, "Dar"]) == {}


def test_names_in_other_alphabets_stay() -> None:
    assert doubtful_names(["Малярия", "СОРОТА", "Рак", "COPD", "Ρόδος", "Χίος"]) == {}
    assert doubtful_names(["Clinic (1)", "Clinic (2)"]) == {}
    assert doubtful_ids(["Д1", "А1", "B2"]) == []
    assert doubtful_ids(["d1*", "d2*"]) == []


def test_words_are_written_in_the_alphabet_of_all_their_letters() -> None:
    assert in_one_alphabet("P\u0435mba") == "Pemba"
    assert in_one_alphabet("Маляpия") == "Малярия"  # a Latin p
    assert doubtful_names(["\u0410", "B"]) == {"\u0410": ("has letters of another alphabet that look the same", "A")}
