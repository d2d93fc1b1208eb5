"""Let Prefect's clients reach a server on this machine directly, without the environment's proxies.

``no_proxy`` is not enough: with an ``all_proxy`` that its library does not support (``socks5://``), Prefect's client
cannot even be made.
"""

from __future__ import annotations

import functools
from typing import Any

from va_experiments.http_client import is_loopback

__all__ = ["connect_directly"]


def connect_directly(url: str) -> None:
    """Take Prefect's HTTP clients off the environment's proxies, if the API at `url` is on this machine."""
    from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient

    if not is_loopback(url):
        return
    for kind in (PrefectHttpxAsyncClient, PrefectHttpxSyncClient):
        if not isinstance(kind.__dict__["__init__"], functools.partialmethod):
            _without_environment(kind)


def _without_environment(kind: Any) -> None:
    kind.__init__ = functools.partialmethod(kind.__init__, trust_env=False)
