"""Add lines of our own to the head of a page that another application serves: an ASGI layer behind the guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["with_head"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_END = b"</head>"

_OF_THE_FILE = frozenset({b"content-length", b"etag", b"last-modified", b"cache-control"})
"""Headers that describe the page as the application has it."""


def with_head(app: App, head: str, is_page: Callable[[str], bool]) -> App:
    """Return an application whose HTML pages have some more lines at the end of their head.

    Parameters
    ----------
    app : callable
        An ASGI application.
    head : str
        HTML: styles and scripts.
    is_page : callable
        Return whether a path is one of the application's own pages; all else, files of users above all, stays as it is.
    """
    addition = head.encode()

    async def added(scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, and edit the answer of a page."""
        if scope["type"] != "http" or scope["method"] != "GET" or not is_page(scope["path"]):
            await app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def edit(message: Message) -> None:
            """Hold a page back until it is whole, and send it with the lines; send all else at once."""
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_html(message):
                start = message
            elif start and message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    page = body.replace(_END, addition + _END, 1)
                    length = (b"content-length", str(len(page)).encode())
                    headers = [(k, v) for k, v in start["headers"] if k.lower() not in _OF_THE_FILE]
                    await send({**start, "headers": [*headers, length, (b"cache-control", b"no-store")]})
                    await send({"type": "http.response.body", "body": page})
            else:
                await send(message)

        plain = [(k, v) for k, v in scope["headers"] if k.lower() not in _CONDITIONS]
        await app({**scope, "headers": plain}, receive, edit)

    return added


_CONDITIONS = frozenset({b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"})
"""Headers with which an application answers with less than its page, or packed."""


def _is_html(start: Message) -> bool:
    headers = {k.lower(): v for k, v in start["headers"]}
    packed = b"content-encoding" in headers
    return start["status"] == 200 and headers.get(b"content-type", b"").startswith(b"text/html") and not packed
