"""Warnings about a plan are printed before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command
from tests.in_process import elsewhere, output_here


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (("model=nbc,nbc", "site=pemba"), "note: 1 cell occurs in more than one job; each is computed once"),
        (
            ("model=nbc", "site=pemba", "protocol.train_size=[5,400]"),
            "note: train_size 5 is fewer deaths than there are",
        ),
        (
            ("model=nbc", "protocol=one_to_one", "data.n=300"),
            "note: some causes occur at a test site but not at its training sites (most at ",
        ),
        (("model=nbc", "site=pemba"), ""),
    ],
)
def test_a_dry_run_prints_the_warnings(arguments: tuple[str, ...], warning: str) -> None:
    with elsewhere():
        code, out, err = output_here((*arguments, "dry_run=true", *QUICK))
    assert code == 0, err
    assert (warning in out) if warning else ("note:" not in out)


@pytest.mark.slow
def test_a_run_warns_once(tmp_path: Path) -> None:
    ran = run_command("model=nbc", "site=pemba", "protocol.train_size=5", "n_bootstrap=2", *QUICK, outputs=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.err.count("train_size 5 is fewer deaths than there are causes (34)") == 1
    assert "label-coverage ceiling" in ran.out


def test_rows_that_are_no_deaths_are_told(tmp_path: Path) -> None:
    deaths = [f"d{k},AP,{'XY'[k % 2]},{'YN'[k % 3 > 0]},{'NY'[k % 4 > 1]},{'YN'[k % 5 > 2]}" for k in range(12)]
    path = tmp_path / "study.csv"
    path.write_text(
        "\n".join(["id,site,cause,s1,s2,s3", "Number,Place,Cause,Any cough?,Any fever?,Any rash?", *deaths])
    )
    quick = [q for q in QUICK if not q.startswith("data.")]
    command = ("data=csv", f"data.path={path}", "data.id=id", "model=nbc", "protocol=in_domain", "protocol.folds=2")
    with elsewhere():
        code, out, err = output_here((*command, "dry_run=true", *quick))
    assert code == 0, err
    assert "note: data 'csv': row 2 holds labels of the columns ('Number', 'Place', ...), no death" in out
