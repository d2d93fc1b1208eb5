"""Serve MLflow's pages for one folder of outputs on loopback, behind our guard.

MLflow runs inside this process: a server of its own on another port would answer every account of the machine.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from pathlib import Path
from typing import Any

from va_experiments.page_additions import with_head
from va_experiments.page_guard import Guard, Request, password_of
from va_experiments.tracking.connection import safe_environment
from va_experiments.tracking.local_database import local_artifacts, local_uri
from va_experiments.uris import file_of, file_uri

__all__ = ["guarded", "policy", "serve"]

_API = re.compile(r"/(?:ajax-)?api/\d\.\d/(?P<resource>.*)", re.DOTALL)

_NOT_SERVED = re.compile(
    r"(?:mlflow/)?(?:assistant|gateway|gateway-proxy|jobs|mcp-servers|webhooks|secrets|scorer|prompt-optimization|demo|"
    r"genai|workspaces|upload-artifact)(?:/.*)?|mlflow/issues/invoke|mlflow-artifacts/presigned/.*|"
    r"mlflow/artifacts/presigned-.*",
    re.DOTALL,
)
"""Parts of MLflow that start programs, send requests or take files: no run of ours has a use for them."""

_CHANGES = re.compile(
    r"mlflow/(?:experiments/(?:create|delete|restore|update|search|search-datasets|set-experiment-tag|"
    r"delete-experiment-tag)|runs/(?:create|delete|delete-tag|log-batch|log-inputs|log-metric|log-parameter|outputs|"
    r"restore|search|set-tag|update)|datasets/search|logged-models/search|registered-models/get-latest-versions|"
    r"traces/(?:search|metrics|batchGetInfos|calculate-filter-correlation)|issues/search|ui-telemetry)"
)
"""What may be asked for with another method than GET: searches, and changes of experiments and runs."""

_UPLOADS = re.compile(r"mlflow-artifacts/(?:artifacts/.+|mpu/(?:create|complete|abort)/.+)", re.DOTALL)
"""Files of runs that are recorded through this server; only for who sends the password itself, never for a page."""

HEAD = """<style>
  #root aside > div:has(> [role="button"] + [role="button"]),
  #root aside a[href*="/traces"],
  #root [role="tab"]:is([aria-controls$="-content-evaluations"], [aria-controls$="-content-traces"]),
  #root [data-assistant-ui],
  #root [data-component-id="mlflow.experiment_page.shared_view.banner"] { display: none !important; }
</style>
<script>
for (const [key, value] of [
  ["mlflow.workflowType_v1", '"machine_learning"'],
  ["mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true"],
  ["mlflow.assistant.panelOpen_v1", "false"],
]) if (localStorage.getItem(key) === null) localStorage.setItem(key, value);
if (location.hash.length < 3) location.replace("#/experiments");
</script>"""
"""Lines for MLflow's page, for which it has no setting: no menu for language models, no assistant (it is not served).

Where a later MLflow is built otherwise, the menu shows again, and nothing else changes.
"""


def policy(request: Request, body: bytes, artifacts: Path) -> str:
    """Return why a request of somebody who knows the password is refused; empty text: it is not.

    Parameters
    ----------
    request : Request
    body : bytes
        Of a request that makes an experiment; empty for others.
    artifacts : Path
        The only folder that an experiment may keep its files in.
    """
    if request.socket or "//" in request.path or ".." in request.path.split("/"):
        return "not served here"
    match = _API.fullmatch(request.path)
    resource = match["resource"] if match else ""
    if request.path.startswith(("/gateway", "/v1/")) or _NOT_SERVED.fullmatch(resource):
        return "this part of MLflow is not served here"
    if request.method in ("GET", "HEAD", "OPTIONS") or (request.path == "/graphql" and request.method == "POST"):
        return ""
    if _UPLOADS.fullmatch(resource):
        return "files are taken with the password only, not from a page" if request.by_cookie else ""
    if not _CHANGES.fullmatch(resource):
        return "this part of MLflow is not served here"
    return _location_problem(body, artifacts) if makes_experiment(request) else ""


def makes_experiment(request: Request) -> bool:
    """Return whether a request makes an experiment, in which it can name a folder of the server's."""
    match = _API.fullmatch(request.path)
    return match is not None and match["resource"] == "mlflow/experiments/create" and request.method == "POST"


def _location_problem(body: bytes, artifacts: Path) -> str:
    try:
        request: Any = json.loads(body)
        request = json.loads(request) if isinstance(request, str) else request
        places = [request[k] for k in ("artifact_location", "artifactLocation") if request.get(k)]
    except (ValueError, AttributeError, RecursionError):
        return "the request is no JSON object"
    for place in places:
        path = file_of(str(place))
        inside = path is not None and path.resolve().is_relative_to(artifacts)
        proxied = re.fullmatch(r"mlflow-artifacts:/[\w./-]*", str(place)) and ".." not in str(place)
        if not (inside or proxied):
            return f"an experiment's files lie under {artifacts} only"
    return ""


def guarded(app: Any, outputs: Path, port: int) -> Guard:
    """Return MLflow's application behind the guard."""
    artifacts = local_artifacts(outputs)
    return Guard(
        with_head(app, HEAD, lambda path: path == "/"),
        port=port,
        password=password_of(outputs / "prefect"),
        needs_none=lambda request: request.path == "/health" and request.method == "GET" and not request.socket,
        policy=lambda request, body: policy(request, body, artifacts),
        looks_into=makes_experiment,
        browser=True,
    )


def serve(outputs: Path, port: int) -> None:
    """Serve until a signal comes; the database and the experiment are there already."""
    safe_environment()
    hosts = [f"{name}:{port}" for name in ("127.0.0.1", "localhost")]
    os.environ.update(
        {
            "_MLFLOW_SERVER_FILE_STORE": local_uri(outputs),
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": file_uri(local_artifacts(outputs)),
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SGI_NAME": "uvicorn",
            "_MLFLOW_SERVER_BOOT_ID": uuid.uuid4().hex,
            "_MLFLOW_IN_JOB_EXECUTOR": "false",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(hosts),
            "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{host}" for host in hosts),
            "MLFLOW_SERVER_X_FRAME_OPTIONS": "DENY",
        }
    )
    import uvicorn
    from mlflow.server.fastapi_app import app

    config = uvicorn.Config(guarded(app, outputs, port), host="127.0.0.1", port=port, log_level="error", lifespan="on")
    uvicorn.Server(config).run()
