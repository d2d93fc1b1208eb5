"""A tracking server on loopback that does not behave: mute, endless, or leading elsewhere."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Forged"]

BIG = 40 << 20
"""Bytes after which an endless answer ends all the same, so that a client without limits does not hang a test."""


@functools.cache
def _bomb() -> bytes:
    """Return 64 MB of spaces, packed."""
    return gzip.compress(b" " * (64 << 20), 1, mtime=0)


class Forged(http.server.ThreadingHTTPServer):
    """Answers as much of MLflow's interface as a run asks for; one part of it is wrong.

    Parameters
    ----------
    way : str
        ``mute``, ``trickle``, ``header``, ``body``, ``gzip``, ``short``, ``busy``, ``pages``, ``same``, ``redirect``,
        ``file``, ``elsewhere`` or ``right``.
    keys : sequence of str
        Cells that it says it has.
    elsewhere : str
        Where it leads to.
    """

    daemon_threads = True

    def __init__(self, way: str, keys: tuple[str, ...] = (), elsewhere: str = "") -> None:
        self.way, self.keys, self.elsewhere, self.asked = way, keys, elsewhere, list[str]()
        self.sent = 0
        if way == "gzip":
            _bomb()  # before anybody waits for it
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Answers)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has hung up, which is what a client with limits does."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def run(self, number: int) -> dict[str, Any]:
        """Return a run as MLflow writes it."""
        key = self.keys[number % len(self.keys)] if self.keys else f"{number:064d}"
        uri = f"{self.elsewhere}/x" if self.way == "elsewhere" else f"mlflow-artifacts:/1/{number}/artifacts"
        info = {"run_id": f"{number:032d}", "experiment_id": "1", "status": "FINISHED", "artifact_uri": uri}
        info |= {"lifecycle_stage": "active", "start_time": 1, "end_time": 2, "run_name": "r"}
        return {"info": info, "data": {"tags": [{"key": "cell_key", "value": key}]}}


class _Answers(http.server.BaseHTTPRequestHandler):
    server: Forged
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        server, path = self.server, urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        server.asked.append(path)
        with contextlib.suppress(OSError):
            if server.way == "mute":
                server.closing.wait(600)
            elif server.way == "trickle":
                self._begin(10**6)
                while not server.closing.wait(0.2):
                    self.wfile.write(b" ")
            elif server.way == "header":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
                while not server.closing.wait(0.2):
                    self.wfile.write(b"a")
            elif server.way == "gzip":  # 64 MB, packed
                self._begin(len(bomb := _bomb()), **{"content-encoding": "gzip"})
                self.wfile.write(bomb)
            elif server.way == "short":  # ends before the length that it has said
                self._begin(10)
                self.close_connection = True
            elif server.way == "busy":
                self.send_response(503)
                self.send_header("retry-after", "100000")
                self.send_header("content-length", "0")
                self.end_headers()
            elif server.way == "body" or "/artifacts/cell/" in path:
                self._begin(None)
                while server.sent < BIG and not server.closing.is_set():
                    server.sent += 1 << 16
                    self.wfile.write(b"10000\r\n" + b" " * (1 << 16) + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")
            elif server.way == "redirect":
                self.send_response(302)
                self.send_header("Location", f"{server.elsewhere}{self.path}")
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                self._json(self._content(path, body))

    def _content(self, path: str, body: bytes) -> dict[str, Any]:
        server = self.server
        if path.endswith("get-by-name"):
            place = {"artifact_location": "mlflow-artifacts:/1", "lifecycle_stage": "active"}
            return {"experiment": {"experiment_id": "1", "name": "va_experiments", **place}}
        if path.endswith("runs/search"):
            if "RUNNING" in str(json.loads(body).get("filter")):
                return {}
            time.sleep(0.01)
            number = int(json.loads(body).get("page_token") or 0)
            if server.way == "pages":  # a new run on every page, and always another page
                return {"runs": [server.run(number)], "next_page_token": str(number + 1)}
            if server.way == "same":  # the same run on every page
                return {"runs": [server.run(7)], "next_page_token": str(number + 1)}
            return {"runs": [server.run(n) for n in range(len(server.keys))]}
        if path.endswith("runs/get") or path.endswith("runs/create"):
            return {"run": server.run(0)}
        return {}

    def _begin(self, length: int | None, **more: str) -> None:
        self.send_response(200)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header(*("transfer-encoding", "chunked") if length is None else ("content-length", str(length)))
        self.end_headers()

    def _json(self, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self._begin(len(text))
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        pass
