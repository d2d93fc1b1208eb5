"""A team's servers on loopback, for tests and benchmarks: PostgreSQL, an S3 store, and MLflow and Prefect on both."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import free_port, served, until

PASSWORD = "va:" + secrets.token_hex(12)
"""Of both servers' users; made anew for each process."""

S3_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "team",
    "AWS_SECRET_ACCESS_KEY": secrets.token_hex(12),
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
BUCKET = "mlflow"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's own programs, the newest that is installed."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]), reverse=True)
    folders = [*known, *(Path(p) for p in [shutil.which("initdb")] if p)]
    return folders[0].resolve().parent if folders else None


def unable() -> str:
    """Return why the servers cannot be started here, or an empty text."""
    if programs() is None:
        return "needs PostgreSQL's programs (Debian: apt-get install postgresql)"
    missing = [n for n in ("psycopg2", "asyncpg", "boto3", "moto", "flask") if importlib.util.find_spec(n) is None]
    if missing:
        return f"needs {', '.join(missing)}: pip install 'va-experiments[team,test]'"
    if os.geteuid() == 0 and _ordinary() is None:
        return "PostgreSQL does not run as root, and this machine has no user 'postgres' or 'nobody'"
    return ""


def _ordinary() -> pwd.struct_passwd | None:
    """Return the user that PostgreSQL runs as where the tests run as root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


@contextlib.contextmanager
def postgres(*databases: str) -> Iterator[str]:
    """Run PostgreSQL with these databases in a folder of its own; yields ``va:PASSWORD@127.0.0.1:PORT``."""
    bin_folder = programs()
    assert bin_folder is not None, unable()
    port, user, password = free_port(), None, secrets.token_hex(12)
    folder = Path(tempfile.mkdtemp(prefix="va-pg-", dir="/tmp"))  # short: the name of a socket may have 107 bytes
    as_user: dict[str, Any] = {}
    (folder / "password").write_text(password)
    if os.geteuid() == 0 and (user := _ordinary()) is not None:
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        for path in (folder, folder / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
    environment = {**os.environ, "HOME": str(folder), "PGPASSWORD": password, "LC_ALL": "C"}

    def call(name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(bin_folder / name), *arguments], cwd=folder, env=environment, capture_output=True, text=True, **as_user
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    try:
        data = str(folder / "data")
        call("initdb", "-D", data, "-U", "va", "-A", "scram-sha-256", "--pwfile=password", "-E", "UTF8", "--no-sync")
        command = [str(bin_folder / "postgres"), "-D", data, "-p", str(port), "-k", str(folder)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60"]
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, **as_user)
        try:
            until(lambda: _accepts(bin_folder, port, environment) or server.poll() is not None)
            assert server.poll() is None, (folder / "log").read_text()
            for database in databases:
                call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "va", database)
            yield f"va:{password}@127.0.0.1:{port}"
        finally:
            server.send_signal(2)  # SIGINT: "fast" shutdown, which does not wait for clients
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _accepts(bin_folder: Path, port: int, environment: dict[str, str]) -> bool:
    command = [str(bin_folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, env=environment, check=False).returncode == 0


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[str]:
    """Run an S3 store with one bucket; yields its address."""
    import boto3

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    code = "import sys; from moto.server import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "-H", "127.0.0.1", "-p", str(port)]
    with served(command, f"{url}/moto-api/", folder / "s3.log"):
        keys = {
            "aws_access_key_id": S3_ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": S3_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        }
        boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket=BUCKET)
        yield url


@dataclass(frozen=True)
class Team:
    """Where the servers are."""

    mlflow: str
    prefect: str
    """Address of its API."""
    database: str
    """User, password and place of PostgreSQL, as `postgres` yields them."""


def mlflow_command(host: str, port: int, database: str) -> list[str]:
    """Return the command of MLflow's server, with the options of ``compose.team.yaml``."""
    return [
        *(sys.executable, "-m", "mlflow", "server", f"--host={host}", f"--port={port}", "--workers=1"),
        f"--backend-store-uri=postgresql+psycopg2://{database}/mlflow",
        f"--artifacts-destination=s3://{BUCKET}/artifacts",
        "--serve-artifacts",
        f"--allowed-hosts={host}:{port}",
        f"--cors-allowed-origins=http://{host}:{port}",
        "--x-frame-options=DENY",
    ]


def mlflow_settings(store: str) -> dict[str, str]:
    """Return the environment of MLflow's server."""
    return {
        **S3_ENVIRONMENT,
        "MLFLOW_S3_ENDPOINT_URL": store,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def prefect_command(host: str, port: int) -> list[str]:
    """Return the command of Prefect's server, with the options of ``compose.team.yaml``."""
    return [sys.executable, "-m", "prefect", "server", "start", f"--host={host}", f"--port={port}"]


def prefect_settings(folder: Path, database: str) -> dict[str, str]:
    """Return the environment of Prefect's server."""
    return {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{database}/prefect",
        "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
        "PREFECT_API_AUTH_STRING": PASSWORD,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


@contextlib.contextmanager
def team(folder: Path) -> Iterator[Team]:
    """Run all four servers.

    Parameters
    ----------
    folder : Path
        For logs and for Prefect's home.
    """
    host = "127.0.0.1"
    with contextlib.ExitStack() as started:
        at = started.enter_context(postgres("mlflow", "prefect"))
        store = started.enter_context(s3(folder))
        ports = free_port(), free_port()
        mlflow, prefect = (f"http://{host}:{port}" for port in ports)
        commands = {"mlflow": mlflow_command(host, ports[0], at), "prefect": prefect_command(host, ports[1])}
        settings = {"mlflow": mlflow_settings(store), "prefect": prefect_settings(folder, at)}
        waiting = []
        for name, health in (("mlflow", f"{mlflow}/health"), ("prefect", f"{prefect}/api/health")):
            waiting.append(served(commands[name], health, folder / f"{name}.log", **settings[name]))
        with contextlib.ExitStack() as both:
            problems: list[BaseException] = []

            def begin(server: Any) -> None:
                try:
                    both.enter_context(server)
                except BaseException as error:
                    problems.append(error)

            threads = [threading.Thread(target=begin, args=(server,)) for server in waiting]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if problems:
                raise problems[0]
            yield Team(mlflow, f"{prefect}/api", at)
