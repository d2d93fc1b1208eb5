"""A run and servers elsewhere, as docs/how-to/remote-servers.md has them: real ones, on loopback, with passwords."""

from __future__ import annotations

import base64
import contextlib
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import run_command
from tests.servers import Gate, Tunnel, answer, free_port, mlflow_command, prefect_records, served
from va_experiments.prefect_flow.server import connection_error

THERE = "127.0.0.2"
"""The other machine: an address of loopback that nothing here listens on."""


@pytest.fixture(scope="module")
def mlflow_there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an MLflow server over there."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = mlflow_command(folder, port)
    command[command.index("--host") + 1] = THERE
    with served(command, f"http://{THERE}:{port}/health", folder / "log"):
        yield port


@pytest.fixture(scope="module")
def team_server(mlflow_there: int) -> Iterator[tuple[str, str]]:
    """A tracking server with passwords, as a team has one: its address, and the address with user and password."""
    with Gate((THERE, mlflow_there), user="bob:s3cretpassword", token="t0ken-of-bob") as gate:
        yield f"http://127.0.0.1:{gate.port}", f"http://bob:s3cretpassword@127.0.0.1:{gate.port}"


@pytest.fixture(scope="module")
def prefect_there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Prefect server over there, started with Prefect's own command and guarded by a password."""
    folder, port = tmp_path_factory.mktemp("prefect"), free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", THERE, "--port", str(port)]
    settings = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
        "PREFECT_API_AUTH_STRING": PASSWORD,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    with served(command, f"http://{THERE}:{port}/api/health", folder / "log", **settings):
        yield port


PASSWORD = "ann:corr3ct-horse"
WRONG = "ann:wr0ng-guess"


def holds(folder: Path, *secrets: str) -> list[Path]:
    """Return the files under `folder` that hold one of these texts, or its Basic encoding."""
    texts = [t.encode() for s in secrets for t in (s, base64.b64encode(s.encode()).decode(), s.partition(":")[2]) if t]
    files = (p for p in folder.rglob("*") if p.is_file())
    return [p for p in files if any(t in content for content in (p.read_bytes(),) for t in texts)]


