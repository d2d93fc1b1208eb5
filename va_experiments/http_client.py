"""Send plain requests to servers: to this machine never through a proxy, to none with a redirect followed.

A redirect would take a password to another host; a proxy that is set for the world outside knows no server of ours.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["basic", "bypass_proxies", "is_loopback", "open_url"]

HOSTS = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that no proxy is asked for."""


def bypass_proxies() -> None:
    """Name this machine in ``no_proxy``, for the libraries of this process and for its children.

    ``http_proxy``, ``https_proxy`` and ``all_proxy`` stay as they are for servers elsewhere. Both spellings are set:
    some libraries read one and some the other.
    """
    spellings = ("no_proxy", "NO_PROXY")
    names = [n.strip() for s in spellings for n in os.environ.get(s, "").split(",") if n.strip()]
    merged = "*" if "*" in names else ",".join(dict.fromkeys([*names, *HOSTS]))
    os.environ.update(dict.fromkeys(spellings, merged))


def is_loopback(url: str) -> bool:
    """Return whether the host of an address is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def basic(password: str) -> dict[str, str]:
    """Return the header of Basic authentication for ``user:password``."""
    return {"Authorization": f"Basic {base64.b64encode(password.encode()).decode()}"}


def open_url(url: str, *, timeout: float, headers: Mapping[str, str] | None = None) -> Any:
    """Open an address; no redirect is followed, and to this machine no proxy is used.

    Returns
    -------
    http.client.HTTPResponse
        Use it in a ``with`` block, and read a limited number of bytes.

    Raises
    ------
    OSError
        If nobody answers; `urllib.error.HTTPError` for every status but 2xx, a redirect included.
    """
    request = urllib.request.Request(url, headers=dict(headers or {}))
    return (_DIRECT if is_loopback(url) else _BY_PROXY).open(request, timeout=timeout)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
_BY_PROXY = urllib.request.build_opener(_NoRedirect)
