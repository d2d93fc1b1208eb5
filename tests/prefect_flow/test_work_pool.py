"""A work pool with a worker on each of two hosts: both take runs, and each outputs folder has one run at a time."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.execute import hosts
from tests.servers import ROOT, Tunnel, answer, free_port, served, until
from tests.team import PASSWORD, prefect_command

reason = hosts.unable()
pytestmark = [pytest.mark.alone, pytest.mark.nightly, pytest.mark.slow, pytest.mark.skipif(bool(reason), reason=reason)]

SECONDS = 300
"""For what takes a fraction of it on an idle machine."""

WAITS = (
    *("model=nbc", "model._target_=benchmarks.noop.Wait", "+model.seconds=12"),
    *("~model.alpha=1.0", "~model.reference_compat=false", "allowed_targets=[benchmarks]"),
    *("execution=inline", "tracking=none", "report=false", "n_bootstrap=0", "baselines=[]", "data.n=240", "site=dar"),
)


class Pool:
    """Prefect's API, and the commands of the page."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/api"
        self.login = (
            f"export PYTHONPATH={ROOT} PREFECT_HOME=/tmp/home/prefect PREFECT_API_URL={self.address}\n"
            f"export PREFECT_API_AUTH_STRING={PASSWORD} PREFECT_WORKER_QUERY_SECONDS=3\n"
        )

    def ask(self, path: str, body: object = None) -> Any:
        for _ in range(SECONDS // 10):  # a busy server says 503, or nothing: ask again
            with contextlib.suppress(TimeoutError):
                status, content = answer(f"{self.address}/{path}", auth=PASSWORD, body=body)
                if status != 503:
                    assert status < 300, content
                    return json.loads(content)
            time.sleep(1)
        raise AssertionError(f"{path}: the server is too busy")

    def start(self, seed: int) -> str:
        deployment = self.ask("deployments/name/va-experiments/process")["id"]
        body = {"parameters": {"overrides": [*WAITS, f"seed={seed}"]}, "idempotency_key": f"run {seed}"}
        return str(self.ask(f"deployments/{deployment}/create_flow_run", body)["id"])

    def runs(self, *ids: str) -> list[dict[str, Any]]:
        return [self.ask(f"flow_runs/{run}") for run in ids]

    def states(self, *ids: str) -> list[str]:
        return [run["state"]["name"] for run in self.runs(*ids)]

    @property
    def workers(self) -> int:
        return sum(worker["status"] == "ONLINE" for worker in self.ask("work_pools/va/workers/filter", {}))


def test_workers_on_two_hosts_share_a_pool_and_each_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    port = free_port()
    pool, log = Pool(port), tmp_path / "log"
    settings = {"PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    settings |= {"PREFECT_SERVER_API_AUTH_STRING": PASSWORD, "PREFECT_API_AUTH_STRING": PASSWORD}
    with contextlib.ExitStack() as opened:
        command = prefect_command("127.0.0.1", port)
        opened.enter_context(served(command, f"{pool.address}/health", tmp_path / "server", **settings))
        machines = opened.enter_context(hosts.hosts(2, tmp_path, installed=True))
        for machine in machines:
            opened.enter_context(Tunnel(machine.listen(port), ("127.0.0.1", port)))
        deploy = f"{sys.executable} {ROOT}/docs/how-to/prefect/deploy.py process /tmp/home/o 2"
        made = f"python -m prefect work-pool create va --type process && {deploy}"
        assert machines[0].shell(f"{pool.login}{made}", log).wait(SECONDS) == 0, log.read_text()
        for machine in machines:
            machine.shell(f"{pool.login}exec python -m prefect worker start --pool va --limit 1", log)
        until(lambda: pool.workers == 2, SECONDS)
        runs = [pool.start(seed) for seed in (1, 2, 3)]
        until(lambda: pool.states(*runs).count("Running") == 2, SECONDS)
        assert "Completed" not in pool.states(*runs), "two run at the same time, the third waits"
        until(lambda: set(pool.states(*runs)) == {"Completed"}, SECONDS)
        done = [[json.loads(m.read_text()) for m in host.see("/tmp/home/o").glob("runs/*/*/manifest.json")]
                for host in machines]  # fmt: skip
        assert sorted(len(manifests) for manifests in done) == [1, 2], "both have worked"
        pool_runs = sorted(pool.runs(*runs), key=lambda run: run["start_time"])
        ends = sorted(run["end_time"] for run in pool_runs)
        assert pool_runs[2]["start_time"] >= ends[0], "the third begins when a folder is free"
