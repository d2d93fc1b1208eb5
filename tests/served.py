"""``va-experiments serve`` on a free port, and Prefect's API of it: ask for runs, wait for their states."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.servers import free_port, until

__all__ = ["Api", "engines", "raylets", "serving"]


class Api:
    """Prefect's API of a serving process."""

    def __init__(self, outputs: Path, port: int) -> None:
        auth = (outputs / "prefect" / "auth").read_text()
        self.address = f"http://127.0.0.1:{port}"
        self._headers = {"content-type": "application/json"}
        self._headers["Authorization"] = "Basic " + base64.b64encode(auth.encode()).decode()
        token = self("GET", "/csrf-token?client=test")[1]["token"]
        self._headers |= {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "test"}
        self.deployment = self("GET", "/deployments/name/va-experiments/multirun")[1]

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}/api{path}", data=content, headers=self._headers, method=method
        )
        for _ in range(60):  # a busy server says 503: ask again
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    text = answer.read()
                    return answer.status, json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    return error.code, error.read().decode()
                time.sleep(1)
        raise AssertionError(f"{method} {path}: the server is too busy")

    def ask(self, *overrides: str) -> tuple[int, Any]:
        """Ask for a run."""
        body = {"parameters": {"overrides": list(overrides)}}
        return self("POST", f"/deployments/{self.deployment['id']}/create_flow_run", body)

    def start(self, *overrides: str) -> str:
        """Ask for a run and return its id."""
        status, run = self.ask(*overrides)
        assert status == 201, run
        return str(run["id"])

    def state(self, run: str) -> dict[str, Any]:
        """Return the state of a flow run."""
        return dict(self("GET", f"/flow_runs/{run}")[1]["state"])

    def wait(self, run: str, names: Sequence[str]) -> dict[str, Any]:
        """Wait for a state and return it."""
        until(lambda: self.state(run)["name"] in names, 240)
        return self.state(run)


@contextlib.contextmanager
def serving(outputs: Path) -> Iterator[Api]:
    """Run ``va-experiments serve`` until the block ends; yields its API once the deployment is registered."""
    port = free_port()
    code = "import sys; from va_experiments.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "serve", "--outputs", str(outputs), "--prefect-port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        while "Ctrl-C" not in (line := process.stdout.readline()):  # type: ignore[union-attr]
            assert line, "it has ended"

        def registered() -> bool:
            with contextlib.suppress(TypeError, KeyError, OSError):
                return bool(Api(outputs, port).deployment["id"])
            return False

        until(registered)
        yield Api(outputs, port)
    finally:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, [p.cmdline() for p in alive]


def engines(outputs: Path) -> list[psutil.Process]:
    """Return the commands that run fits in this folder."""
    result = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if f"paths.outputs='{outputs}'" in words and "dry_run=true" not in words:
            result.append(process)
    return result


def raylets(outputs: Path) -> list[psutil.Process]:
    """Return Ray's node processes of these commands."""
    with contextlib.suppress(psutil.Error):
        family = [c for e in engines(outputs) for c in e.children(recursive=True)]
        return [c for c in family if "raylet" in " ".join(c.cmdline()[:1])]
    return []
