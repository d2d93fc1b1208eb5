"""Lines added to the head of a page: to the pages that are named, and to nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

from va_experiments.page_additions import with_head

PAGE = b"<html><head><title>t</title></head><body></head></body></html>"


def get(path: str, *, method: str = "GET", kind: bytes = b"text/html", **headers: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body that a page with additions answers."""
    sent: list[Any] = []
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append({k for k, _ in scope["headers"]})
        of_page = [(b"content-type", kind), (b"content-length", str(len(PAGE)).encode()), (b"etag", b"x")]
        packed = [(b"content-encoding", b"gzip")] if b"accept-encoding" in seen[0] else []
        await send({"type": "http.response.start", "status": 200, "headers": [*of_page, *packed]})
        for part in (PAGE[:10], PAGE[10:]):
            await send({"type": "http.response.body", "body": part, "more_body": part == PAGE[:10]})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": pairs}
    asyncio.run(with_head(app, "<style></style>", lambda path: path == "/")(scope, receive, send))
    answered = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return answered, b"".join(m["body"] for m in sent[1:])


def test_a_page_gets_the_lines_once_and_its_length_is_right() -> None:
    headers, body = get("/", accept_encoding="gzip", if_none_match="x")
    assert body == PAGE.replace(b"</head>", b"<style></style></head>", 1)
    assert headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "no-store"
    assert not {"etag", "content-encoding"} & set(headers), "the page is neither the file that it was nor packed"


def test_all_else_stays_as_it_is() -> None:
    for answered in (get("/get-artifact"), get("/", method="POST"), get("/", kind=b"application/json")):
        assert answered[1] == PAGE
        assert answered[0]["etag"] == "x"
    assert "content-encoding" in get("/get-artifact", accept_encoding="gzip")[0]
