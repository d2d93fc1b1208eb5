"""The container files parse and agree with the package. Building them needs a container engine, which CI has not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
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
    assert "install --directory --owner=va /home/va/outputs /state" in text, "what is mounted there is the user's"


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
    from va_experiments.config.schema import TrackingConfig

    overrides = [w for w in services["run"]["entrypoint"] if "=" in w]
    assert {w.split("=")[0].removeprefix("tracking.") for w in overrides} <= set(TrackingConfig.model_fields)
    assert any("//mlflow:5000" in w for w in overrides)
    assert any("//prefect:4200" in w for w in overrides)


@pytest.mark.slow
def test_mlflow_and_prefect_know_the_options(services):
    """The options of the two servers, as their installed versions name them."""
    mlflow = pytest.importorskip("mlflow.cli")
    known = {option for parameter in mlflow.server.params for option in parameter.opts + parameter.secondary_opts}
    assert {c.split("=")[0] for c in services["mlflow"]["command"]} <= known


KEYS = {
    *("build", "image", "entrypoint", "command", "environment", "volumes", "ports", "healthcheck", "restart"),
    *("profiles", "shm_size", "depends_on"),
}
"""Keys of a service, by the Compose specification, that the file has a use for."""


def test_the_compose_file_hangs_together():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    whole = yaml.safe_load(text)
    assert set(whole) == {"name", "services", "volumes"}
    for name, service in whole["services"].items():
        assert set(service) <= KEYS, name
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source.startswith((".", "$")) or source in whole["volumes"], "a named volume is declared"
        for other, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "healthcheck" in whole["services"][other]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
    assert not any("user" in service for service in whole["services"].values()), "the image's own, who is not root"
    assert {s["image"] for s in whole["services"].values()} == {"va_experiments"}, "one image, built once"
    for variable in re.findall(r"\$\{([^}]+)\}", text):
        assert re.fullmatch(r"[A-Z_]+(:[?-].+)?", variable), variable


def test_health_checks_are_programs_that_ask_the_right_port(services):
    for name, port, path in (("mlflow", 5000, "/health"), ("prefect", 4200, "/api/health")):
        kind, program, option, code = services[name]["healthcheck"]["test"]
        assert (kind, program, option) == ("CMD", "python", "-c")
        compile(code, name, "exec")
        assert f"http://127.0.0.1:{port}{path}" in code


@pytest.mark.slow
def test_programs_and_settings_of_the_servers_exist_here(services):
    """Entry points are scripts of this environment; every setting is one that its library knows."""
    prefect = pytest.importorskip("prefect.settings")
    for name in ("mlflow", "prefect"):
        assert (Path(sys.executable).parent / services[name]["entrypoint"][0]).exists()
    import mlflow.environment_variables as variables

    for name in services["prefect"]["environment"]:
        if name.startswith("PREFECT_"):
            assert hasattr(prefect, name), name
    for name in services["mlflow"]["environment"]:
        assert hasattr(variables, name), name


def test_the_entry_point_with_its_default_argument_prints_the_help(dockerfile, tmp_path):
    (entry,) = (json.loads(rest) for name, rest in dockerfile if name == "ENTRYPOINT")
    (arguments,) = (json.loads(rest) for name, rest in dockerfile if name == "CMD")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *entry[1:], *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "python -m va_experiments model=interva,insilico" in done.stdout


@pytest.fixture(scope="module")
def team_file() -> dict:
    return yaml.safe_load((ROOT / "compose.team.yaml").read_text(encoding="utf-8"))


def test_the_team_s_file_has_the_servers_that_are_tested(team_file, tmp_path):
    """Programs, options and settings are those that ``tests/team.py`` starts, on real PostgreSQL and S3."""
    from tests import team

    services = team_file["services"]
    assert set(services) == {"postgres", "s3", "mlflow", "prefect"}
    assert services["s3"]["profiles"] == ["trial"], "it keeps files in memory"
    commands = {"mlflow": team.mlflow_command("h", 1, "d"), "prefect": team.prefect_command("h", 1)}
    settings = {"mlflow": team.mlflow_settings("u"), "prefect": team.prefect_settings(tmp_path, "d")}
    for name, command in commands.items():
        words = services[name]["entrypoint"] + services[name]["command"]
        assert [w.partition("=")[0] for w in words] == [w.partition("=")[0] for w in command[2:]]
        assert set(settings[name]) <= set(services[name]["environment"])
        assert services[name]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    urls = [w for s in ("mlflow", "prefect") for w in (*services[s]["command"], *services[s]["environment"].values())]
    schemes = {w.partition("=")[2].partition("://")[0] or w.partition("://")[0] for w in urls if "postgresql+" in w}
    assert schemes == {"postgresql+psycopg2", "postgresql+asyncpg"}


def test_the_team_s_servers_are_guarded(team_file):
    services = team_file["services"]
    assert [p for s in services.values() for p in s.get("ports", [])] == ["127.0.0.1:5000:5000", "127.0.0.1:4200:4200"]
    assert "ports" not in services["postgres"]
    text = (ROOT / "compose.team.yaml").read_text(encoding="utf-8")
    for name in ("POSTGRES_PASSWORD", "PREFECT_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert f"${{{name}:?" in text, "without it nothing starts"
    for service in services.values():
        assert {v.partition(":")[0] for v in service.get("volumes", [])} <= set(team_file["volumes"])
    locked = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines())
    assert services["s3"]["image"] == f"motoserver/moto:{locked['moto']}"


def test_the_script_that_builds_without_a_daemon_knows_this_dockerfile(dockerfile):
    """`make image` needs root, tools and minutes; CI checks that it would find what it replaces."""
    script = (ROOT / "container" / "image.sh").read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    (pattern,) = re.findall(r'sed "s#(\^FROM [^#]+)#FROM', script)
    bases = [rest for name, rest in dockerfile if name == "FROM"]
    assert len(bases) == 2
    assert all(re.match(pattern, f"FROM {base}") for base in bases)
    (job,) = re.findall(r"^JOB=\((.+)\)$", script, re.MULTILINE)
    assert job.startswith("model=interva,insilico site=all"), "the main job"
