"""Ours against an original program on simulated deaths: needs no file beside the checkout."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.fixtures.make import HERE, read, simulated_answers
from va_experiments.data.probbase import read_probbase
from va_experiments.models.interva.datacheck import check_consistency

CHECKS = {"checked_interva5.txt.gz": True, "checked_insilicova.txt.gz": False}
"""File -> whether answers that are not substantive are spared."""


@pytest.mark.parametrize("name", CHECKS)
def test_the_data_check_equals_that_of_vacheck(name: str) -> None:
    answers, expected = read("answers.txt.gz"), read(name)
    checked = check_consistency(answers, read_probbase(), only_substantive=CHECKS[name]).symptoms
    assert checked.shape == expected.shape == (160, 353)
    assert (expected != answers).sum() > 7000, "the check had something to do"
    assert int((checked != expected).sum()) == 0


def test_the_two_rules_differ() -> None:
    assert (read("checked_interva5.txt.gz") != read("checked_insilicova.txt.gz")).sum() > 1000


def test_the_answers_are_those_of_the_recipe() -> None:
    np.testing.assert_array_equal(read("answers.txt.gz"), simulated_answers(353))


def test_the_fixtures_are_small() -> None:
    assert sum(path.stat().st_size for path in HERE.iterdir() if path.is_file()) < 100_000
