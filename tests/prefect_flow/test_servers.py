"""The servers that a run or ``va-experiments ui`` starts: on loopback, guarded, and true also after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.conftest import run_command
from tests.servers import answer, free_port, prefect_records, start_ui, until, up

ROOT = Path(__file__).resolve().parents[2]


def headers(url: str) -> Message:
    """Return the headers of an answer to a page of somebody else's."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Origin": "http://evil.example"})) as got:
            return got.headers
    except urllib.error.HTTPError as error:
        return error.headers


def listeners(pid: int) -> set[str]:
    """Return the addresses that a process and its children listen on."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return set()
    addresses = set()
    for process in family:
        try:
            addresses |= {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
        except psutil.Error:
            continue
    return addresses


LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
def test_ui_serves_both_safely_and_runs_are_true_there_also_after_a_kill(tmp_path: Path) -> None:
    outputs = tmp_path / "o"
    outputs.mkdir(mode=0o700)
    ui, text, mlflow_port, prefect_port = start_ui(outputs)
    family: list[psutil.Process] = []
    try:
        assert re.search(rf"http://127.0.0.1:{mlflow_port}/login\?key=[\w-]+#/experiments/1/runs\?", text), (
            "the table itself"
        )
        assert f"http://127.0.0.1:{prefect_port}" in text
        family = [psutil.Process(ui.pid), *psutil.Process(ui.pid).children(recursive=True)]
        assert listeners(ui.pid) <= LOOPBACK
        assert listeners(ui.pid)

        mlflow_api = f"http://127.0.0.1:{mlflow_port}/api/2.0/mlflow/experiments/search?max_results=1"
        auth = (outputs / "prefect" / "auth").read_text()
        assert answer(mlflow_api)[0] == 401
        assert answer(mlflow_api, auth=auth)[0] == 200
        assert answer(mlflow_api, auth=auth, host="evil.example")[0] == 403
        assert headers(f"http://127.0.0.1:{mlflow_port}/")["X-Frame-Options"] == "DENY"
        for address in (f"http://127.0.0.1:{mlflow_port}/", f"http://127.0.0.1:{prefect_port}/api/health"):
            assert "evil" not in headers(address).get("Access-Control-Allow-Origin", "")
            assert headers(address).get("Access-Control-Allow-Origin") != "*", "any page could read it"
        server = next(p for p in family if "va_experiments.commands.mlflow_serve" in p.cmdline())
        assert server.environ()["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
        assert server.environ()["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
        api = f"http://127.0.0.1:{prefect_port}/api"
        assert answer(f"{api}/admin/version")[0] == 401
        assert answer(f"{api}/admin/version", auth="va:guess")[0] == 401
        assert answer(f"{api}/admin/version", auth=auth)[0] == 200
        assert answer(f"{api}/flow_runs/filter", auth=auth, body={})[0] in (403, 422), "no CSRF token, no change"
        assert answer(f"http://127.0.0.1:{prefect_port}/")[0] == 200, "the page itself"
        assert not any(auth.partition(":")[2] in " ".join(p.cmdline()) for p in family), (
            "a password in the list of processes"
        )

        options = ("model=nbc", "site=pemba,ap", "execution=inline")
        done = run_command(*options, outputs=outputs)
        assert done.code == 0, done.err
        seen = prefect_records(api, auth, outputs)
        flow = f"{done.folder.parent.name}/{done.folder.name}"
        assert ("flow", flow, "Completed") in seen
        tasks = {n: s for kind, n, s in seen if kind == "task"}
        assert set(tasks.values()) == {"Completed"}
        assert sum("site=pemba" in n for n in tasks) == 1
        assert sum("site=ap" in n for n in tasks) == 1
        assert any(n.startswith("prepare data") for n in tasks)
        assert any(n.startswith("report") for n in tasks)
        kinds = {n: s for kind, n, s in seen if kind == "artifact"}
        assert kinds["va-progress"] == "progress"
        assert kinds["va-leaderboard"] == "table"
        assert "va-mlflow" in kinds

        from tests.commands.test_status import SLOW

        (tmp_path / "slowmodel.py").write_text(SLOW)
        (tmp_path / "conf" / "model").mkdir(parents=True)
        (tmp_path / "conf" / "model" / "slow.yaml").write_text("name: slow\n_target_: slowmodel.Slow\nseconds: 60.0\n")
        command = [sys.executable, "-m", "va_experiments", "--config-dir", str(tmp_path / "conf"), *options[1:]]
        killed = subprocess.Popen(
            [*command, "allowed_targets=[slowmodel]", "model=slow", f"paths.outputs={outputs}"],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: any(k == "flow" and s == "Running" for k, _, s in prefect_records(api, auth, outputs)))
        until(lambda: _open_in_mlflow(outputs) == 1)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        assert any(s == "Running" for _, _, s in prefect_records(api, auth, outputs))

        again = run_command(*options, outputs=outputs)
        assert again.code == 0, again.err
        states = [(k, s) for k, _, s in prefect_records(api, auth, outputs) if k != "artifact"]
        assert ("flow", "Crashed") in states
        assert not [s for _, s in states if s in ("Running", "Pending")], "a zombie was left"
        parent = _mlflow_is_searchable(outputs, done.folder)
        page = f"http://127.0.0.1:{mlflow_port}/get-artifact?run_uuid={parent}&path=report.html"
        status, content = answer(page, auth=auth)
        assert status == 200, "the report opens from the page of the run"
        assert b"Verbal-autopsy comparison" in content
    finally:
        ui.send_signal(signal.SIGTERM)
        code_of_end = ui.wait(15)
    assert code_of_end == 0
    _, alive = psutil.wait_procs(family, timeout=8)
    assert not alive, [p.cmdline() for p in alive]
    assert not (outputs / "prefect" / "server.json").exists()


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
def test_mlflows_page_waits_while_a_run_makes_the_tables(tmp_path: Path) -> None:
    from va_experiments.config.schema import TrackingConfig
    from va_experiments.tracking import connect

    port, lock = free_port(), tmp_path / "mlflow.db.opening"
    command = [sys.executable, "-m", "va_experiments.commands.mlflow_serve", str(tmp_path), str(port)]
    with open(lock, "a") as held, open(tmp_path / "log", "wb") as log:
        fcntl.flock(held, fcntl.LOCK_EX)
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        server_process = psutil.Process(server.pid)
        try:
            until(lambda: any(Path(f.path) == lock for f in server_process.open_files()))
            time.sleep(0.5)
            assert not (tmp_path / "mlflow.db").exists(), "it made the tables while another process does"
            fcntl.flock(held, fcntl.LOCK_UN)
            _, experiment = connect(TrackingConfig(), tmp_path)
            until(lambda: up(f"http://127.0.0.1:{port}/health") or server.poll() is not None)
            named = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get-by-name?experiment_name=va_experiments"
            status, content = answer(named, auth=(tmp_path / "prefect" / "auth").read_text())
            assert status == 200, (tmp_path / "log").read_text()[-2000:]
            result = json.loads(content)["experiment"]
        finally:
            family = [server_process, *server_process.children(recursive=True)]
            server.terminate()
            _, alive = psutil.wait_procs(family, timeout=10)
            for process in alive:
                process.kill()
    assert result["experiment_id"] == experiment
    views = [t["value"] for t in result["tags"] if t["key"].startswith("mlflow.sharedViewState.")]
    assert [json.loads(v)["name"] for v in sorted(views)] == ["cells, best first", "multiruns"]


def _open_in_mlflow(outputs: Path) -> int:
    """Return how many runs MLflow's database calls RUNNING."""
    with contextlib.closing(sqlite3.connect(outputs / "mlflow.db", timeout=30)) as database:
        return int(database.execute("select count(*) from runs where status = 'RUNNING'").fetchone()[0])


