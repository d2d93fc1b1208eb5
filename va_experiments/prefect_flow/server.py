"""Start a Prefect server on loopback for the time of a run, and stop it at the end by its process id.

A server that is already there is used instead: one named by URL, or the one that ``va-experiments ui`` left word of.
"""

from __future__ import annotations

import contextlib
import hmac
import http.client
import json
import os
import re
import secrets
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from va_experiments.config.schema import TrackingConfig
from va_experiments.http_client import basic, open_url
from va_experiments.page_guard import LOGIN, PROOF, login_key, password_of, proof
from va_experiments.redaction import without_password
from va_experiments.uris import sqlite_uri

__all__ = ["PrefectServer", "client_environment", "connection_error", "healthy", "knows_password", "server_environment"]

_OFF = (
    "SCHEDULER",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "CANCELLATION_CLEANUP",
    "FOREMAN",
    "TRIGGERS",
    "EVENT_PERSISTER",
    "DB_VACUUM",
    "REPOSSESSOR",
)
"""Services of the server that a recorded run has no need of."""

_TO_START_RUNS = (
    "SCHEDULER",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "CANCELLATION_CLEANUP",
    "TRIGGERS",
    "EVENT_PERSISTER",
    "REPOSSESSOR",
)
"""Those that schedules, cancels, automations and the limit of runs at once need."""


