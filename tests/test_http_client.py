"""Requests go straight to this machine, and nowhere else than to the host that was named."""

from __future__ import annotations

import http.server
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from va_experiments.http_client import bypass_proxies, is_loopback, open_url


class _Server(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Answers)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        away = self.path.partition("?to=")[2]
        self.send_response(302 if away else 200)
        if away:
            self.send_header("Location", away)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as one:
        yield one
        one.shutdown()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"])
def test_no_proxy_is_asked_for_this_machine(name: str, server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with open_url(f"{server.url}/x", timeout=5) as answer:
        assert answer.read(10) == b"ok"


def test_a_password_does_not_follow_a_redirect(server: _Server) -> None:
    with _Server() as elsewhere:
        with pytest.raises(urllib.error.HTTPError) as refused:
            open_url(f"{server.url}/?to={elsewhere.url}/", timeout=5, headers={"Authorization": "Basic c2VjcmV0"})
        refused.value.close()
        elsewhere.shutdown()
        assert refused.value.code == 302
        assert server.seen[0][1] == "Basic c2VjcmV0"
        assert elsewhere.seen == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "127.0.0.1,localhost,::1"),
        ("example.org", "example.org,127.0.0.1,localhost,::1"),
        ("localhost, example.org", "localhost,example.org,127.0.0.1,::1"),
        ("*", "*"),
    ],
)
def test_this_machine_is_named_in_both_spellings(before: str, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", before)
    monkeypatch.setenv("NO_PROXY", "")
    for _ in range(2):
        bypass_proxies()
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == after
    assert urllib.request.proxy_bypass("127.0.0.1:4200")


def test_which_addresses_are_on_this_machine() -> None:
    assert all(
        map(is_loopback, ["http://127.0.0.1:5000", "http://localhost/api", "http://[::1]:4200", "http://127.0.0.2"])
    )
    assert not any(map(is_loopback, ["https://example.org", "http://10.0.0.1", "http://127.example.org.evil", "x"]))
