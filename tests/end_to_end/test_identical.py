"""The same command gives the same bits, however many workers there are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import run_command

JOB = ("model=nbc,random_forest,insilico", "site=pemba,bohol", "tracking=none", "report=false", "-m")


def _hashes(cells: pd.DataFrame) -> dict[str, tuple[str, float]]:
    assert (cells["status"] == "done").all()
    return {k: (h, a) for k, h, a in zip(*(cells[c] for c in ("cell_key", "prediction_sha256", "top1")), strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(4,), pytest.param((1, 2), marks=pytest.mark.nightly)])
def test_inline_and_ray_are_bit_identical(workers: tuple[int, ...], tmp_path: Path) -> None:
    expected = _hashes(run_command(*JOB, "execution=inline", outputs=tmp_path / "inline").cells)
    assert len(expected) == 6
    for number in workers:
        ran = run_command(*JOB, f"execution.num_workers={number}", outputs=tmp_path / f"ray{number}")
        assert ran.code == 0, ran.err
        assert _hashes(ran.cells) == expected, f"{number} workers"
