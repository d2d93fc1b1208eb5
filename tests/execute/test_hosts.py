"""Three hosts with no disk in common, joined by the very commands of the cluster page: same bits as inline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execute.hosts import commands, hosts, join, unable
from tests.faults.harness import stored, undisturbed

SMALL = ("data.n=300", "data.n_symptoms=12", "n_bootstrap=0", "baselines=[]", "report=false", "tracking=none")
GRID = ("protocol=one_to_one", "model.n_iterations=200", "model.burn_in=50", "model.auto_length=false")

reason = unable()


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.skipif(bool(reason), reason=reason)
def test_the_page_s_commands_make_a_cluster_that_gives_the_same_bits(tmp_path: Path) -> None:
    import pandas as pd

    right = undisturbed("model=insilico", "site=all", *GRID, base=(*SMALL, "execution=inline"))
    assert len(right) == 30
    *_, drive = commands()
    assert drive.endswith("model=insilico site=all execution.address=10.0.0.1:6379 -m")
    log = tmp_path / "log"
    with hosts(3, tmp_path, shared=[tmp_path]) as machines:
        join(machines, log)
        more = " ".join(f"'{a}'" for a in (*SMALL, *GRID, f"paths.outputs={tmp_path / 'o'}"))
        assert machines[0].shell(f"{drive} {more}", log).wait(240) == 0, log.read_text()[-3000:]
    assert stored(tmp_path / "o") == right
    cells = pd.read_csv(next((tmp_path / "o" / "runs").glob("*/*/cells.csv")))
    assert set(cells["worker"].str.partition(":")[0]) == {"host-1", "host-2", "host-3"}