QUIET = ("execution=inline", "tracking.prefect=false", "report=false", "model=nbc", "site=pemba,ap")


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
def test_a_shared_server_is_a_shared_store(team_server: tuple[str, str], tmp_path: Path) -> None:
    address, with_password = team_server
    assert answer(f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=x")[0] == 401

    first = run_command(*QUIET, f"tracking.uri={with_password}", outputs=tmp_path / "one")
    assert first.code == 0, first.err
    assert "2 done, 0 reused" in first.out

    keys = {"MLFLOW_TRACKING_USERNAME": "bob", "MLFLOW_TRACKING_PASSWORD": "s3cretpassword"}
    token = {"MLFLOW_TRACKING_TOKEN": "t0ken-of-bob"}
    second = run_command(*QUIET, f"tracking.uri={address}", outputs=tmp_path / "two", **token)
    assert second.code == 0, second.err
    assert "0 done, 2 reused" in second.out, second.out + second.err
    assert second.cells["reused"].all()
    columns = ["cell_key", "prediction_sha256", "csmf_accuracy_top"]
    assert second.cells[columns].equals(first.cells[columns])
    stored = [sorted(p.name for p in (tmp_path / n / "checkpoints/cells").glob("*/*")) for n in ("one", "two")]
    assert set(second.cells["cell_key"]) <= set(stored[1]) <= set(stored[0])

    assert not holds(tmp_path, "bob:s3cretpassword", "t0ken-of-bob")
    said_by_both = first.out + first.err + second.out + second.err
    assert "s3cretpassword" not in said_by_both
    assert "t0ken-of-bob" not in said_by_both

    wrong = run_command(*QUIET, f"tracking.uri={address}", outputs=tmp_path / "three")
    assert wrong.code == 0, "no server is worth a run"
    assert "2 done, 0 reused" in wrong.out
    (warning,) = [line for line in wrong.err.splitlines() if "warning" in line]
    assert f"MLflow at {address} refuses user and password (MLFLOW_TRACKING_USERNAME and" in warning
    assert "!" in wrong.out
    assert "View run" not in first.out + first.err, "two lines for each cell"

    import io

    from va_experiments.cli import main

    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(stream):
        for name, value in keys.items():
            patch.setenv(name, value)
        assert main(["report", "--uri", address, "--out", str(tmp_path / "report"), "--outputs", str(tmp_path)]) == 0
    assert (tmp_path / "report" / "report.html").stat().st_size > 100_000


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
def test_a_forged_cell_on_the_server_is_not_taken(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    first = run_command(*QUIET, outputs=tmp_path / "one")
    assert first.code == 0, first.err
    uri = f"sqlite:///{tmp_path / 'one' / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("va_experiments").experiment_id
    victim = client.search_runs([experiment], "tags.`va.kind` = 'cell' and tags.test_site = 'AP'")[0]
    (tmp_path / "metrics.json").write_text(
        '{"metrics": {"csmf_accuracy_top": 1.0}, "per_cause": {}, "diagnostics": {}}'
    )
    client.log_artifact(victim.info.run_id, str(tmp_path / "metrics.json"), "cell")
    second = run_command(*QUIET, f"tracking.uri={uri}", outputs=tmp_path / "two")
    assert second.code == 0, second.err
    assert "1 done, 1 reused" in second.out
    assert "metrics.json does not match its SHA-256" in second.err
    columns = ["cell_key", "prediction_sha256", "csmf_accuracy_top"]
    assert second.cells[columns].equals(first.cells[columns])


HERE = ("model=nbc", "site=pemba", "execution=inline")


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
def test_a_run_is_recorded_over_there_through_a_tunnel(mlflow_there: int, prefect_there: int, tmp_path: Path) -> None:
    """The SSH recipe. No SSH server runs in CI: a plain forwarder of the same ports stands for ``ssh -L``."""
    from mlflow import MlflowClient

    with (
        Tunnel(("127.0.0.1", mlflow_there), (THERE, mlflow_there)) as mlflow,
        Tunnel(("127.0.0.1", prefect_there), (THERE, prefect_there)) as prefect,
        Tunnel(("127.0.0.1", 0), (THERE, mlflow_there)) as other_port,
    ):
        uri, api = f"http://127.0.0.1:{mlflow.port}", f"http://127.0.0.1:{prefect.port}/api"
        health = "/api/2.0/mlflow/experiments/search?max_results=1"
        assert answer(uri + health)[0] == 200
        assert answer(f"http://127.0.0.1:{other_port.port}{health}")[0] == 403, "the page says: keep the port's number"
        assert answer(f"{api}/admin/version")[0] == 401

        servers = (f"tracking.uri={uri}", f"tracking.prefect_api_url={api}")
        done = run_command(*HERE, *servers, outputs=tmp_path / "one", PREFECT_API_AUTH_STRING=PASSWORD)
        assert done.code == 0, done.err
        assert "warning" not in done.err.lower()
        assert mlflow.connections > 0
        assert prefect.connections > 0
        assert not list((tmp_path / "one").glob("mlflow.db*"))
        assert not list((tmp_path / "one").glob("prefect/*.db")), "nothing was started here"

        recorded = prefect_records(api, PASSWORD, tmp_path / "asking")
        flow = f"{done.folder.parent.name}/{done.folder.name}"
        assert ("flow", flow, "Completed") in recorded
        tasks = {name: state for kind, name, state in recorded if kind == "task"}
        assert set(tasks.values()) == {"Completed"}
        assert {name.split("-")[0] for name in tasks} >= {"prepare data", "report"}
        assert sum("pemba" in name for name in tasks) == 1
        artifacts = {key: kind for what, key, kind in recorded if what == "artifact"}
        assert artifacts.items() >= {"va-progress": "progress", "va-leaderboard": "table"}.items()
        assert "va-mlflow" in artifacts

        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("va_experiments").experiment_id
        (parent,) = client.search_runs([experiment], f"tags.multirun = '{flow}' and tags.`va.kind` = 'multirun'")
        assert "report.html" in {f.path for f in client.list_artifacts(parent.info.run_id)}
        cell = done.cells["cell_key"][0]
        assert len(client.search_runs([experiment], f"tags.cell_key = '{cell}' and tags.multirun = '{flow}'")) == 1
    assert not holds(tmp_path, PASSWORD)
    assert PASSWORD not in done.out + done.err


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("values", ["environment", "address"])
def test_a_wrong_password_costs_one_warning(values: str, prefect_there: int, tmp_path: Path) -> None:
    api, environment = f"http://{THERE}:{prefect_there}/api", {}
    if values == "environment":
        environment["PREFECT_API_AUTH_STRING"] = WRONG
    else:
        api = api.replace("://", f"://{WRONG}@")
    options = (*HERE, "report=false", "tracking.mlflow=false", "tracking.prefect_wait_seconds=100")
    address = f"tracking.prefect_api_url={api}"
    # it does not wait the 100 seconds: no waiting mends a password
    done = run_command(*options, address, outputs=tmp_path / "o", timeout=60, **environment)
    assert done.code == 0, done.err
    assert "1 done, 0 reused, 0 failed" in done.out
    (line,) = [line for line in done.err.splitlines() if "warning" in line]
    assert f"not recorded by the Prefect server at http://{THERE}:{prefect_there}/api: it refuses the password" in line
    assert "PREFECT_API_AUTH_STRING" in line
    assert "results are not affected" in line
    assert not holds(tmp_path, WRONG)
    assert "wr0ng" not in done.out + done.err


class _Says(http.server.BaseHTTPRequestHandler):
    """Answers by the path's first part: a code and what comes with it."""

    def do_GET(self) -> None:
        code, body = {"no": (401, b""), "page": (200, b"<html>"), "api": (200, b'"3.5.0"'), "ill": (503, b"")}.get(
            self.path.split("/")[1], (404, b"")
        )
        self.send_response(code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("api", ""),
        ("no", "it refuses the password"),
        ("page", "no Prefect API answers there: the address ends in /api"),
        ("", "no Prefect API answers there"),
        ("ill", "it answers 503"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(path: str, message: str) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Says) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            problem = connection_error(f"http://127.0.0.1:{server.server_port}/{path}".rstrip("/"))
        finally:
            server.shutdown()
    assert problem.startswith(message)
    assert bool(problem) == bool(message)


def test_an_address_where_nobody_or_something_else_is_cannot_be_reached() -> None:
    assert connection_error(f"http://127.0.0.1:{free_port()}/api").startswith("it cannot be reached (")
    assert connection_error("gopher://127.0.0.1/api").startswith("it cannot be reached (")
