"""A forged S3 store, which announces little and sends much or never ends, is given up in words within the limits."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.tracking.forged_store import FILE, KEY, PIECE, ForgedAnswers, ForgedStore, run_at, team_client
from va_experiments.tracking import cloud_limits, limits
from va_experiments.tracking.limits import LimitReached, fetch_file, limit_client, list_files

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("boto3") is None, reason="needs boto3: pip install 'va-experiments[team]'"
)

SIZE = 4 << 20


class _Answers(ForgedAnswers):
    most = 40 << 20

    def do_GET(self) -> None:
        server, parts = self.server, urlsplit(self.path)
        with contextlib.suppress(OSError):
            if "list-type" in parse_qs(parts.query):
                server.lists += 1
                self._list()
                return
            assert unquote(parts.path) == f"/bucket/{KEY}", parts.path
            server.gets += 1
            if server.way == "large head":  # parts, each as it was asked for
                first, last = self.headers["Range"].removeprefix("bytes=").split("-")
                size = int(last or 2**40) - int(first) + 1
                self.begin(206, size, ("Content-Range", f"bytes {first}-{last}/{2**40}"))
                for _ in range(size >> 16):
                    self.piece(PIECE)
            else:
                self.send_file(200, error=500)

    def do_HEAD(self) -> None:
        self.begin(200, 2**40 if self.server.way == "large head" else 1000)

    def _list(self) -> None:
        way, number = self.server.way, self.server.lists
        more = f"<NextContinuationToken>t{number}</NextContinuationToken>" if way == "lists" else ""
        size = {"large list": 2**40, "no size": -1}.get(way, 1000)
        self.send_list(
            '<?xml version="1.0"?><ListBucketResult><Name>bucket</Name><Prefix>1/2/artifacts/cell/</Prefix>'
            f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}<KeyCount>1</KeyCount>"
            f"<Contents><Key>{KEY}</Key><Size>{size}</Size></Contents></ListBucketResult>".encode()
        )


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
    with ForgedStore(way, _Answers) as store:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", f"http://127.0.0.1:{store.server_port}")
        try:
            fetch_file(team_client(), _run(), FILE, folder / "predictions.parquet")
        finally:
            fetched.store = store  # type: ignore[attr-defined]
    return store


def _run() -> Any:
    return run_at("s3://bucket/1/2/artifacts")


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
    with ForgedStore("right", _Answers) as store:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", f"http://127.0.0.1:{store.server_port}")
        assert list_files(team_client(), _run(), "cell") == {FILE: 1000}


def test_bytes_that_come_are_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signs: list[int] = []
    monkeypatch.setattr(limits._allowed, "progress", lambda: signs.append(1), raising=False)
    fetched("right", tmp_path, monkeypatch)
    assert len(signs) >= 2, "from the list, and from the threads that read the file"
