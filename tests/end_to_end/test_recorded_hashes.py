"""Predictions and metrics are those recorded, to the last bit; the comparison itself finds every difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.recorded import RECORDED, RUNS, compare, conformance_hash, environment, hashes, recorded
from tests.end_to_end.conftest import run_command

ROOT = Path(__file__).resolve().parents[2]


def check_recorded(name: str, cells: pd.DataFrame) -> None:
    """Fail if the cells of a run differ from those recorded; skip if that may be due to another processor."""
    expected = recorded()
    differences = compare(expected["runs"][name], hashes(cells, expected["metrics"]))
    if differences and environment() != expected["environment"]:
        pytest.skip(f"recorded with other libraries or on another processor: {expected['environment']}")
    assert differences == []


@pytest.mark.nightly
@pytest.mark.slow
def test_every_model_gives_the_recorded_bits(tmp_path: Path) -> None:
    ran = run_command(*RUNS["models_small"], "execution=inline", "-m", outputs=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.cells["model"].nunique() == 16
    check_recorded("models_small", ran.cells)


def test_the_conformance_page_has_the_recorded_figures() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert conformance_hash(page) == recorded()["conformance"]
    assert conformance_hash(page.replace("0 mismatches", "1 mismatches", 1)) != recorded()["conformance"]


def test_the_file_holds_hashes_alone() -> None:
    assert RECORDED.stat().st_size < 100_000
    runs: Mapping[str, Mapping[str, Sequence[str]]] = recorded()["runs"]
    assert {name: len(cells) for name, cells in runs.items()} == {
        "main": 12,
        "models_small": 32,
        "models": 96,
        "va34": 280,
        "child": 30,
    }
    assert {len(h) for cells in runs.values() for pair in cells.values() for h in pair} == {16}


def cells(**changes: object) -> pd.DataFrame:
    row = {"model": "nbc", "protocol": "loso", "train_sites": "A", "test_site": "B", "train_size": "all"}
    return pd.DataFrame([{**row, "prediction_sha256": "ab" * 32, "top1": 0.1 + 0.2, "kappa": None, **changes}])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"fit_seconds": 3.0}, []),
        ({"top1": 0.3}, ["other metrics: nbc | loso | A | B | all"]),
        ({"kappa": 0.0}, ["other metrics: nbc | loso | A | B | all"]),
        ({"prediction_sha256": "cd" * 32}, ["other prediction: nbc | loso | A | B | all"]),
        (
            {"test_site": "C"},
            ["not computed: nbc | loso | A | B | all", "not recorded: nbc | loso | A | C | all"],
        ),
    ],
)
def test_differences_are_named(changes: dict[str, object], expected: list[str]) -> None:
    metrics = ["top1", "kappa"]
    assert compare(hashes(cells(), metrics), hashes(cells(**changes), metrics)) == expected