def _mlflow_is_searchable(outputs: Path, folder: Path) -> str:
    """The search strings of docs/how-to/compare-in-mlflow.md find what they say; return the id of the parent run."""
    import re

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{outputs / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("va_experiments").experiment_id

    def count(where: str) -> int:
        return len(client.search_runs([experiment], where))

    assert count("attributes.status = 'RUNNING'") == 0, "a zombie was left"
    assert count("attributes.status = 'KILLED'") == 1
    page = (ROOT / "docs" / "how-to" / "compare-in-mlflow.md").read_text(encoding="utf-8")
    strings = [s for _, s in re.findall(r"^\| (`+)(.+?)\1 \|", page, re.MULTILINE)]
    assert len(strings) == 8
    for where in strings:
        assert count(where.replace("RUN", f"{folder.parent.name}/{folder.name}")) >= 0
    assert count("tags.model = 'nbc' and tags.reused = 'false' and tags.test_site = 'AP'") == 1
    assert count("metrics.csmf_accuracy_top > 0.5 and tags.protocol = 'leave_one_site_out'") >= 2
    parent = client.search_runs(
        [experiment], f"tags.`va.kind` = 'multirun' and tags.multirun = '{folder.parent.name}/{folder.name}'"
    )[0]
    assert "nbc.csmf_accuracy_top" in parent.data.metrics
    history = client.get_metric_history(parent.info.run_id, "system/cpu_utilization_percentage")
    assert len(history) >= 1
    files = {f.path for f in client.list_artifacts(parent.info.run_id)}
    assert {"cells.csv", "manifest.json", "report.html", "report"} <= files
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert len(children) == 2
    return str(parent.info.run_id)


ELSEWHERE = {
    "RAY_ADDRESS": "192.0.2.1:6379",
    "MLFLOW_TRACKING_URI": "http://192.0.2.1:5000",
    "PREFECT_API_URL": "http://192.0.2.1:4200/api",
    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "*",
}
"""What the environment of a shared machine may say; nobody answers at these addresses (RFC 5737)."""

RAY_SAFE = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
PREFECT_SAFE = {
    "PREFECT_SERVER_API_HOST": "127.0.0.1",
    "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


@pytest.mark.nightly
@pytest.mark.slow
def test_everything_that_a_run_opens_is_on_loopback_and_its_files_are_its_owners(tmp_path: Path) -> None:
    outputs = tmp_path / "o"
    process = subprocess.Popen(
        [sys.executable, "-m", "va_experiments", "model=nbc", "site=pemba", "execution.num_workers=1",
         f"paths.outputs={outputs}"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **ELSEWHERE},
    )  # fmt: skip
    seen: set[str] = set()
    settings: dict[str, dict[str, str]] = {}
    while process.poll() is None:
        seen |= listeners(process.pid)
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    names = [
                        n for n in ("raylet", "gcs_server", "prefect_flow.serve") if n in " ".join(child.cmdline()[:4])
                    ]
                    settings |= {name: child.environ() for name in names}
        time.sleep(0.5)
    assert process.wait(120) == 0
    assert set(settings) == {"raylet", "gcs_server", "prefect_flow.serve"}, "Ray and Prefect were to be seen"
    for name in ("raylet", "gcs_server"):
        assert RAY_SAFE.items() <= settings[name].items()
        assert "RAY_ADDRESS" not in settings[name]
    prefect = settings["prefect_flow.serve"]
    assert PREFECT_SAFE.items() <= prefect.items()
    assert prefect["PREFECT_SERVER_API_AUTH_STRING"] == (outputs / "prefect" / "auth").read_text()
    assert prefect["PREFECT_HOME"] == str(outputs / "prefect")
    assert (outputs / "mlflow.db").exists(), "the tracking server of the environment is not used"
    assert seen, "no listener was seen"
    assert seen <= LOOPBACK
    open_to_others = [p for p in outputs.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o077]
    assert open_to_others == []
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))
    assert not token.exists() or token.stat().st_mode & 0o077 == 0
