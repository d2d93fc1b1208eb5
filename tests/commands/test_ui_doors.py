"""The pages of ``va-experiments ui`` as others meet them: a second account, a page of somebody else's."""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import answer, start_ui

pytestmark = pytest.mark.slow

OTHER = "va-test-other"


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, int, int]]:
    """Outputs, what ``ui`` printed, the port of MLflow and of Prefect."""
    outputs = tmp_path_factory.mktemp("doors") / "o"
    outputs.mkdir(mode=0o700)
    process, text, mlflow, prefect = start_ui(outputs)
    try:
        yield outputs, text, mlflow, prefect
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture
def other() -> Iterator[int]:
    """The number of a second account of this machine."""
    if os.getuid() != 0 or shutil.which("useradd") is None:
        pytest.skip("a second account is made with useradd, as root")
    with contextlib.suppress(KeyError):
        pwd.getpwnam(OTHER)
        subprocess.run(["userdel", OTHER], check=True)
    subprocess.run(["useradd", "--no-create-home", "--shell", "/bin/sh", OTHER], check=True)
    try:
        yield pwd.getpwnam(OTHER).pw_uid
    finally:
        subprocess.run(["userdel", OTHER], check=True)


TRIES = """
import http.client, json, os, sys
mlflow, prefect, outputs = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
found = {"uid": os.getuid()}
def ask(port, method, path, body=None, **headers):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request(method, path, body=body and json.dumps(body), headers={"content-type": "application/json"} | headers)
    got = link.getresponse()
    got.read()
    return got.status
evil = {"name": "evil", "artifact_location": "file:///root"}
found["experiment"] = ask(mlflow, "POST", "/api/2.0/mlflow/experiments/create", evil)
found["search"] = ask(mlflow, "GET", "/api/2.0/mlflow/experiments/search?max_results=1")
found["page"] = ask(mlflow, "GET", "/")
found["artifact"] = ask(mlflow, "GET", "/get-artifact?path=x&run_uuid=y")
found["upload"] = ask(mlflow, "PUT", "/api/2.0/mlflow-artifacts/artifacts/x", {})
found["flows"] = ask(prefect, "POST", "/api/flow_runs/filter", {})
found["host"] = ask(prefect, "GET", "/api/admin/version", Host="127.0.0.1:%d/api/health?" % prefect)
found["ending"] = ask(prefect, "GET", "/api/block_types/slug/health")
for name, path in (("password", "prefect/auth"), ("database", "mlflow.db"), ("place", ".")):
    try:
        path = os.path.join(outputs, path)
        os.listdir(path) if os.path.isdir(path) else open(path).read()
        found[name] = "read"
    except PermissionError:
        found[name] = "no permission"
print(json.dumps(found))
"""


def test_another_account_gets_nothing(doors: tuple[Path, str, int, int], other: int) -> None:
    outputs, _, mlflow, prefect = doors
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    done = subprocess.run(
        [python, "-I", "-c", TRIES, str(mlflow), str(prefect), str(outputs)],
        user=other, group=other, extra_groups=[], cwd="/", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content.pop("uid") == other
    assert {k: v for k, v in content.items() if v == "no permission"}.keys() == {"password", "database", "place"}
    assert content.pop("host") == 403
    assert {v for v in content.values() if v != "no permission"} == {401}


def test_the_printed_link_logs_in_at_the_first_try(doors: tuple[Path, str, int, int]) -> None:
    outputs, text, mlflow, _ = doors
    link = re.search(r"^MLflow +(\S+)", text, re.MULTILINE)
    assert link is not None
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar), urllib.request.ProxyHandler({}))
    with browser.open(link[1], timeout=60) as page:
        assert page.status == 200
        assert b"<html" in page.read().lower()
        assert page.headers["X-Frame-Options"] == "DENY"
    with browser.open(f"http://127.0.0.1:{mlflow}/ajax-api/2.0/mlflow/experiments/search?max_results=9") as result:
        assert "va_experiments" in result.read().decode()
    assert (outputs / "prefect" / "auth").read_text().partition(":")[2] not in text, "the password is not printed"


def test_the_owner_cannot_be_led_out_of_the_outputs_either(doors: tuple[Path, str, int, int]) -> None:
    outputs, _, mlflow, _ = doors
    auth = (outputs / "prefect" / "auth").read_text()
    create = f"http://127.0.0.1:{mlflow}/api/2.0/mlflow/experiments/create"
    assert answer(create, auth=auth, body={"name": "out", "artifact_location": "file:///etc"})[0] == 403
    status, content = answer(create, auth=auth, body={"name": "in"})
    assert status == 200, content


def test_web_sockets_ask_for_host_origin_and_password(doors: tuple[Path, str, int, int]) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    from va_experiments.http_client import basic

    outputs, _, _, port = doors
    right = basic((outputs / "prefect" / "auth").read_text())
    events = f"ws://127.0.0.1:{port}/api/events/in"
    for origin, headers in ((None, {}), ("http://evil.example", right), (f"http://127.0.0.1:{port}", {})):
        with pytest.raises(InvalidStatus):
            connect(events, origin=origin, additional_headers=headers, proxy=None)  # type: ignore[arg-type]
    with connect(events, additional_headers=right, proxy=None) as socket:
        socket.ping().wait(10)


def test_known_gaps_of_prefects_own_password_are_closed(doors: tuple[Path, str, int, int]) -> None:
    _, _, _, port = doors
    for path, host in (("/api/admin/version", f"127.0.0.1:{port}/x/health?"), ("/api/deployments/name/x/health", "")):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        link.request("GET", path, headers={"Host": host} if host else {})
        assert link.getresponse().status in (401, 403), (path, host)
