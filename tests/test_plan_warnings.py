"""What is odd about a plan is said before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("model=nbc,nbc", "site=pemba"), "note: 1 cell is asked for more than once; each is computed once"),
        (
            ("model=nbc", "site=pemba", "protocol.train_size=[5,400]"),
            "note: train_size 5 is fewer deaths than there are",
        ),
        (
            ("model=nbc", "protocol=one_to_one", "data.n=300"),
            "note: causes are tested that nobody at the training sites died of (most at ",
        ),
        (("model=nbc", "site=pemba"), ""),
    ],
)
def test_a_dry_run_says_what_is_odd(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    ran = run_command(*arguments, "dry_run=true", *QUICK, outputs=tmp_path / "o")
    assert ran.code == 0, ran.err
    assert (said in ran.out) if said else ("note:" not in ran.out)


def test_a_run_warns_once(tmp_path: Path) -> None:
    ran = run_command("model=nbc", "site=pemba", "protocol.train_size=5", "n_bootstrap=2", *QUICK, outputs=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.err.count("train_size 5 is fewer deaths than there are causes (34)") == 1
    assert "label-coverage ceiling" in ran.out
