"""Forged stores of Google Cloud Storage and Azure, which announce little and send much or never end, are given up.

The clients are the real ones, those that MLflow uses; the stores are on loopback.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.tracking.forged_store import FILE, KEY, ForgedAnswers, ForgedStore, run_at, team_client
from va_experiments.tracking import limits
from va_experiments.tracking.limits import LimitReached, fetch_file, limit_client, list_files, sending_file

MODULES = {"gs": "google.cloud.storage", "wasbs": "azure.storage.blob"}
PLACES = {
    "gs": "gs://bucket/1/2/artifacts",
    "wasbs": "wasbs://bucket@account.blob.core.windows.net/1/2/artifacts",
}
SIZE = 2 << 20


class _Answers(ForgedAnswers):
    """Answers to the clients of both clouds."""

    most = 24 << 20

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query, path = parse_qs(parts.query), unquote(parts.path)
        with contextlib.suppress(OSError):
            if path == "/storage/v1/b/bucket/o":
                self._list(self._of_google())
            elif query.get("comp") == ["list"]:
                self._list(self._of_azure())
            elif path == "/storage/v1/b/bucket":  # Google's client asks where the bucket is, in a thread of its own
                self.begin(404, 0)
            else:
                assert path in (f"/download/storage/v1/b/bucket/o/{KEY}", f"/account/bucket/{KEY}"), path
                self._file()

    def _list(self, text: bytes) -> None:
        self.server.lists += 1
        self.send_list(text)

    def _of_google(self) -> bytes:
        item = {"name": KEY, "size": "1099511627776" if self.server.way == "large list" else "1000"}
        more = {"nextPageToken": f"t{self.server.lists}"} if self.server.way == "lists" else {}
        return json.dumps({"kind": "storage#objects", "items": [item], **more}).encode()

    def _of_azure(self) -> bytes:
        size = 2**40 if self.server.way == "large list" else 1000
        more = f"t{self.server.lists}" if self.server.way == "lists" else ""
        return (
            '<?xml version="1.0"?><EnumerationResults><Blobs>'
            f"<Blob><Name>{KEY}</Name><Properties><Content-Length>{size}</Content-Length>"
            "<BlobType>BlockBlob</BlobType></Properties></Blob>"
            f"</Blobs><NextMarker>{more}</NextMarker></EnumerationResults>"
        ).encode()

    def _file(self) -> None:
        self.server.gets += 1
        if "x-ms-range" in self.headers:
            self.send_file(206, ("content-range", "bytes 0-999/1000"), ("x-ms-blob-type", "BlockBlob"), error=404)
        else:
            self.send_file(200, error=404)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.puts += 1
        with contextlib.suppress(OSError):
            self.begin(201 if self.path.startswith("/account") else 200, None)
            self.endless()

    do_POST = do_PUT

    def begin(self, status: int, length: int | None, *more: tuple[str, str]) -> None:
        form = "json" if self.path.startswith(("/storage", "/upload")) else "xml"
        super().begin(status, length, ("content-type", f"application/{form}"), *more)


@pytest.fixture(params=MODULES)
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The scheme of a store whose client is installed, with limits that a test reaches."""
    pytest.importorskip(
        MODULES[request.param], reason="needs the client of the cloud: pip install 'va-experiments[clouds]'"
    )
    from requests.adapters import HTTPAdapter

    plain = HTTPAdapter.send
    for name, value in {
        "no_proxy": "127.0.0.1",
        "NO_PROXY": "127.0.0.1",
        "AWS_MAX_ATTEMPTS": "1",
        "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
        "MLFLOW_ENABLE_MULTIPART_DOWNLOAD": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setattr(limits, "ANSWER_BYTES", SIZE)
    monkeypatch.setattr(limits, "ANSWER_SECONDS", 20.0)
    monkeypatch.setattr(limits, "FILE_BYTES", SIZE)
    monkeypatch.setattr(limits, "MOST_LISTS", 5)
    limit_client()
    yield request.param
    HTTPAdapter.send = plain  # type: ignore[method-assign]


@contextlib.contextmanager
def forged(way: str, monkeypatch: pytest.MonkeyPatch, elsewhere: str = "") -> Iterator[ForgedStore]:
    """Run a store to which both clients go."""
    with ForgedStore(way, _Answers, elsewhere) as store:
        address = f"http://127.0.0.1:{store.server_port}"
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        monkeypatch.setenv(
            "AZURE_STORAGE_CONNECTION_STRING",
            f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey=bm9uZQ==;BlobEndpoint={address}/account;",
        )
        yield store


def _run(cloud: str) -> Any:
    return run_at(PLACES[cloud])


WAYS = {
    "chunks": "larger than any of ours",
    "until the end": "larger than any of ours",
    "error": "larger than any of ours",
    "endless list": "larger than any of ours",
    "large list": "larger than any of ours",
    "lists": "no end",
    "redirect": "redirects to another address",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_store_that_lies_is_given_up_in_words(
    way: str, cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ForgedStore("right", _Answers) as other:
        elsewhere = f"http://127.0.0.1:{other.server_port}"
        with forged(way, monkeypatch, elsewhere) as store, pytest.raises(LimitReached, match=WAYS[way]):
            fetch_file(team_client(), _run(cloud), FILE, tmp_path / "predictions.parquet")
        assert other.gets == 0, "nothing is asked elsewhere"
    assert store.sent <= 6 * SIZE, "what is not read is not sent (but for what sockets hold)"
    assert store.lists <= 6
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) <= SIZE


def test_a_store_that_never_ends_is_given_up(cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_SECONDS", 0.5)
    with forged("trickle", monkeypatch), pytest.raises(LimitReached, match="does not end"):
        fetch_file(team_client(), _run(cloud), FILE, tmp_path / "predictions.parquet")


def test_an_honest_store_is_read(cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with forged("right", monkeypatch) as store:
        fetch_file(team_client(), _run(cloud), FILE, tmp_path / "predictions.parquet")
        assert (tmp_path / "predictions.parquet").read_bytes() == b"x" * 1000
        assert list_files(team_client(), _run(cloud), "cell") == {FILE: 1000}
    assert store.gets == 1


def test_an_endless_answer_to_a_file_that_is_sent_is_given_up(
    cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "predictions.parquet").write_bytes(b"x" * 1000)
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with forged("right", monkeypatch) as store:
        files = get_artifact_repository(PLACES[cloud], tracking_uri="http://team.example:5000")
        with pytest.raises(LimitReached, match="larger than any of ours"), sending_file():
            files.log_artifact(str(tmp_path / "predictions.parquet"), "cell")
    assert store.puts >= 1
    assert store.sent <= 6 * SIZE


def test_what_is_not_cloud_storage_keeps_its_own_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else in the process that uses requests is limited: alerts, a model of somebody's own."""
    import requests
    from requests.adapters import HTTPAdapter

    plain = HTTPAdapter.send
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    try:
        limit_client()
        with ForgedStore("chunks", _Answers) as store:
            answer = requests.get(f"http://127.0.0.1:{store.server_port}/account/bucket/{KEY}", timeout=20)
        assert len(answer.content) == _Answers.most
    finally:
        HTTPAdapter.send = plain  # type: ignore[method-assign]


@pytest.mark.parametrize("uri", ["hdfs://elsewhere/1", "viewfs://elsewhere/1", "dbfs:/1", "ftp://elsewhere/1"])
def test_stores_that_cannot_be_held_to_limits_are_refused(uri: str) -> None:
    with pytest.raises(LimitReached, match=r"or in cloud storage \(s3, gs, r2, b2, wasbs, abfss\)"):
        limits.check_place(uri, "http://team.example:5000")


def test_the_clients_of_both_clouds_are_those_that_are_tested() -> None:
    from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry

    known = _artifact_repository_registry._registry
    assert set(limits.STORES) <= set(known)
    assert importlib.util.find_spec("requests") is not None
