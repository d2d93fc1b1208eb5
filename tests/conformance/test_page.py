"""The page of conformance, on rows made up."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.conformance import rows_by_fold
from benchmarks.conformance_ties import Tie, close_ties, explained_ties

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def test_rows_of_a_fold_are_counted_by_kind_of_run_and_missing_kinds_named():
    cases = ["train A, quantile", "train A, quantile", "train A, fixed", "train B, quantile", "standard X"]
    assert rows_by_fold(cases).splitlines() == [
        "| fold | quantile | fixed | all |",
        "|---|---:|---:|---:|",
        "| A | 2 | 1 | 3 |",
        "| B | 1 | no stored run | 1 |",
    ]


def test_only_ties_in_the_last_bits_are_listed():
    head = ["ID", "CAUSE2", "LIK2", "CAUSE3", "LIK3"]
    rows = [["d1", "b", "1", "c", "0"], ["d2", "b", "0", "c", "0"], ["d3", "b", "1", " ", " "]]
    probability = np.array([[0.99, 0.0099, 1e-5, 1e-5 * (1 - 1e-15)], [0.996, 2e-3, 1e-3, 1e-3], [0.9, 0.1, 0, 0]])
    table = list(close_ties(pd.DataFrame(rows, columns=head), probability, ("a", "b", "c", "d")))
    assert table == [Tie("d1", 3, "c", ("d",))]
    text = explained_ties({("A", "fixed", "uniform"): table, ("B", "fixed", "uniform"): []})
    assert "No output of the original is stored for A, B." in text
    assert text.splitlines()[-1] == "| A | fixed, uniform | d1 | 3 | c | d |"
    assert "There are none." in explained_ties({("B", "fixed", "uniform"): []})


def test_the_page_says_which_fold_has_24_rows_and_why_others_have_fewer():
    """Every fold's count is that of its rows on the page; a kind without rows is named as not stored."""
    page = PAGE.read_text(encoding="utf-8")
    cases = re.findall(r"^\| (train \w+, [^|]+?) \|", page, flags=re.MULTILINE)
    table = rows_by_fold(cases)
    assert table in page
    every = {line.split("|")[1].strip(): line for line in table.splitlines()[2:]}
    assert every["Pemba"].endswith("| 24 |")
    assert all("no stored run" in line for site, line in every.items() if site != "Pemba")
    assert "until runs of\nthe original are handed over" in page


def test_the_folds_on_the_page_are_those_that_are_stored():
    from benchmarks.reference import REFERENCE, folds

    if not REFERENCE.is_dir():
        pytest.skip("the reference outputs are not here")
    page = PAGE.read_text(encoding="utf-8")
    on_page = re.findall(r"^\| train (\w+), quantile \|", page, flags=re.MULTILINE)
    assert list(dict.fromkeys(on_page)) == list(folds("insilico_train"))
    listed = re.search(r"No output of the original is stored for ([\w, ]+)\.", page)
    assert listed is not None
    assert not set(listed[1].split(", ")) & set(folds("interva_train"))
