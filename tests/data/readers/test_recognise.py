"""The form of a file is told from its header, and only where there is no doubt."""

from __future__ import annotations

import pytest

from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.phmrc_modules import module_of
from va_experiments.data.readers.recognise import recognise


def odk(separator: str, prefix: str = "consented") -> list[str]:
    return [f"{prefix}{separator}Id{k}" for k in range(10100, 10140)]


@pytest.mark.parametrize("header", [odk("-"), odk(":"), odk("-", ""), odk("/"), odk(".", "a"), odk("", "")])
def test_odk_export_of_2016(header: list[str]) -> None:
    form = recognise([c.replace("Id", "id") for c in header])
    assert form is not None
    assert form.reader == "who2016_odk"
    assert "40 questions" in form.what


def test_exports_of_2012_and_2022() -> None:
    old = recognise([f"group-Id3A{k}" for k in range(100, 140)])
    assert old is not None
    assert "WHO 2012" in old.what
    new = recognise([*odk("-"), "x-Id10488"])
    assert new is not None
    assert "WHO 2022" in new.what


def test_input_of_interva() -> None:
    five = recognise(["ID", *read_probbase().indicators])
    assert five is not None
    assert five.reader == "who2016"
    assert "353 of its 353" in five.what
    names = ["ID", "elder", "midage", "adult", "child", "under5", "infant", "neonate", "male", "female"]
    four = recognise([*names, *(f"v{k}" for k in range(246 - len(names)))])
    assert four is not None
    assert "InterVA-4 (245 indicators" in four.what
    assert "data.blank=absent" in four.step


@pytest.mark.parametrize("module", ["adult", "child", "neonate"])
def test_phmrc_in_any_case(module: str) -> None:
    form = recognise(["", *(c.upper() for rule in module_of(module).rules for c in rule.columns)])
    assert form is not None
    assert form.reader == f"phmrc_{module}"


@pytest.mark.parametrize(
    "header", [["id", "site", "cause", "cough"], [f"q{k}" for k in range(245)], ["Id10100", "id10101", "cough"], []]
)
def test_a_table_of_a_study_is_no_form(header: list[str]) -> None:
    assert recognise(header) is None
