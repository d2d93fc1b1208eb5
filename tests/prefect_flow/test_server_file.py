"""Where Prefect's server is said to be, nobody gets the password who does not know it already."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from va_experiments.config.schema import TrackingConfig
from va_experiments.page_guard import password_of, proof
from va_experiments.prefect_flow.server import PrefectServer, knows_password


class _Listener(http.server.ThreadingHTTPServer):
    """A server that answers everything, and keeps what it was sent; with a password it is one of ours."""

    def __init__(self, password: str = "") -> None:
        self.password, self.seen = password, list[str]()
        super().__init__(("127.0.0.1", 0), _Answers)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api"


class _Answers(http.server.BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        self.server.seen.append(str(self.headers))
        parts = urlsplit(self.path)
        nonce = parse_qs(parts.query).get("nonce", [""])[0]
        body = proof(self.server.password, nonce) if parts.path == "/va-proof" else '"3.5.0"'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def home(tmp_path: Path) -> Path:
    password_of(tmp_path / "prefect")
    return tmp_path / "prefect"


@pytest.fixture
def listener() -> Iterator[_Listener]:
    with _Listener() as one:
        yield one
        one.shutdown()


def test_a_listener_without_the_password_does_not_get_it(home: Path, listener: _Listener) -> None:
    (home / "server.json").write_text(json.dumps({"url": listener.url}))
    (home / "server.json").chmod(0o600)
    assert PrefectServer(TrackingConfig(), home)._read_server_file() == listener.url
    assert not knows_password(listener.url, password_of(home))
    assert listener.seen
    assert not any("Authorization" in headers for headers in listener.seen)


def test_our_own_server_is_known(home: Path) -> None:
    with _Listener(password_of(home)) as ours:
        assert knows_password(ours.url, password_of(home))
        assert not knows_password(ours.url, "va:another")
        ours.shutdown()


@pytest.mark.parametrize(
    "url",
    ["http://evil.example/api", "http://127.0.0.1:1@evil.example/api", "https://127.0.0.1:4200/api", "file:///etc/api",
     "http://127.0.0.1:4200/api/../x", "http://127.0.0.1.evil.example:80/api", "http://127.0.0.1:4200/api\n", ""],
)  # fmt: skip
def test_an_address_elsewhere_is_not_one_of_ours(url: str, home: Path) -> None:
    (home / "server.json").write_text(json.dumps({"url": url}))
    (home / "server.json").chmod(0o600)
    assert PrefectServer(TrackingConfig(), home)._read_server_file() is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"url": 1}', "null", "[" * 2000])
def test_a_file_that_says_nothing_is_none(content: str, home: Path) -> None:
    (home / "server.json").write_text(content)
    (home / "server.json").chmod(0o600)
    assert PrefectServer(TrackingConfig(), home)._read_server_file() is None


def test_a_file_that_others_may_write_or_a_link_is_not_read(home: Path, listener: _Listener, tmp_path: Path) -> None:
    file, server = home / "server.json", PrefectServer(TrackingConfig(), home)
    file.write_text(json.dumps({"url": listener.url}))
    file.chmod(0o602)
    assert server._read_server_file() is None
    file.rename(tmp_path / "elsewhere.json")
    (tmp_path / "elsewhere.json").chmod(0o600)
    file.symlink_to(tmp_path / "elsewhere.json")
    assert server._read_server_file() is None
    file.unlink()
    os.mkfifo(file, 0o600)
    assert server._read_server_file() is None, "it does not wait for a writer"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666])
def test_a_file_of_another_account_is_not_read(mode: int, home: Path, listener: _Listener) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a file to another account")
    file = home / "server.json"
    file.write_text(json.dumps({"url": listener.url}))
    file.chmod(mode)
    os.chown(file, 65534, 65534)
    assert PrefectServer(TrackingConfig(), home)._read_server_file() is None


LISTEN = """
import http.server, os, sys
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.path, dict(self.headers), flush=True)
        self.send_response(200)
        self.send_header("content-length", "7")
        self.end_headers()
        self.wfile.write(b'"3.5.0"')
    do_POST = do_GET
    log_message = lambda *_: None
server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
print(os.getuid(), server.server_port, flush=True)
server.serve_forever()
"""


@pytest.mark.slow
@pytest.mark.nightly
def test_a_process_of_another_account_behind_an_old_file_gets_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner's own file names a port that another account has taken since: a run starts a server of its own."""
    if os.getuid() != 0:
        pytest.skip("only root can start a process of another account")
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    command = [python, "-I", "-c", LISTEN]
    account: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **account) as foreign:
        try:
            assert foreign.stdout is not None
            uid, port = foreign.stdout.readline().split()
            assert int(uid) == 65534
            (home / "server.json").write_text(json.dumps({"url": f"http://127.0.0.1:{port}/api"}))
            (home / "server.json").chmod(0o600)
            started: list[list[str]] = []
            with monkeypatch.context() as patched:
                patched.setattr("va_experiments.prefect_flow.server.subprocess.Popen", lambda c, **_: started.append(c))
                server = PrefectServer(TrackingConfig(), home)
                server.start()
        finally:
            foreign.terminate()
        seen = foreign.stdout.read()
    assert seen.startswith("/va-proof?nonce="), "it was asked whether it knows the password"
    assert len(seen.splitlines()) == 1
    assert "authorization" not in seen.lower()
    assert password_of(home).partition(":")[2] not in seen
    assert len(started) == 1
    assert f":{port}/" not in server.url
