"""The guard in front of the pages: host, origin and password, for requests and web sockets alike."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from va_experiments.page_guard import MAX_BODY, Guard, login_key, password_of
from va_experiments.prefect_flow.serve import guarded as prefect_guarded
from va_experiments.tracking.page_server import guarded as mlflow_guarded

PORT, PASSWORD = 4200, "va:secret-of-the-owner"
HOST = f"127.0.0.1:{PORT}"
RIGHT = "Basic " + base64.b64encode(PASSWORD.encode()).decode()


def ask(
    guard: Guard,
    path: str,
    *,
    method: str = "GET",
    kind: str = "http",
    query: str = "",
    body: bytes = b"",
    **headers: Any,
) -> tuple[int, dict[str, str], str]:
    """Return status, headers and text of the answer to a request; 101 for a web socket that is let in."""
    sent: list[dict[str, Any]] = []
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in ({"host": HOST} | headers).items() if v is not None]
    scope = {"type": kind, "path": path, "query_string": query.encode(), "headers": pairs}
    scope |= {"method": method} if kind == "http" else {}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    if sent[0]["type"].startswith("websocket"):
        return (101 if sent[0]["type"] == "websocket.accept" else 403), {}, sent[0].get("reason", "")
    text = b"".join(m.get("body", b"") for m in sent[1:]).decode()
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, text


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """Let everything in, and give back the body."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": (await receive())["body"]})


@pytest.fixture
def prefect() -> Guard:
    return prefect_guarded(inner, PORT, PASSWORD)


@pytest.fixture
def mlflow(tmp_path: Path) -> Guard:
    return mlflow_guard(tmp_path)


def mlflow_guard(tmp_path: Path) -> Guard:
    (tmp_path / "prefect").mkdir(mode=0o700)
    (tmp_path / "prefect" / "auth").write_text(PASSWORD)
    (tmp_path / "prefect" / "auth").chmod(0o600)
    return mlflow_guarded(inner, tmp_path, PORT)


@pytest.mark.parametrize(
    "path", ["/api/flow_runs/filter", "/api/admin/version", "/api/x/health", "/api/xready", "/api/"]
)
def test_prefects_api_needs_the_password(path: str, prefect: Guard) -> None:
    assert ask(prefect, path)[0] == 401, "also paths that end as a probe does"
    assert ask(prefect, path, authorization="Basic " + base64.b64encode(b"va:guess").decode())[0] == 401
    assert ask(prefect, path, authorization="Bearer " + PASSWORD)[0] == 401
    assert ask(prefect, path, authorization="Basic not base64")[0] == 401
    assert ask(prefect, path, cookie=f"va-{PORT}=x")[0] == 401
    assert ask(prefect, path, authorization=RIGHT)[0] == 200
    assert ask(prefect, path, method="POST", authorization=RIGHT)[0] == 200


WEBHOOK = {"name": "x", "data": {"method": "GET", "url": "http://rebound.example/"}, "block_schema_id": "0" * 32}
GIT = {"prefect.deployments.steps.git_clone": {"repository": "https://x.example/x", "branch": "--upload-pack=id"}}
ADVISORIES = {
    "CVE-2026-7724, a webhook": ("POST", "/api/block_documents/", WEBHOOK),
    "CVE-2026-7724, its schema": ("POST", "/api/block_schemas/", {"fields": {}, "block_type_id": "0" * 32}),
    "CVE-2026-7724, sent by an automation": ("POST", "/api/automations/", {"name": "x", "actions": []}),
    "CVE-2026-5366, made": ("POST", "/api/deployments/", {"name": "x", "flow_id": "0" * 32, "pull_steps": [GIT]}),
    "CVE-2026-5366, changed": ("PATCH", f"/api/deployments/{'0' * 32}", {"pull_steps": [GIT]}),
    "CVE-2026-5366, started": ("POST", f"/api/deployments/{'0' * 32}/create_flow_run", {"state": {}}),
}
"""Requests with which the weakness of an advisory that affects the locked Prefect would be used."""


