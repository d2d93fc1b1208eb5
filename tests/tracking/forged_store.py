"""A store on loopback of which one thing is wrong: what the forged stores of all clouds have in common."""

from __future__ import annotations

import http.server
import threading
from types import SimpleNamespace
from typing import Any

FILE = "cell/predictions.parquet"
KEY = f"1/2/artifacts/{FILE}"
PIECE = b"x" * (1 << 16)


class ForgedStore(http.server.ThreadingHTTPServer):
    """Holds one file of 1,000 bytes.

    Parameters
    ----------
    way : str
        ``right``, or what is wrong.
    answers : type
        How the store of a cloud answers.
    elsewhere : str
        Address to which it redirects.
    """

    daemon_threads = True

    def __init__(self, way: str, answers: type[ForgedAnswers], elsewhere: str = "") -> None:
        self.way, self.elsewhere, self.sent, self.lists, self.gets, self.puts = way, elsewhere, 0, 0, 0, 0
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), answers)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class ForgedAnswers(http.server.BaseHTTPRequestHandler):
    """Answers of a store that are right, or wrong in the way of `ForgedStore`."""

    server: ForgedStore
    protocol_version = "HTTP/1.1"
    most: int
    """Bytes after which an endless answer ends all the same, so that a client without limits does not hang a test."""

    def send_list(self, text: bytes) -> None:
        """Send a list of files."""
        if self.server.way == "endless list":
            self.begin(200, None)
            self.endless()
        else:
            self.begin(200, len(text))
            self.wfile.write(text)

    def send_file(self, status: int, *headers: tuple[str, str], error: int) -> None:
        """Send the file, or an error with the status `error`."""
        way = self.server.way
        if way == "error":
            self.begin(error, None)
            self.endless()
        elif way == "chunks":
            self.begin(status, None, *headers)
            self.endless()
        elif way == "until the end":
            self.begin(status, -1, *headers)
            self.endless(chunked=False)
        elif way == "redirect":
            self.begin(302, 0, ("location", f"{self.server.elsewhere}{self.path}"))
        elif way == "trickle":
            self.begin(status, 1000, *headers)
            while not self.server.closing.wait(0.05):
                self.wfile.write(b"x")
        else:
            self.begin(status, 1000, *headers)
            self.wfile.write(b"x" * 1000)

    def endless(self, *, chunked: bool = True) -> None:
        """Send pieces until the store is closed, or `most` bytes."""
        while self.server.sent < self.most and not self.server.closing.is_set():
            self.piece(b"10000\r\n" + PIECE + b"\r\n" if chunked else PIECE)
        self.wfile.write(b"0\r\n\r\n" if chunked else b"")

    def piece(self, piece: bytes) -> None:
        """Send bytes, and count them."""
        self.server.sent += len(piece)
        self.wfile.write(piece)

    def begin(self, status: int, length: int | None, *more: tuple[str, str]) -> None:
        """Send the head of an answer; `length` None: in chunks, below 0: until the connection is closed."""
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
        """Print nothing."""


def team_client() -> Any:
    """Return what the limits read of an MLflow client of a team's server."""
    return SimpleNamespace(tracking_uri="http://team.example:5000")


def run_at(place: str) -> Any:
    """Return what the limits read of an MLflow run whose files lie at a place."""
    return SimpleNamespace(info=SimpleNamespace(artifact_uri=place))
