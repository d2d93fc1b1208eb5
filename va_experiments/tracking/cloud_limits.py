"""Limit what cloud storage can cost: its clients take bodies of any size and follow lists for ever.

A store may be forged: a server names its bucket, and an endpoint that the environment names may be another than it was.
What the store announces (lists, ``Content-Length``) is not relied upon; what comes is counted. Two libraries carry the
requests of all clients that MLflow uses for the stores of `limits.STORES`: botocore (S3, R2, B2), and requests (Google
Cloud Storage and Azure).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import threading
from collections.abc import Iterator
from typing import Any

from va_experiments.tracking.limited_answers import Allowance, LimitedBody, LimitReached

__all__ = ["cloud_allowance", "limit_cloud_client"]

ANSWER_SECONDS, ANSWER_BYTES = 60.0, 64 << 20
"""The most that one answer of S3 may take outside of `cloud_allowance`."""

_allowed: list[Allowance] = []
"""Of the files that are fetched; the last holds for the threads in which boto3 downloads parts."""

_changes = threading.Lock()


def limit_cloud_client() -> None:
    """Let the clients of cloud storage in this process obey the limits."""
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "2")  # a store that is away costs seconds, not minutes
    _limit_requests()
    if importlib.util.find_spec("botocore") is not None:
        _limit_botocore()


def _limit_requests() -> None:
    """Let what requests sends within `cloud_allowance` obey it; all else stays as it is."""
    from requests.adapters import HTTPAdapter

    plain = HTTPAdapter.send
    if getattr(plain, "limited", False):
        return

    def send(self: Any, request: Any, *arguments: Any, **named: Any) -> Any:
        answer = plain(self, request, *arguments, **named)
        if not _allowed or getattr(self, "limited", False):  # MLflow's own client counts by itself
            return answer
        allowance = _allowed[-1]
        if 300 <= answer.status_code < 400 and "location" in answer.headers:
            answer.close()
            allowance.end("the cloud storage redirects to another address, which is not followed")
        length = str(answer.headers.get("content-length", ""))
        allowance.begin(int(length) if length.isdecimal() else 0)
        answer.raw = LimitedBody(answer.raw, allowance)
        return answer

    send.limited = True  # type: ignore[attr-defined]
    HTTPAdapter.send = send  # type: ignore[method-assign]


def _limit_botocore() -> None:
    from botocore import awsrequest

    plain = awsrequest.AWSResponse
    if getattr(plain, "limited", False):
        return

    class LimitedResponse(plain):  # type: ignore[misc, valid-type]
        """Has a body that ends with an error at a limit."""

        limited = True

        def __init__(self, url: str, status_code: int, headers: Any, raw: Any) -> None:
            if raw is not None:
                allowance = _allowed[-1] if _allowed else Allowance(ANSWER_SECONDS, ANSWER_BYTES)
                length = str(headers.get("content-length", ""))
                allowance.begin(int(length) if length.isdecimal() else 0)
                raw = LimitedBody(raw, allowance)
            super().__init__(url, status_code, headers, raw)

    awsrequest.AWSResponse = LimitedResponse


@contextlib.contextmanager
def cloud_allowance(allowance: Allowance) -> Iterator[None]:
    """Let all answers of cloud storage in this block, in whatever thread, cost together what is allowed.

    Raises
    ------
    LimitReached
        In place of the error that the cloud's client makes of it.
    """
    with _changes:
        _allowed.append(allowance)
    try:
        yield
    except LimitReached:
        raise
    except Exception:
        if allowance.reached is not None:
            raise allowance.reached from None
        raise
    finally:
        with _changes:
            _allowed.remove(allowance)
