"""The built wheel works outside the checkout: it brings ``conf/`` and Hydra's plugin along, and runs the main job."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("needs hatchling, the build backend: pip install 'va-experiments[dev]'")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("va_experiments-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel installed into a folder of its own; its dependencies are those of the test environment."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, "--target", str(folder), str(wheel)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder


def run(installed: Path, elsewhere: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in another folder with the installed package before everything else."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VA_")} | {"PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120
    )


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_configuration_file_is_inside(wheel):
    expected = {f"va_experiments/{p.relative_to(ROOT).as_posix()}" for p in (ROOT / "conf").rglob("*.yaml")}
    assert len(expected) > 40
    assert expected <= names(wheel)


TABLES = {f"va_experiments/data/readers/who2016_{name}.csv" for name in ("questions", "choices")}
TABLES |= {f"va_experiments/metrics/champs_{age}.csv" for age in ("child", "neonate")}
TABLES |= {f"va_experiments/data/readers/phmrc_who2016_{module}.csv" for module in ("adult", "child", "neonate")}
TABLES |= {"va_experiments/report/templates/vega.js.gz"}
"""The questionnaire, published matrices and the page's script; no file with data of deaths belongs into the wheel."""


def test_every_module_and_template_is_inside(wheel):
    package = ROOT / "va_experiments"
    expected = {p.relative_to(ROOT).as_posix() for p in package.rglob("*.py")}
    expected |= {p.relative_to(ROOT).as_posix() for p in (package / "report" / "templates").iterdir() if p.is_file()}
    assert expected | TABLES <= names(wheel)


def test_nothing_else_is_inside(wheel):
    strange = {n for n in names(wheel) if not n.startswith(("va_experiments/", "va_experiments-"))}
    strange |= {n for n in names(wheel) if n.endswith((".csv", ".gz", ".db", ".parquet", ".pyc"))}
    cause_lists = (ROOT / "conf" / "cause_list").rglob("*.csv")
    assert not strange - TABLES - {f"va_experiments/{p.relative_to(ROOT).as_posix()}" for p in cause_lists}
    assert wheel.stat().st_size < 2_000_000


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        scripts = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    assert "License-Expression: GPL-3.0-or-later" in text
    assert "Requires-Python: <3.14,>=3.11" in text
    assert "License-File: LICENSE" in text
    assert "va-experiments = va_experiments.cli:main" in scripts


def test_it_is_the_installed_package_that_runs(installed, tmp_path):
    code = (
        "import va_experiments, va_experiments.config.schema as c; print(va_experiments.__file__); print(c.conf_dir())"
    )
    paths = run(installed, tmp_path, "-c", code).stdout.split()
    assert paths == [str(installed / "va_experiments" / "__init__.py"), str(installed / "va_experiments" / "conf")]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--help"], "protocol: assign, combined, in_domain, leave_one_country_out"),
        (["--cfg", "job"], "name: leave_one_site_out"),
        pytest.param(["--info"], "VaLauncher", marks=pytest.mark.slow),
        pytest.param(["--hydra-help"], "--multirun", marks=pytest.mark.slow),
    ],
)
def test_the_doors_open(installed, tmp_path, arguments, expected):
    done = run(installed, tmp_path, "-m", "va_experiments", *arguments)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.nightly
@pytest.mark.slow
def test_the_main_job_runs_from_another_folder(installed, tmp_path):
    command = ["-m", "va_experiments", "model=nbc,interva", "site=ap,dar", "data.n=900", "n_bootstrap=5"]
    done = run(installed, tmp_path, *command, "execution=inline", "tracking=none", "-m")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 done, 0 reused, 0 failed of 4 cells" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["outputs"]
    (report,) = (tmp_path / "outputs" / "runs").glob("*/*/report.html")
    assert "simulated" in report.read_text(encoding="utf-8").lower()
    again = run(installed, tmp_path, *command, "execution=inline", "tracking=none", "-m")
    assert "0 done, 4 reused, 0 failed of 4 cells" in again.stdout


def test_the_script_answers(installed, tmp_path):
    done = run(installed, tmp_path, "-c", "import sys; from va_experiments.cli import main; sys.exit(main(['--help']))")
    assert done.returncode == 0, done.stderr
    assert "va-experiments" in done.stdout
