"""A forged S3 store, which announces little and sends much or never ends, is given up in words within the limits."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from va_experiments.tracking import cloud_limits, limits
from va_experiments.tracking.limits import LimitReached, fetch_file, limit_client, list_files

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("boto3") is None, reason="needs boto3: pip install 'va-experiments[team]'"
)

PIECE = b"x" * (1 << 16)
BIG = 40 << 20
"""Bytes after which an endless answer ends all the same, so that a client without limits does not hang a test."""
SIZE = 4 << 20
FILE = "cell/predictions.parquet"
KEY = f"1/2/artifacts/{FILE}"


class ForgedStore(http.server.ThreadingHTTPServer):
    """Holds one file; one thing about it is wrong.

    Parameters
    ----------
    way : str
        ``right``, or what it does; see `WAYS`.
    """

    daemon_threads = True

    def __init__(self, way: str) -> None:
        self.way, self.sent, self.lists, self.gets = way, 0, 0, 0
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Answers)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Answers(http.server.BaseHTTPRequestHandler):
    server: ForgedStore
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server, parts = self.server, urlsplit(self.path)
        with contextlib.suppress(OSError):
            if "list-type" in parse_qs(parts.query):
                server.lists += 1
                self._list()
                return
            assert unquote(parts.path) == f"/bucket/{KEY}", parts.path
            server.gets += 1
            if server.way == "error":
                self._begin(500, None)
                self._endless()
            elif server.way == "chunks":
                self._begin(200, None)
                self._endless()
            elif server.way == "until the end":
                self._begin(200, -1)
                self._endless(chunked=False)
            elif server.way == "trickle":
                self._begin(200, 1000)
                while not server.closing.wait(0.05):
                    self.wfile.write(b"x")
            elif server.way == "large head":  # parts, each as it was asked for
                first, last = self.headers["Range"].removeprefix("bytes=").split("-")
                size = int(last or 2**40) - int(first) + 1
                self._begin(206, size, ("Content-Range", f"bytes {first}-{last}/{2**40}"))
                for _ in range(size >> 16):
                    self._piece(PIECE)
            else:
                self._begin(200, 1000)
                self.wfile.write(b"x" * 1000)

    def do_HEAD(self) -> None:
        self._begin(200, 2**40 if self.server.way == "large head" else 1000)

    def _list(self) -> None:
        way, number = self.server.way, self.server.lists
        if way == "endless list":
            self._begin(200, None)
            self._endless()
            return
        more = f"<NextContinuationToken>t{number}</NextContinuationToken>" if way == "lists" else ""
        size = {"large list": 2**40, "no size": -1}.get(way, 1000)
        text = (
            '<?xml version="1.0"?><ListBucketResult><Name>bucket</Name><Prefix>1/2/artifacts/cell/</Prefix>'
            f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}<KeyCount>1</KeyCount>"
            f"<Contents><Key>{KEY}</Key><Size>{size}</Size></Contents></ListBucketResult>"
        ).encode()
        self._begin(200, len(text))
        self.wfile.write(text)

    def _endless(self, *, chunked: bool = True) -> None:
        while self.server.sent < BIG and not self.server.closing.is_set():
            self._piece(b"10000\r\n" + PIECE + b"\r\n" if chunked else PIECE)
        self.wfile.write(b"0\r\n\r\n" if chunked else b"")

    def _piece(self, piece: bytes) -> None:
        self.server.sent += len(piece)
        self.wfile.write(piece)

    def _begin(self, status: int, length: int | None, *more: tuple[str, str]) -> None:
        self.send_response(status)
        if length is None:
            self.send_header("transfer-encoding", "chunked")
        elif length >= 0:
            self.send_header("content-length", str(length))
        self.close_connection = length is not None and length < 0
        for name, value in (("etag", '"0"'), *more):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("mlflow")
    from botocore import awsrequest

    plain = awsrequest.AWSResponse
    for name, value in {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "no_proxy": "127.0.0.1",
        "NO_PROXY": "127.0.0.1",
        "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
        "MLFLOW_ENABLE_MULTIPART_DOWNLOAD": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    }.items():
        monkeypatch.setenv(name, value)
    for module in (limits, cloud_limits):
        monkeypatch.setattr(module, "ANSWER_BYTES", SIZE)
        monkeypatch.setattr(module, "ANSWER_SECONDS", 20.0)
    monkeypatch.setattr(limits, "FILE_BYTES", SIZE)
    monkeypatch.setattr(limits, "MOST_LISTS", 5)
    limit_client()
    yield
    awsrequest.AWSResponse = plain  # type: ignore[misc]


def fetched(way: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ForgedStore:
    """Fetch the file from a store; it is ended afterwards."""
    with ForgedStore(way) as store:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", f"http://127.0.0.1:{store.server_port}")
        try:
            fetch_file(_client(), _run(), FILE, folder / "predictions.parquet")
        finally:
            fetched.store = store  # type: ignore[attr-defined]
    return store


def _client() -> Any:
    return SimpleNamespace(tracking_uri="http://team.example:5000")


def _run() -> Any:
    return SimpleNamespace(info=SimpleNamespace(artifact_uri="s3://bucket/1/2/artifacts"))


WAYS = {
    "chunks": "larger than any of ours",
    "until the end": "larger than any of ours",
    "large head": "larger than any of ours",
    "error": "larger than any of ours",
    "endless list": "larger than any of ours",
    "large list": "larger than any of ours",
    "no size": "its size is not said",
    "lists": "no end",
}
"""What a store does: it lists and heads 1,000 bytes, unless this is what is wrong, and sends something else."""


@pytest.mark.parametrize("way", WAYS)
def test_a_store_that_lies_is_given_up_in_words(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitReached, match=WAYS[way]):
        fetched(way, tmp_path, monkeypatch)
    store: ForgedStore = fetched.store  # type: ignore[attr-defined]
    assert store.sent <= 8 * SIZE, "what is not read is not sent (but for what sockets and threads hold)"
    assert store.lists <= 6
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) <= SIZE


def test_a_store_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_SECONDS", 0.5)
    with pytest.raises(LimitReached, match="does not end"):
        fetched("trickle", tmp_path, monkeypatch)


def test_an_honest_store_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = fetched("right", tmp_path, monkeypatch)
    assert (tmp_path / "predictions.parquet").read_bytes() == b"x" * 1000
    assert (store.lists, store.gets) == (1, 1)
    with ForgedStore("right") as store:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", f"http://127.0.0.1:{store.server_port}")
        assert list_files(_client(), _run(), "cell") == {FILE: 1000}


def test_bytes_that_come_are_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signs: list[int] = []
    monkeypatch.setattr(limits._allowed, "progress", lambda: signs.append(1), raising=False)
    fetched("right", tmp_path, monkeypatch)
    assert len(signs) >= 2, "from the list, and from the threads that read the file"
