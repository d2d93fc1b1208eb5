"""Two people's hosts and outputs folders with one team's servers: MLflow and Prefect on PostgreSQL, files in S3."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import team
from tests.execute import hosts
from tests.faults.harness import SMALL, TOYS, stored
from tests.servers import ROOT, Tunnel, answer, until

reason = hosts.unable() or team.unable()
pytestmark = [pytest.mark.alone, pytest.mark.nightly, pytest.mark.slow, pytest.mark.skipif(bool(reason), reason=reason)]

GRID = ("site=ap,bohol,dar", "report=false", "execution=inline", *SMALL, "model=toy")
"""Three cells for each level of the toy model."""

HANGS = json.dumps([{"fault": "hang", "sites": ["Dar"]}])


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[team.Team]:
    with team.team(tmp_path_factory.mktemp("team")) as running:
        yield running


class Member:
    """Somebody with a host, an outputs folder, and tunnels to the team's servers."""

    def __init__(self, host: hosts.Host, servers: team.Team, log: Path, tunnels: contextlib.ExitStack) -> None:
        self.host, self.log = host, log
        for url in (servers.mlflow, servers.prefect):
            port = urlsplit(url).port or 0
            tunnels.enter_context(Tunnel(host.listen(port), ("127.0.0.1", port)))
        words = [f"tracking.uri={servers.mlflow}", f"tracking.prefect_api_url={servers.prefect}"]
        words += ["--config-dir", str(TOYS / "conf"), "allowed_targets=[vatoys]", "paths.outputs=/tmp/home/o", *GRID]
        self._command = (
            f"export PYTHONPATH={TOYS}:{ROOT} PREFECT_API_AUTH_STRING={team.PASSWORD}\n"
            f"exec python -m va_experiments {' '.join(words)}"
        )

    @property
    def outputs(self) -> Path:
        return self.host.see("/tmp/home/o")

    def start(self, *overrides: str, plan: str = "[]") -> subprocess.Popen[bytes]:
        marks = f"export VA_TOY_DIR=/tmp VA_TOY_PLAN='{plan}'"
        return self.host.shell(f"{marks}\n{self._command} {' '.join(overrides)}", self.log)

    def run(self, *overrides: str) -> str:
        """Run a command and return its last words."""
        before = len(self.log.read_text()) if self.log.exists() else 0
        code = self.start(*overrides).wait(200)
        text = self.log.read_text()[before:]
        assert code == 0, text
        return text


def cell_runs(servers: team.Team) -> dict[str, list[tuple[str, str]]]:
    """Return status and ``reused`` of all cells' runs, by cell key."""
    from mlflow import MlflowClient

    from va_experiments.tracking import safe_environment

    safe_environment()
    client = MlflowClient(servers.mlflow)
    experiment = client.get_experiment_by_name("va_experiments").experiment_id
    runs = collections.defaultdict(list)
    for run in client.search_runs([experiment], "tags.`va.kind` = 'cell'", max_results=1000):
        runs[run.data.tags["cell_key"]].append((run.info.status, run.data.tags["reused"]))
    return runs


def flow_states(servers: team.Team) -> collections.Counter[str]:
    """Return how many flow runs Prefect has in each state."""
    status, content = answer(f"{servers.prefect}/flow_runs/filter", auth=team.PASSWORD, body={})
    assert status == 200
    return collections.Counter(run["state"]["name"] for run in json.loads(content))


def test_two_hosts_share_cells_and_a_kill_loses_and_doubles_none(servers: team.Team, tmp_path: Path) -> None:
    both = "model.level=0,1"
    with contextlib.ExitStack() as opened:
        machines = opened.enter_context(hosts.hosts(2, tmp_path, shared=[TOYS], installed=True))
        ann, bob = (Member(m, servers, tmp_path / f"log-{m.number}", opened) for m in machines)
        in_order = "checkpoint.look_again_seconds=null"  # the sites one after another: Dar last
        first, killed = ann.start("model.level=0"), bob.start("model.level=1", in_order, plan=HANGS)
        until(lambda: len(list(bob.outputs.glob("checkpoints/cells/*/*/manifest.json"))) == 2)
        until(lambda: sum(flow_states(servers)[name] for name in ("Running", "Completed")) == 2)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        assert first.wait(200) == 0, ann.log.read_text()
        done, reused = re.findall(r"(\d+) done, (\d+) reused", bob.run(both))[-1]
        assert (int(done), int(reused)) == (1, 5), "the two of his before the kill, and three of hers"
        assert "0 done, 6 reused" in ann.run(both)
        assert stored(ann.outputs) == stored(bob.outputs)
        keys = set(stored(ann.outputs))
    runs = cell_runs(servers)
    assert len(keys) == 6
    assert set(runs) == keys
    originals = {key: sum(r == ("FINISHED", "false") for r in states) for key, states in runs.items()}
    assert max(originals.values()) == 1, "no cell is recorded as computed twice"
    assert all(("FINISHED", "true") in states for states in runs.values()), "also those that the kill kept from MLflow"
    assert flow_states(servers) == {"Completed": 3, "Crashed": 1}


def test_two_hosts_that_start_the_same_grid_take_cells_of_each_other_meanwhile(
    servers: team.Team, tmp_path: Path
) -> None:
    grid = ("model.level=20,21,22,23", "model.seconds=8", "checkpoint.look_again_seconds=1")
    with contextlib.ExitStack() as opened:
        machines = opened.enter_context(hosts.hosts(2, tmp_path, shared=[TOYS], installed=True))
        ann, bob = (Member(m, servers, tmp_path / f"log-{m.number}", opened) for m in machines)
        for process in [ann.start(*grid), bob.start(*grid)]:
            assert process.wait(300) == 0, ann.log.read_text() + bob.log.read_text()
        counts = [re.findall(r"(\d+) done, (\d+) reused", m.log.read_text())[-1] for m in (ann, bob)]
        assert [int(done) + int(reused) for done, reused in counts] == [12, 12]
        assert 12 <= sum(int(done) for done, _ in counts) < 24, "some were computed once, for both"
        assert stored(ann.outputs) == stored(bob.outputs), "the same bits in different orders"
        keys = set(stored(ann.outputs))
    runs = cell_runs(servers)
    assert len(keys) == 12
    assert all(("FINISHED", "false") in runs[key] for key in keys), "none is lost"