@pytest.mark.parametrize("name", ADVISORIES)
def test_what_advisories_describe_needs_the_password(name: str, prefect: Guard) -> None:
    method, path, content = ADVISORIES[name]
    sent: dict[str, Any] = {"method": method, "body": json.dumps(content).encode(), "content_type": "application/json"}
    assert ask(prefect, path, **sent)[0] == 401
    assert ask(prefect, path, **sent, authorization="Basic " + base64.b64encode(b"va:guess").decode())[0] == 401
    assert ask(prefect, path, **sent, authorization=RIGHT, origin="http://evil.example")[0] == 403, "another page"
    assert ask(prefect, path, **sent, authorization=RIGHT, host=f"rebound.example:{PORT}")[0] == 403, "DNS rebinding"
    assert ask(prefect, path, **sent, authorization=RIGHT)[0] == 200, "the owner"


RAW = {
    "absolute form": "GET http://evil.example/api/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "absolute form of a probe's host": "GET http://{host}/api/health/../flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "HTTP/1.0 without a host": "GET /api/flow_runs HTTP/1.0\r\n",
    "HTTP/1.0 with a password and no host": "GET /api/flow_runs HTTP/1.0\r\nAuthorization: {right}\r\n",
    "two slashes": "GET //api/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "slashes inside": "GET /api//flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "escaped letters": "GET /%61%70%69/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "capitals": "GET /API/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "dots": "GET /assets/../api/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "escaped dots": "GET /api/health/%2e%2e/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "escaped slash": "GET /assets%2f..%2fapi/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "another method by header": "GET /api/flow_runs HTTP/1.1\r\nHost: {host}\r\nX-HTTP-Method-Override: HEAD\r\n",
    "a host by header": "GET /api/flow_runs HTTP/1.1\r\nHost: evil\r\nX-Forwarded-Host: {host}\r\n"
    "Authorization: {right}\r\n",
    "two hosts": "GET /api/flow_runs HTTP/1.1\r\nHost: {host}\r\nHost: evil\r\nAuthorization: {right}\r\n",
    "two passwords": "GET /api/flow_runs HTTP/1.1\r\nHost: {host}\r\nAuthorization: {right}\r\nAuthorization: x\r\n",
    "two lengths": "POST /api/flow_runs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
    "Transfer-Encoding: chunked\r\n",
    "trace": "TRACE /api/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
    "connect": "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n",
    "a web socket": "GET /api/events/in HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n",
    "behind a probe": "GET /api/health HTTP/1.1\r\nHost: {host}\r\n\r\nGET /api/flow_runs HTTP/1.1\r\nHost: {host}\r\n",
}
"""Requests as they stand on the wire, which a client's library would not write."""


