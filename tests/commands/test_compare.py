"""``va-experiments compare`` and ``power`` on a finished run: what they print, their page, their exit codes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import Ran


@pytest.fixture
def two(finished: Ran, tmp_path: Path) -> tuple[Path, Path]:
    """The finished run, and the same with less accuracy at both sites."""
    other = tmp_path / "runs" / "d" / "worse"
    shutil.copytree(finished.folder, other)
    for name in ("cells", "baselines"):
        table = pd.read_parquet(other / f"{name}.parquet")
        if name == "cells":
            nbc = table["model"] == "nbc"
            table.loc[nbc, "top1"] -= [0.05, 0.052]
            table.loc[nbc, "prediction_sha256"] = "0" * 64
        table.to_parquet(other / f"{name}.parquet")
    return finished.folder, other


def test_a_run_and_itself(finished: Ran, va: Callable) -> None:
    code, out, _ = va("compare", finished.folder, finished.folder, "--fail-if", "different")
    assert code == 0
    assert "8 cells in both runs, 8 of them with the same predictions to the last bit." in out
    assert "No model is worse" in out
    assert "What the runs were made of" not in out


@pytest.mark.slow
def test_a_worse_run_fails(two: tuple[Path, Path], va: Callable, tmp_path: Path) -> None:
    code, out, _ = va("compare", *two, "--fail-if", "worse", "--metric", "top1", "--out", tmp_path / "page")
    assert code == 3
    assert "Worse in the second run: nbc (Top-1 accuracy -0.051)." in out
    page = (tmp_path / "page" / "compare.html").read_text(encoding="utf-8")
    assert "Worse in the second run: nbc" in page
    assert "<script" not in page
    cells = pd.read_csv(tmp_path / "page" / "cells.csv")
    assert cells.loc[cells["label"] == "nbc", "top1_difference"].tolist() == pytest.approx([-0.05, -0.052], abs=1e-9)
    assert va("compare", *two, "--fail-if", "worse", "--metric", "top1", "--tolerance", "0.06")[0] == 0
    assert va("compare", *reversed(two), "--fail-if", "worse", "--metric", "top1")[0] == 0
    assert va("compare", *reversed(two), "--fail-if", "different")[0] == 3


def test_power_of_a_design(finished: Ran, va: Callable) -> None:
    code, out, _ = va("power", finished.folder, "--sites", 6, 12, "--difference", 0.05)
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("interva - nbc"))
    sd, six, twelve = (float(v) for v in line.split()[4:7])
    assert six == pytest.approx(1.4345 * sd, abs=0.002)
    assert twelve == pytest.approx(0.8884 * sd, abs=0.002)


BAD = {
    "one run": (["compare", "{run}"], "name two runs or more"),
    "metric": (["compare", "{run}", "{run}", "--metric", "top11"], "did you mean 'top1'"),
    "tolerance": (["compare", "{run}", "{run}", "--tolerance", "-1"], "--tolerance must be 0 or more"),
    "no run": (["compare", "{run}", "{tmp}"], "is not the folder of a run"),
    "sites": (["power", "{run}", "--sites", "1"], "--sites must be 2 or more"),
    "chance": (["power", "{run}", "--power", "2"], "--power must be between 0 and 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_compared(name: str, finished: Ran, va: Callable, tmp_path: Path) -> None:
    words, expected = BAD[name]
    code, _, err = va(*(w.format(run=finished.folder, tmp=tmp_path) for w in words))
    assert code == 2
    assert expected in err
