"""``data check`` repairs what it finds: spellings of one name and stand-ins for an unknown age."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from va_experiments.cli import main
from va_experiments.data.check import suggest
from va_experiments.data.registry import load


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    lines = ["id,site,cause,age,fever,cough"]
    for k in range(60):
        site = ("North", "north ", "South")[k % 3]
        cause = ("Malaria", "malaria", " Malaria", "Stroke", "Strokes", "Injury")[k % 6]
        lines.append(f"d{k},{site},{cause},{999 if k % 10 == 0 else 20 + k},{'YN'[k % 2]},{'NY'[k % 3 // 2]}")
    path = tmp_path / "dirty.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_yaml_keeps_the_repairs_and_the_ledger_counts_them(dirty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = dirty.with_name("study.yaml")
    assert main(["data", "check", str(dirty), "--write", str(target)]) == 0
    options = yaml.safe_load(target.read_text(encoding="utf-8"))
    assert options["cause_map"] == {"Malaria": "Malaria", "malaria": "Malaria"}
    assert options["site_map"] == {"North": "North", "north": "North"}
    assert options["age_missing"] == [999.0]
    assert "'stroke' (10 deaths) and 'strokes' (10) look alike" in target.read_text(encoding="utf-8")
    deaths = load(options.pop("name"), options)
    assert deaths.causes == ("Injury", "Malaria", "Stroke", "Strokes")
    assert deaths.sites == ("North", "South")
    assert sum(e.count for e in deaths.ledger if "cause_map" in e.reason) == 20, "the others are written so"
    assert int((deaths.covariates["age"] != deaths.covariates["age"]).sum()) == 6
    assert "corrected: cause" in capsys.readouterr().out


def test_what_is_given_is_not_guessed(dirty: Path) -> None:
    suggestion = suggest(dirty, {"cause_map": {"malaria": "Fever"}, "age_missing": []})
    assert suggestion.options["cause_map"] == {"malaria": "Fever"}
    assert suggestion.options["age_missing"] == []


def test_similar_ids_and_codes_among_numbers_are_shown_side_by_side(tmp_path: Path) -> None:
    lines = ["id,site,cause,weight,parity,fever,cough"]
    for k in range(60):
        name = {7: "D-008", 8: "d8"}.get(k, f"x{k}y")
        weight = 999 if k % 20 == 0 else 40 + k
        lines.append(f"{name},North,{('Malaria', 'Stroke')[k % 2]},{weight},{99 if k else 80},{'YN'[k % 2]},Y")
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join(lines) + "\n")
    suggestion = suggest(path, {"covariates": {"weight": None, "parity": None}})
    assert "# 1 id looks like another ('D-008' and 'd8'); they are compared as text" in suggestion.text
    assert "# column 'weight': 999 stands far above all other numbers (3 times)" in suggestion.text
    assert "'parity'" not in suggestion.text.replace('"parity"', "")
