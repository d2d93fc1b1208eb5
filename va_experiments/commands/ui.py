"""Serve MLflow's and Prefect's pages for one folder of outputs, on this machine only, until Ctrl-C.

Runs that start meanwhile use this Prefect server. Both listen on 127.0.0.1; from another machine, forward the ports:
ssh -L 5000:127.0.0.1:5000 -L 4200:127.0.0.1:4200 HOST.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from va_experiments.commands.command_line import App
from va_experiments.commands.run_lookup import OUTPUTS, Outputs
from va_experiments.errors import InputError
from va_experiments.http_client import basic, open_url
from va_experiments.terminal import say

__all__ = ["app", "ui"]


app = App()


@app.action(help=__doc__)
def ui(
    outputs: Outputs = OUTPUTS,
    mlflow_port: Annotated[int, typer.Option(metavar="PORT", help="Port of MLflow.")] = 5000,
    prefect_port: Annotated[int, typer.Option(metavar="PORT", help="Port of Prefect.")] = 4200,
    no_mlflow: Annotated[bool, typer.Option("--no-mlflow", help="Leave MLflow out.")] = False,
    no_prefect: Annotated[bool, typer.Option("--no-prefect", help="Leave Prefect out.")] = False,
) -> int:
    """Serve until a signal comes; exit code 1 if a server does not start or dies."""
    ports = {} if no_mlflow else {"MLflow": ("--mlflow-port", mlflow_port)}
    ports |= {} if no_prefect else {"Prefect": ("--prefect-port", prefect_port)}
    _check(ports, outputs)
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: stopping.set())
    with contextlib.ExitStack() as started:
        pages: list[_Mlflow | _Prefect] = []
        if not no_mlflow:
            pages.append(_Mlflow(outputs, mlflow_port))
        if not no_prefect:
            pages.append(_Prefect(outputs, prefect_port))
        for page in pages:
            page.start()
            started.callback(page.stop)
        return _serve(pages, stopping)


def _check(ports: dict[str, tuple[str, int]], outputs: Path) -> None:
    problems = [] if ports else ["ui: with --no-mlflow and --no-prefect there is nothing to serve"]
    if not outputs.is_dir():
        problems.append(f"there is no folder '{outputs}': run something first, or name it with --outputs DIR")
    elif "MLflow" in ports:
        from va_experiments.config.schema import TrackingConfig
        from va_experiments.tracking.preflight import tracking_problem

        problems += filter(None, [tracking_problem(TrackingConfig(), outputs)])
    for name, (option, port) in ports.items():
        if not 1024 <= port <= 65535:
            problems.append(f"{option} must be between 1024 and 65535; got {port}")
        elif not _free(port):
            problems.append(f"port {port} for {name} is in use; choose another with {option} N")
    if len({port for _, port in ports.values()}) < len(ports):
        problems.append("--mlflow-port and --prefect-port must differ")
    if problems:
        raise InputError(problems)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _serve(pages: list[_Mlflow | _Prefect], stopping: threading.Event) -> int:
    deadline = time.monotonic() + 180
    waiting, announced = list(pages), False
    while not stopping.wait(0.3):
        for page in list(waiting):
            if page.answers():
                waiting.remove(page)
                say(page.link(), flush=True)
        for page in pages:
            if page.died() or (page in waiting and time.monotonic() > deadline):
                say(f"error: {page.name} stopped or does not answer; see {page.log}", file=sys.stderr)
                return 1
        if not waiting and not announced:
            announced = True
            say("Ray      no page by default; +execution.init.include_dashboard=true gives a run one at "
                  "http://127.0.0.1:8265")  # fmt: skip
            say("Ctrl-C stops.", flush=True)
    say("stopping", flush=True)
    return 0


class _Mlflow:
    """MLflow's server as a child that cannot outlive this process."""

    name = "MLflow"

    def __init__(self, outputs: Path, port: int) -> None:
        self._outputs, self._port = outputs, port
        self._process: subprocess.Popen[bytes] | None = None
        self.log = outputs / "mlflow-server.log"

    def start(self) -> None:
        from va_experiments.tracking import safe_environment

        safe_environment()
        environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_ALLOW_FILE_STORE"}
        serve = [sys.executable, "-m", "va_experiments.commands.mlflow_serve", str(self._outputs), str(self._port)]
        command = [sys.executable, "-m", "va_experiments.child_process", *serve]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def answers(self) -> bool:
        try:
            with open_url(f"http://127.0.0.1:{self._port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False

    def link(self) -> str:
        """Return the address that logs a browser in and opens the table of cells, or else the first page."""
        from va_experiments.config.schema import TrackingConfig
        from va_experiments.page_guard import LOGIN, login_key, password_of
        from va_experiments.tracking.views import page_of

        address, page = f"http://127.0.0.1:{self._port}", ""
        password = password_of(self._outputs / "prefect")
        query = f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name={TrackingConfig().experiment}"
        headers, none = basic(password), (OSError, ValueError, KeyError)
        with contextlib.suppress(*none), open_url(query, timeout=5, headers=headers) as answer:
            page = page_of(json.loads(answer.read(1 << 20))["experiment"]["experiment_id"])
        return f"MLflow   {address}{LOGIN}?key={login_key(password)}{page.removeprefix('/')}"

    def died(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


class _Prefect:
    """Prefect's server with its pages; runs find it through ``prefect/server.json``."""

    name = "Prefect"

    def __init__(self, outputs: Path, port: int) -> None:
        from va_experiments.config.schema import TrackingConfig
        from va_experiments.prefect_flow.server import PrefectServer

        self._home, self._port = outputs / "prefect", port
        self._server = PrefectServer(TrackingConfig(), self._home)
        self.log = self._home / "server.log"

    def start(self) -> None:
        self._server.start(ui=True, port=self._port)

    def answers(self) -> bool:
        answering = self._server.wait(0.1)
        if answering and self._server.started_here:
            self._server.write_server_file()
        return answering

    def link(self) -> str:
        """Return the address that logs a browser in and opens the newest run."""
        return f"Prefect  {self._server.login_link()}"

    def died(self) -> bool:
        return self._server.ended

    def stop(self) -> None:
        self._server.stop()
