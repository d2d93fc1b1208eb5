"""Guard the pages that we serve on loopback: an ASGI layer in front of MLflow's and Prefect's own applications.

It decides before they see a request: who is asked for (the ``Host`` header), which page asks (``Origin``), and whether
the one who asks knows the password. Web sockets are held to the same rules. The servers' own checks, which stay on,
have known gaps: they build an address from ``Host`` and path, leave paths out by their ending, and do not look at all
web sockets.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

__all__ = ["LOGIN", "PROOF", "Guard", "Request", "login_key", "password_of", "proof"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOGIN = "/login"
"""Path of the link that logs a browser in: ``/login?key=KEY#PAGE``, see `login_key`."""

PROOF = "/va-proof"
"""Path where a guard shows that it knows the password: ``/va-proof?nonce=TEXT``."""

MAX_BODY = 1 << 20
"""Bytes of a request that are read to look into it."""


def proof(password: str, nonce: str) -> str:
    """Return what a server of ours answers to a nonce: it shows that it knows the password, without telling it."""
    return hmac.new(password.encode(), b"proof of " + nonce.encode(), hashlib.sha256).hexdigest()


def login_key(password: str) -> str:
    """Return a key for the link that logs a browser in: it ends with the server, and does not tell the password.

    A server takes the keys that were made after its own start.
    """
    return _key_of(password.encode(), f"{time.time_ns():x}")


def _key_of(password: bytes, made: str) -> str:
    shown = hmac.new(password, b"login of " + made.encode(), hashlib.sha256).digest()[:16]
    return f"{made}-{base64.urlsafe_b64encode(shown).decode().rstrip('=')}"


def password_of(folder: Path) -> str:
    """Return ``user:password`` of the pages of a folder: random, kept in a file that only its owner can read.

    A file that is not of that kind (another account's, one that others can read or write, a link) may be known to
    somebody else: it is replaced by a new one, and servers that use the old password are not used any more.
    """
    path = folder / "auth"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    known, private = _read_password(path)
    if private:
        return known
    new, password = folder / f".auth-{secrets.token_hex(8)}", f"va:{secrets.token_urlsafe(24)}"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(password)
    try:
        if known and not _read_password(new)[1]:  # a file system without owners and modes: no file there is private
            return known
        try:
            os.link(new, path)  # unlike a rename, not in place of the file of a process that was faster
        except FileExistsError:
            known, private = _read_password(path)
            if private:
                return known
            new.replace(path)
        except OSError:  # a file system without links
            new.replace(path)
        return password
    finally:
        new.unlink(missing_ok=True)


def _read_password(path: Path) -> tuple[str, bool]:
    """Return what a regular file holds, empty if there is none, and whether it is ours and nobody else's."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return "", False
    with open(fd, encoding="utf-8", errors="replace") as file:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            return "", False
        content = file.read(1000)
        return content, bool(content) and facts.st_uid == os.getuid() and not facts.st_mode & 0o077


class Request:
    """What a guard knows of a request.

    Parameters
    ----------
    scope : mapping
        Of ASGI, for ``http`` or ``websocket``.
    """

    def __init__(self, scope: Message) -> None:
        self.method = str(scope.get("method", "GET"))
        self.path = str(scope["path"])
        self.socket = scope["type"] == "websocket"
        self.query = scope.get("query_string", b"").decode("latin-1")
        self._headers = [(k.lower().decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]]
        self.by_cookie = False
        """Whether a browser's session is all that the one who asks has shown."""

    def header(self, name: str) -> str | None:
        """Return a header that was sent once; None if it was not; text that matches nothing if it was sent twice."""
        values = [v for k, v in self._headers if k == name]
        return values[0] if len(values) == 1 else "\n" if values else None


Rule = Callable[[Request], bool]
LoginPage = Callable[[str], str]
Policy = Callable[[Request, bytes], str]


