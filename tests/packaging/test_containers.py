"""The container files parse and agree with the package. Building them needs a container engine, which CI has not."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile: name and argument."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines())]


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_every_instruction_is_known(dockerfile):
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in dockerfile} <= known


def test_what_is_copied_exists_and_is_let_through(dockerfile):
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored, "everything is left out that is not named"
    for name, rest in dockerfile:
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored, source


def test_the_image_takes_the_locked_versions_and_runs_as_an_ordinary_user(dockerfile):
    text = " ".join(rest for _, rest in dockerfile)
    assert "-c requirements.lock" in text
    assert [rest for name, rest in dockerfile if name == "USER"] == ["va"]
    (entry,) = (rest for name, rest in dockerfile if name == "ENTRYPOINT")
    assert json.loads(entry) == ["python", "-m", "va_experiments"]


def test_the_extras_and_the_python_version_are_ones_that_the_package_has(dockerfile):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = " ".join(rest for _, rest in dockerfile)
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', text)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    for version in re.findall(r"python:3\.(\d+)", text):
        assert 11 <= int(version) < 14


def test_pages_are_published_on_loopback_only(services):
    ports = [p for service in services.values() for p in service.get("ports", [])]
    assert ports == ["127.0.0.1:5000:5000", "127.0.0.1:4200:4200"]


def test_servers_are_set_up_safely(services):
    mlflow, prefect = services["mlflow"], services["prefect"]
    assert mlflow["environment"]["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert any(c.startswith("--allowed-hosts=127.0.0.1:5000") for c in mlflow["command"])
    assert not any("disable-security" in c for c in mlflow["command"])
    assert prefect["environment"]["PREFECT_SERVER_API_AUTH_STRING"].startswith("${PREFECT_PASSWORD:?")


def test_the_run_names_both_servers_by_keys_that_exist(services):
    from va_experiments.config import TrackingConfig

    overrides = [w for w in services["run"]["entrypoint"] if "=" in w]
    assert {w.split("=")[0].removeprefix("tracking.") for w in overrides} <= set(TrackingConfig.__dataclass_fields__)
    assert any("//mlflow:5000" in w for w in overrides)
    assert any("//prefect:4200" in w for w in overrides)


def test_mlflow_and_prefect_know_the_options(services):
    """The options of the two servers, as their installed versions name them."""
    mlflow = pytest.importorskip("mlflow.cli")
    known = {option for parameter in mlflow.server.params for option in parameter.opts + parameter.secondary_opts}
    assert {c.split("=")[0] for c in services["mlflow"]["command"]} <= known