def client_environment(home: Path, url: str, auth: str | None) -> dict[str, str]:
    """Return what a process needs in its environment to talk to the server, safely and quietly."""
    environment = {
        "PREFECT_HOME": str(home.resolve()),
        "PREFECT_PROFILES_PATH": str(home.resolve() / "profiles.toml"),
        "PREFECT_LOCAL_STORAGE_PATH": str(home.resolve() / "storage"),
        "PREFECT_API_URL": url,
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # our own messages name a lost server, without tracebacks
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_CLIENT_METRICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    if not auth:
        return environment
    # Prefect's client sends the password with requests, but not when it opens the web socket that takes events.
    try:
        headers = json.loads(os.environ.get("PREFECT_CLIENT_CUSTOM_HEADERS") or "{}")
    except ValueError:
        headers = {}
    headers |= basic(auth)
    return environment | {"PREFECT_API_AUTH_STRING": auth, "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps(headers)}


def server_environment(
    home: Path, port: int, auth: str, *, ui: bool, migrate: bool, schedules: bool = False
) -> dict[str, str]:
    """Return the environment of a server on loopback that asks for `auth`; `schedules`: one that starts runs too."""
    off = [name for name in _OFF if not (schedules and name in _TO_START_RUNS)]
    services = {f"PREFECT_API_SERVICES_{name}_ENABLED": "false" for name in off}
    services |= {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in off}
    return {
        **services,
        "PREFECT_HOME": str(home.resolve()),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_API_AUTH_STRING": auth,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_API_DATABASE_CONNECTION_URL": sqlite_uri(home / "prefect.db", "aiosqlite"),
        "PREFECT_API_DATABASE_MIGRATE_ON_START": "true" if migrate else "false",
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        "PREFECT_UI_ENABLED": "1" if ui else "0",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_UI_STATIC_DIRECTORY": str(home.resolve() / "pages"),  # not among the packages: they may be another's
        "PREFECT_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
    }


def connection_error(url: str, auth: str | None = None, timeout: float = 2.0) -> str:
    """Return what keeps the Prefect API at `url` from being used with this password; empty text: nothing."""
    try:
        headers = basic(auth) if auth else {}
        with open_url(f"{url.rstrip('/')}/admin/version", timeout=timeout, headers=headers) as answer:
            body = answer.read(1000)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return REFUSED
        return _NO_API if error.code in (404, 405) or 300 <= error.code < 400 else f"it answers {error.code}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"it cannot be reached ({getattr(error, 'reason', error)})"
    return "" if re.fullmatch(rb'"[^"]+"', body) else _NO_API


REFUSED = "it refuses the password in PREFECT_API_AUTH_STRING, which must be what the server was started with"
_NO_API = "no Prefect API answers there: the address ends in /api"


def healthy(url: str, auth: str | None = None, timeout: float = 2.0) -> bool:
    """Return whether a Prefect API answers at `url`, and accepts this password."""
    return not connection_error(url, auth, timeout)


def knows_password(url: str, password: str, timeout: float = 2.0) -> bool:
    """Return whether a server on this machine shows that it knows the password, before it is sent there.

    The file with its address may be old, or written by somebody else, and another account may listen on that port.
    """
    nonce = secrets.token_hex(16)
    address = f"{url.removesuffix('/api')}{PROOF}?nonce={nonce}"
    try:
        with open_url(address, timeout=timeout) as answer:
            return hmac.compare_digest(answer.read(200).strip(), proof(password, nonce).encode())
    except (OSError, http.client.HTTPException, ValueError):
        return False


class PrefectServer:
    """A server to record a run on: found, or started here.

    Parameters
    ----------
    config : TrackingConfig
    home : Path
        Prefect's state folder: its SQLite database, the password, word of a running server.
    """

    def __init__(self, config: TrackingConfig, home: Path) -> None:
        self._config, self._home = config, home
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.auth: str | None = None
        self.elsewhere = config.prefect_api_url is not None
        self.cold = not self.elsewhere and not (home / "prefect.db").exists()
        self.connection_error = ""

    def start(self, *, ui: bool = False, port: int | None = None, schedules: bool = False) -> None:
        """Find a healthy server or start one; returns at once, see `wait`."""
        if self._config.prefect_api_url:
            self.url, user, password = without_password(self._config.prefect_api_url)
            self.auth = f"{user}:{password or ''}" if user else os.environ.get("PREFECT_API_AUTH_STRING")
            return
        self.auth = password_of(self._home)
        if (known := self._read_server_file()) and knows_password(known, self.auth) and healthy(known, self.auth):
            self.url = known
            return
        port = port or _free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        environment = server_environment(
            self._home, port, self.auth, ui=ui, migrate=self._needs_migration(), schedules=schedules
        )
        log = open(self._home / "server.log", "ab")  # noqa: SIM115 (the child keeps it)
        command = [sys.executable, "-m", "va_experiments.prefect_flow.serve", str(port)]
        # a session of its own: Ctrl-C in the terminal must not end the server before the run has said goodbye;
        # the pipe ends with this process, however it ends, and the server with the pipe
        self._process = subprocess.Popen(
            command,
            env={**_inherited(), **environment},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

    def wait(self, timeout: float) -> bool:
        """Return whether the server answers within `timeout` seconds; if not, `connection_error` says why."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                return False
            self.connection_error = connection_error(self.url, self.auth)
            if not self.connection_error:
                if self._process is not None:
                    (self._home / "migrated").write_text(_prefect_version())
                return True
            if self.elsewhere and self.connection_error == REFUSED:
                return False  # waiting does not help
            time.sleep(0.25)
        return False

    def write_server_file(self) -> None:
        """Write down where the server is, so that runs of this state folder use it; `stop` removes it again."""
        from va_experiments.checkpoints.atomic_files import write_atomically

        write_atomically(self._home / "server.json", json.dumps({"url": self.url}).encode())

    def stop(self) -> None:
        """Stop the server if it was started here."""
        process, self._process = self._process, None
        if process is not None and self._read_server_file() == self.url:
            (self._home / "server.json").unlink(missing_ok=True)
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=3)

    def login_link(self, page: str = "") -> str:
        """Return the address that logs a browser in and opens a page of this server's, or the newest run.

        Of a server elsewhere, only the address: its password is not ours to hand out.
        """
        address = self.url.removesuffix("/api")
        if self.elsewhere or not self.auth:
            return address
        return f"{address}{LOGIN}?key={login_key(self.auth)}{page and '#' + page}"

    @property
    def ended(self) -> bool:
        """Whether the server was started here and is gone."""
        return self._process is not None and self._process.poll() is not None

    @property
    def started_here(self) -> bool:
        """Whether this object owns the server."""
        return self._process is not None

    def _read_server_file(self) -> str | None:
        """Return the address in the file that ``va-experiments ui`` leaves; None for a file of somebody else's."""
        try:
            fd = os.open(self._home / "server.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(fd, encoding="utf-8") as file:
                facts = os.fstat(fd)
                if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
                    return None
                url = str(json.loads(file.read(1000))["url"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return url if re.fullmatch(r"http://127\.0\.0\.1:\d{1,5}/api", url) else None

    def _needs_migration(self) -> bool:
        """Migrations take seconds; they are left out when this very version has brought the database up to date."""
        try:
            return self.cold or (self._home / "migrated").read_text() != _prefect_version()
        except OSError:
            return True


def _prefect_version() -> str:
    from importlib.metadata import version

    return version("prefect")


def _inherited() -> Mapping[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