@pytest.fixture(scope="module")
def wire() -> Iterator[int]:
    """Serve an application that tells which path it was asked for, behind Prefect's guard; yield the port."""
    import uvicorn

    async def telling(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": f"INSIDE {scope['path']}".encode()})
        elif scope["type"] == "websocket":
            await send({"type": "websocket.accept"})

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = uvicorn.Config(prefect_guarded(telling, port, PASSWORD), log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    yield port
    server.should_exit = True
    thread.join(10)
    listener.close()


def on_the_wire(port: int, request: str) -> str:
    """Return all that a server answers to some bytes."""
    host = f"127.0.0.1:{port}"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"{request.format(host=host, right=RIGHT)}Connection: close\r\n\r\n".encode())
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                answer += part
    return answer.decode("latin-1")


def test_the_guarded_server_answers_who_knows_the_password(wire: int) -> None:
    assert "INSIDE /api/x" in on_the_wire(wire, "GET /api/x HTTP/1.1\r\nHost: {host}\r\nAuthorization: {right}\r\n")
    assert "INSIDE /api/health" in on_the_wire(wire, "GET /api/health HTTP/1.1\r\nHost: {host}\r\n")


@pytest.mark.parametrize("way", RAW)
def test_no_bytes_on_the_wire_get_past_the_guard(way: str, wire: int) -> None:
    answer = on_the_wire(wire, RAW[way])
    assert not re.search(r"INSIDE (?!/api/health\s)", answer), answer
    assert "101 Switching" not in answer


def test_probes_and_the_pages_own_files_need_none(prefect: Guard) -> None:
    for path in ("/api/health", "/api/ready", "/", "/assets/index.js", "/ui-settings", "/runs"):
        assert ask(prefect, path)[0] == 200
    assert ask(prefect, "/api/health", method="POST")[0] == 401
    assert ask(prefect, "/", method="POST")[0] == 401


BAD_HOSTS = (
    f"{HOST}/api/health?",  # an address that is built from host and path would end in a probe's path
    f"{HOST}/health",
    "evil.example",
    f"evil.example:{PORT}",
    "127.0.0.1",
    f"127.0.0.1:{PORT + 1}",
    f"va@{HOST}",
    f"{HOST}#health",
    f"127.0.0.1.evil.example:{PORT}",
    "",
    None,
)


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_other_hosts_are_not_served(host: str | None, prefect: Guard, mlflow: Guard) -> None:
    for guard in (prefect, mlflow):
        assert ask(guard, "/api/health", host=host, authorization=RIGHT)[0] == 403
        assert ask(guard, "/", host=host, authorization=RIGHT)[0] == 403
        assert ask(guard, "/api/events/in", kind="websocket", host=host, authorization=RIGHT)[0] == 403


def test_a_host_that_is_sent_twice_is_none(prefect: Guard) -> None:
    async def send(message: Any) -> None:
        sent.append(message)

    sent: list[Any] = []
    headers = [(b"host", HOST.encode()), (b"host", HOST.encode()), (b"authorization", RIGHT.encode())]
    scope = {"type": "http", "method": "GET", "path": "/api/x", "query_string": b"", "headers": headers}
    asyncio.run(prefect(scope, inner, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"https://{HOST}", f"http://{HOST}.evil", "file://", ""]
)
def test_pages_of_other_origins_are_not_answered(origin: str, prefect: Guard, mlflow: Guard) -> None:
    for guard in (prefect, mlflow):
        assert ask(guard, "/api/health", origin=origin, authorization=RIGHT)[0] == 403
        assert ask(guard, "/api/events/out", kind="websocket", origin=origin, authorization=RIGHT)[0] == 403
    for same_origin in (f"http://{HOST}", f"http://localhost:{PORT}"):
        assert ask(prefect, "/api/x", origin=same_origin, authorization=RIGHT)[0] == 200


def test_events_come_in_with_the_password_only(prefect: Guard) -> None:
    for path in ("/api/events/in", "/api/anything", "/"):
        assert ask(prefect, path, kind="websocket")[0] == 403
        assert ask(prefect, path, kind="websocket", origin=f"http://{HOST}")[0] == 403
    assert ask(prefect, "/api/events/in", kind="websocket", authorization=RIGHT)[0] == 101
    for path in ("/api/events/out", "/api/logs/out"):  # Prefect takes the password as the first message there
        assert ask(prefect, path, kind="websocket", origin=f"http://{HOST}")[0] == 101


WRONG_KEYS = ("key=", "key=x", "key=secret-of-the-owner", "key=va:secret-of-the-owner", "key=1-2", "key=%ff-%00")


def test_a_link_logs_a_browser_in(mlflow: Guard) -> None:
    assert ask(mlflow, "/")[0] == 401
    assert ask(mlflow, "/")[1]["www-authenticate"].startswith("Basic ")
    key = f"key={login_key(PASSWORD)}"
    assert "secret" not in key
    for wrong in ("", *WRONG_KEYS, key.upper(), key[:-1], f"key={login_key('va:another')}"):
        assert ask(mlflow, "/login", query=wrong)[0] == 401
    assert ask(mlflow, "/login", query=key, host="evil.example")[0] == 403
    assert ask(mlflow, "/login", query=key, method="POST")[0] == 401
    status, headers, _ = ask(mlflow, "/login", query=key)
    assert (status, headers["location"]) == (303, "/")
    cookie, *attributes = headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
    assert "secret" not in cookie
    assert ask(mlflow, "/", cookie=f"a=b; {cookie}")[0] == 200
    assert ask(mlflow, "/", cookie=cookie[:-1] + "x")[0] == 401
    assert ask(mlflow, "/", cookie=cookie, origin="http://evil.example")[0] == 403


def test_a_link_ends_with_the_server(tmp_path: Path) -> None:
    key = f"key={login_key(PASSWORD)}"
    for guard in (prefect_guarded(inner, PORT, PASSWORD), mlflow_guard(tmp_path)):
        assert ask(guard, "/login", query=key)[0] == 401, "made before this server started"
        assert ask(guard, "/login", query=f"key={login_key(PASSWORD)}")[0] in (200, 303)


def test_prefects_link_gives_its_page_the_password(prefect: Guard) -> None:
    coded = base64.b64encode(PASSWORD.encode()).decode()
    key = f"key={login_key(PASSWORD)}"
    for wrong in (*WRONG_KEYS, key[:-1]):
        status, _, text = ask(prefect, "/login", query=wrong)
        assert (status, coded in text) == (401, False)
    for away in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        assert coded not in ask(prefect, "/login", query=key, **away)[2]
    status, headers, text = ask(prefect, "/login", query=key)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert coded in text
    nonce = re.search(r'<script nonce="([^"]+)">', text)
    assert nonce is not None
    assert f"default-src 'none'; script-src 'nonce-{nonce[1]}'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")
    assert "set-cookie" not in headers, "nothing that a browser sends by itself"
    assert nonce[1] not in ask(prefect, "/login", query=key)[2]
    assert coded not in ask(prefect, "/login")[2], "without a key it is Prefect's own page"


