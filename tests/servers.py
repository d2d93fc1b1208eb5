"""Real servers on loopback for tests: ports, requests, what stands in front of a server, and what Prefect recorded."""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import json
import os
import random
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """Return a free port that the system gives to nobody who asks for any: servers take it seconds later."""
    while True:
        port = random.randrange(12_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def answer(url: str, *, auth: str | None = None, host: str | None = None, body: object = None) -> tuple[int, bytes]:
    """Return status and content of a request."""
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    if auth:
        request.add_header("Authorization", f"Basic {base64.b64encode(auth.encode()).decode()}")
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request, timeout=20) as got:
            return int(got.status), got.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def until(condition: Callable[[], bool], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.3)


def up(url: str) -> bool:
    try:
        return answer(url)[0] == 200
    except OSError:
        return False


@contextlib.contextmanager
def served(command: Sequence[str], health: str, log: Path, **environment: str) -> Iterator[None]:
    """Run a server that ends with this block, from when `health` answers."""
    guarded = [sys.executable, "-m", "va_experiments.child_process", *command]
    with open(log, "wb") as file:
        process = subprocess.Popen(
            guarded, stdin=subprocess.PIPE, stdout=file, stderr=file, cwd=ROOT, env={**os.environ, **environment}
        )
    try:
        until(lambda: up(health) or process.poll() is not None)
        if process.poll() is not None:
            pytest.fail(log.read_text()[-2000:])
        yield
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        process.wait(20)


class Gate(http.server.ThreadingHTTPServer):
    """The web server that stands in front of a team's MLflow and asks for a password or a token."""

    def __init__(self, behind: tuple[str, int], *, user: str, token: str) -> None:
        self.behind = behind
        self.expected = {f"Basic {base64.b64encode(user.encode()).decode()}", f"Bearer {token}"}
        super().__init__(("127.0.0.1", 0), _Passes)
        self.port = self.server_port
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Passes(http.server.BaseHTTPRequestHandler):
    server: Gate

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("authorization") not in self.server.expected:
            status, content, kind = 401, b"<h1>401 Authorization Required</h1>", "text/html"
        else:
            link = http.client.HTTPConnection(*self.server.behind, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() in ("content-type", "accept")}
            headers["Host"] = f"127.0.0.1:{self.server.behind[1]}"
            link.request(self.command, self.path, body=body, headers=headers)
            got = link.getresponse()
            status, content, kind = got.status, got.read(), got.getheader("content-type") or ""
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

    def log_message(self, *_: object) -> None:
        pass


class Tunnel(socketserver.ThreadingTCPServer):
    """A port that is forwarded, byte by byte, as ``ssh -L`` forwards it; counts the connections.

    Parameters
    ----------
    here : (str, int) or socket
        Where to listen, or a socket that listens already.
    there : (str, int)
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, here: tuple[str, int] | socket.socket, there: tuple[str, int]) -> None:
        self.there, self.connections = there, 0
        if isinstance(here, socket.socket):
            super().__init__(here.getsockname(), _Forwards, bind_and_activate=False)
            self.socket.close()
            self.socket = here
        else:
            super().__init__(here, _Forwards)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Forwards(socketserver.BaseRequestHandler):
    server: Tunnel

    def handle(self) -> None:
        self.server.connections += 1
        with socket.create_connection(self.server.there) as far:
            back = threading.Thread(target=_pump, args=(far, self.request), daemon=True)
            back.start()
            _pump(self.request, far)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            sink.sendall(content)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def mlflow_command(outputs: Path, port: int) -> list[str]:
    """Return the command of a plain MLflow server over a folder, as a team starts one."""
    from va_experiments.tracking.local_database import local_artifacts, local_uri
    from va_experiments.uris import file_uri

    hosts = ",".join(f"{h}:{port}" for h in ("127.0.0.1", "localhost"))
    origins = ",".join(f"http://{h}:{port}" for h in ("127.0.0.1", "localhost"))
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", local_uri(outputs)),
        *("--artifacts-destination", file_uri(local_artifacts(outputs))),
        *("--allowed-hosts", hosts, "--cors-allowed-origins", origins, "--x-frame-options", "DENY"),
    ]


def prefect_records(url: str, auth: str, outputs: Path) -> list[tuple[str, str]]:
    """Return name and state of every flow run and task run, asked of the API with Prefect's own client."""
    code = (
        "import sys, json\nfrom prefect.client.orchestration import get_client\n"
        "with get_client(sync_client=True) as c:\n"
        "    runs = [('flow', r.name, r.state.name) for r in c.read_flow_runs()]\n"
        "    runs += [('task', r.name, r.state.name) for r in c.read_task_runs()]\n"
        "    runs += [('artifact', a.key, a.type) for a in c.read_artifacts()]\n"
        "print(json.dumps(runs))\n"
    )
    from va_experiments.prefect_flow.server import client_environment

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **client_environment(outputs / "prefect", url, auth)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(r) for r in json.loads(done.stdout.splitlines()[-1])]


def start_ui(outputs: Path) -> tuple[subprocess.Popen[str], str, int, int]:
    """Start ``va-experiments ui`` on free ports; return it, what it has said by then, MLflow's port and Prefect's."""
    code = "import sys; from va_experiments.cli import main; sys.exit(main(sys.argv[1:]))"
    mlflow, prefect = free_port(), free_port()
    options = ["--outputs", str(outputs), "--mlflow-port", str(mlflow), "--prefect-port", str(prefect)]
    process = subprocess.Popen([sys.executable, "-c", code, "ui", *options], stdout=subprocess.PIPE, text=True)
    text = ""
    try:
        while "Ctrl-C" not in text:
            line = process.stdout.readline()  # type: ignore[union-attr]
            assert line, text
            text += line
    except BaseException:
        process.terminate()
        raise
    return process, text, mlflow, prefect
