"""Why a death is not there: every row of the file is scored or has one line in excluded.csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.in_process import elsewhere, output_here
from va_experiments.data.cache import pack, unpack
from va_experiments.data.registry import load

OPTIONS = {"id": "id", "drop_unlabelled": True, "duplicates": "first", "site_map": {"Closed": None}}


def study(path: Path) -> int:
    """Write a table of which some rows cannot be used; return the number of its rows."""
    rng = np.random.default_rng(4)
    lines = ["id,site,cause,s1,s2,s3,s4"]
    for k in range(90):
        cause = ("A", "B", "C")[k % 3]
        answers = ["Y" if rng.random() < (0.8 if j == k % 3 else 0.3) else "N" for j in range(4)]
        lines.append(",".join([f"d{k}", ("North", "South", "East")[k // 30], cause, *answers]))
    lines += [",,,,,,", "x1,Closed,A,Y,N,N,N", "x2,North,Unknown,Y,N,N,N", "x3,South,,Y,N,N,N", lines[1]]
    path.write_text("\n".join(lines) + "\n")
    return len(lines) - 1


def test_what_is_read_and_what_is_left_out_are_all_rows(tmp_path: Path) -> None:
    n = study(tmp_path / "study.csv")
    deaths = load("csv", {"path": str(tmp_path / "study.csv"), **OPTIONS})
    assert len(deaths) + sum(len(e.ids) for e in deaths.excluded) == n == 95
    assert {e.reason: e.ids for e in deaths.excluded} == {
        "every cell of the row is empty": ("line 92",),
        "its site is left out (data.site_map)": ("x1",),
        "no known cause": ("x2", "x3"),
        "the death occurs before (data.duplicates=first)": ("d0",),
    }
    assert unpack(pack(deaths)).excluded == deaths.excluded


@pytest.mark.parametrize(
    "sites", [("North",), pytest.param(("North", "South", "East"), marks=pytest.mark.slow)], ids=["one site", "all"]
)
def test_the_counts_of_a_run_add_up(sites: tuple[str, ...]) -> None:
    with elsewhere() as root:
        n = study(Path("study.csv"))
        code, _, err = output_here(
            (
                *("model=nbc", "data=csv", "data.path=study.csv", "data.id=id", "data.drop_unlabelled=true"),
                *("data.duplicates=first", "+data.site_map={Closed: null}", f"site.test_sites=[{','.join(sites)}]"),
                *("execution=inline", "tracking=none", "n_bootstrap=2", f"paths.outputs={root}"),
            )
        )
        assert code == 0, err
        (run,) = root.glob("runs/*/*")
        excluded = pd.read_csv(run / "excluded.csv")
        counts = pd.read_csv(run / "report" / "tables" / "exclusions.csv", keep_default_na=False)
        page = (run / "report.html").read_text(encoding="utf-8")
    tested = 30 * len(sites)
    assert list(excluded.columns) == ["data", "id", "stage", "reason"]
    assert len(excluded) == n - tested
    assert excluded["id"].is_unique or set(excluded.loc[excluded["id"].duplicated(), "id"]) == {"d0"}
    assert (excluded["stage"] == "reading").sum() == 5
    steps = counts.set_index("step")["deaths"]
    assert (steps["rows of the file"], steps["deaths read"]) == (n, 90)
    assert (steps["deaths tested"], steps["deaths scored"]) == (tested, tested)
    left = counts[counts["step"].str.startswith("left out")]
    assert int(left["deaths"].sum()) == n - tested
    untested = left[left["step"] == "left out: test sets"]
    assert untested[["reason", "deaths"]].to_numpy().tolist() == (
        [] if len(sites) == 3 else [["its site is not tested in this run", 60]]
    )
    assert "From the file to the score" in page