CREATE = "/api/2.0/mlflow/experiments/create"


@pytest.mark.parametrize(
    "place",
    ["/etc", "file:///etc", "file:///etc/../tmp", "s3://b/a", "../x", "http://h/x", "mlflow-artifacts:/../../x",
     "dbfs:/x", "file://host/x", "file:{inside}/../../x"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["artifact_location", "artifactLocation"])
def test_an_experiment_keeps_its_files_among_the_outputs(place: str, name: str, mlflow: Guard, tmp_path: Path) -> None:
    place = place.replace("{inside}", str(tmp_path / "artifacts"))
    body = json.dumps({"name": "x", name: place}).encode()
    for content in (body, json.dumps(body.decode()).encode()):
        status, _, text = ask(mlflow, CREATE, method="POST", authorization=RIGHT, body=content)
        assert status == 403
        assert f"an experiment's files lie under {tmp_path / 'artifacts'} only" in text


def test_an_experiment_of_ours_is_made(mlflow: Guard, tmp_path: Path) -> None:
    for place in (None, "", (tmp_path / "artifacts").as_uri(), "mlflow-artifacts:/1"):
        body = json.dumps({"name": "x", "artifact_location": place}).encode()
        status, _, text = ask(mlflow, CREATE, method="POST", authorization=RIGHT, body=body)
        assert (status, text) == (200, body.decode()), "the body reaches MLflow whole"
    for bad in (b"", b"[1]", b"{", b"[" * 5000):
        assert ask(mlflow, CREATE, method="POST", authorization=RIGHT, body=bad)[0] == 403
    assert ask(mlflow, CREATE, method="POST", authorization=RIGHT, body=b" " * (MAX_BODY + 1))[0] == 413


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/ajax-api/2.0/mlflow/upload-artifact"),
        ("GET", "/ajax-api/3.0/mlflow/assistant/config"),
        ("POST", "/ajax-api/3.0/mlflow/assistant/message"),
        ("POST", "/gateway/proxy/x/y"),
        ("GET", "/ajax-api/2.0/mlflow/gateway-proxy"),
        ("POST", "/ajax-api/3.0/jobs/"),
        ("POST", "/api/2.0/mlflow/webhooks"),
        ("POST", "/api/2.0/mlflow/model-versions/create"),
        ("POST", "/api/2.0/mlflow/runs/log-model"),
        ("POST", "/api/3.0/mlflow/workspaces"),
        ("GET", "/api/2.0/mlflow-artifacts/presigned/x"),
        ("POST", "/v1/traces"),
        ("POST", "/api/2.0//mlflow/experiments/create"),
        ("POST", "/api/2.0/x/../mlflow/upload-artifact"),
        ("PUT", "/somewhere"),
    ],
)
def test_what_starts_programs_or_takes_files_is_not_served(method: str, path: str, mlflow: Guard) -> None:
    assert ask(mlflow, path, method=method, authorization=RIGHT)[0] == 403