class Guard:
    """An ASGI application in front of another.

    Parameters
    ----------
    app : callable
        The guarded ASGI application.
    port : int
        Where it is served on loopback.
    password : str
        ``user:password`` of Basic authentication.
    needs_none : callable
        Return whether a request may pass without the password. Host and origin are checked all the same.
    policy : callable, optional
        Return why a request is refused although the password is right (empty text: it is not), given its body.
    looks_into : callable, optional
        Return whether `policy` needs the body of a request.
    browser : bool
        Whether a link logs a browser in (the session is a cookie), and a browser is asked for the password.
    login_page : callable, optional
        For pages that ask for the password themselves: return the HTML that a link opens in place of setting a cookie,
        given the nonce of its script. It is sent only for a right key.
    """

    def __init__(
        self,
        app: App,
        *,
        port: int,
        password: str,
        needs_none: Rule,
        policy: Policy = lambda request, body: "",
        looks_into: Rule = lambda request: False,
        browser: bool = False,
        login_page: LoginPage | None = None,
    ) -> None:
        self._app, self._password, self._needs_none = app, password.encode(), needs_none
        self._policy, self._looks_into, self._browser = policy, looks_into, browser
        self._login_page, self._started = login_page, time.time_ns()
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._cookie = f"va-{port}"
        # The session follows from the password: it survives a restart of the server, and does not tell the password.
        self._session = hmac.new(self._password, b"session", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        status, answer = self._refusal(request, self._hosts, self._origins)
        if not status and self._opens_login(request):
            await self._log_in(request, send)
            return
        if not status and request.path == PROOF and request.method == "GET" and not request.socket:
            nonce = _query(request).get("nonce", [""])[0]
            await _answer(send, 200, proof(self._password.decode(), nonce))
            return
        if not status and not self._needs_none(request) and not self._knows_password(request):
            status, answer = 401, "the password is missing or wrong: open the link that va-experiments ui prints"
        body = b""
        if not status and self._looks_into(request):
            body, receive = await _read(receive)
            status, answer = (413, "too large") if len(body) > MAX_BODY else (0, "")
        if not status and (why := self._policy(request, body)):
            status, answer = 403, why
        if not status:
            await self._app(scope, receive, send)
        elif request.socket:
            await send({"type": "websocket.close", "code": 1008, "reason": answer})
        else:
            asks = [(b"www-authenticate", b'Basic realm="va-experiments"')] if status == 401 and self._browser else []
            await _answer(send, status, answer, asks)

    @staticmethod
    def _refusal(request: Request, hosts: Collection[str], origins: Collection[str]) -> tuple[int, str]:
        if request.header("host") not in hosts:
            return 403, "this host is not served here"
        if (origin := request.header("origin")) is not None and origin not in origins:
            return 403, "pages of other origins are not answered"
        if not request.path.startswith("/"):  # GET http://HOST/PATH, as to a proxy: rules for paths would not see it
            return 403, "no proxy is served here"
        return 0, ""

    def _knows_password(self, request: Request) -> bool:
        scheme, _, credentials = (request.header("authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            with contextlib.suppress(binascii.Error, ValueError):
                return hmac.compare_digest(base64.b64decode(credentials.strip(), validate=True), self._password)
            return False
        if self._browser:
            for part in (request.header("cookie") or "").split(";"):
                name, _, value = part.strip().partition("=")
                if name == self._cookie and hmac.compare_digest(value.encode(), self._session.encode()):
                    request.by_cookie = True
                    return True
        return False

    def _opens_login(self, request: Request) -> bool:
        """Return whether a request is the link that logs in; without a key, this path is a page of Prefect's own."""
        offered = self._browser or self._login_page is not None
        return offered and request.path == LOGIN and not request.socket and "key" in _query(request)

    async def _log_in(self, request: Request, send: Send) -> None:
        if request.method != "GET" or not self._is_key(_query(request)["key"][0]):
            await _answer(send, 401, "this link is of an earlier start or other outputs: open the one printed last")
            return
        if self._login_page is not None:
            nonce = secrets.token_urlsafe(16)
            only = f"default-src 'none'; script-src 'nonce-{nonce}'; connect-src 'self'; frame-ancestors 'none'"
            headers = [(b"content-security-policy", only.encode()), (b"referrer-policy", b"no-referrer")]
            await _answer(send, 200, self._login_page(nonce), headers, kind="text/html")
            return
        cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"set-cookie", cookie.encode()), (b"location", b"/"), (b"referrer-policy", b"no-referrer")]
        await _answer(send, 303, "", headers)  # what follows the '#' stays with the browser

    def _is_key(self, key: str) -> bool:
        made = key.partition("-")[0]
        if not hmac.compare_digest(key.encode(), _key_of(self._password, made).encode()):
            return False
        return int(made, 16) >= self._started


def _query(request: Request) -> dict[str, list[str]]:
    return parse_qs(request.query, keep_blank_values=True)


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """Return the body of a request, cut a little above the limit, and what gives it once more."""
    body, more = b"", True
    while more and len(body) <= MAX_BODY:
        message = await receive()
        if message["type"] != "http.request":
            break
        body, more = body + message.get("body", b""), message.get("more_body", False)
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return body, again


async def _answer(
    send: Send, status: int, text: str, headers: Collection[tuple[bytes, bytes]] = (), *, kind: str = "text/plain"
) -> None:
    body = f"{text}\n".encode() if text else b""
    own = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"x-frame-options", b"DENY"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})