def test_files_are_taken_with_the_password_and_never_from_a_page(mlflow: Guard) -> None:
    cookie = ask(mlflow, "/login", query=f"key={login_key(PASSWORD)}")[1]["set-cookie"].split(";")[0]
    for path in ("/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/x", "/ajax-api/2.0/mlflow-artifacts/artifacts/x"):
        assert ask(mlflow, path, method="PUT", authorization=RIGHT)[0] == 200
        assert ask(mlflow, path, method="PUT", cookie=cookie)[0] == 403
        assert ask(mlflow, path, cookie=cookie)[0] == 200


@pytest.mark.parametrize(
    "path", ["/ajax-api/2.0/mlflow/runs/search", "/api/2.0/mlflow/runs/log-batch", "/graphql",
             "/ajax-api/2.0/mlflow/experiments/set-experiment-tag"]
)  # fmt: skip
def test_what_pages_and_runs_need_is_served(path: str, mlflow: Guard) -> None:
    assert ask(mlflow, path, method="POST", authorization=RIGHT)[0] == 200


def test_the_password_is_random_and_its_owners_only(tmp_path: Path) -> None:
    first, second = password_of(tmp_path / "a"), password_of(tmp_path / "b")
    assert first == password_of(tmp_path / "a") != second
    assert len(first) >= 30
    assert (tmp_path / "a" / "auth").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("way", ["readable by others", "writable by others", "of another account", "link", "pipe"])
def test_a_password_that_somebody_else_may_know_is_replaced(way: str, tmp_path: Path) -> None:
    file, planted = tmp_path / "auth", tmp_path / "planted"
    planted.write_text(PASSWORD)
    planted.chmod({"readable by others": 0o644, "writable by others": 0o602}.get(way, 0o600))
    if way == "link":
        file.symlink_to(planted)
    elif way == "pipe":
        os.mkfifo(file, 0o600)
    else:
        planted.rename(file)
    if way == "of another account":
        if os.getuid() != 0:
            pytest.skip("only root can give a file to another account")
        os.chown(file, 65534, 65534)
    new = password_of(tmp_path)
    assert new not in ("", PASSWORD)
    assert new == password_of(tmp_path), "it is kept"
    assert (file.is_symlink(), file.stat().st_mode & 0o777, file.stat().st_uid) == (False, 0o600, os.getuid())
    assert way != "link" or planted.read_text() == PASSWORD, "what a link names is left alone"
    assert list(tmp_path.glob(".auth-*")) == []


def test_processes_that_start_together_share_the_password(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(password_of, [tmp_path / "new"] * 8))) == 1
