"""Nothing is called or written that a configuration names: by interpolation or a package, in a file or a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from va_experiments.hydra_app.config_allowlist import find_problems
from va_experiments.hydra_app.hydra_calls import LAUNCHER

COPY = "{_target_: shutil.copy, src: source, dst: mark}"
OPEN = "{_target_: builtins.open, file: mark, mode: w}"
ATTACKS = {
    "callbacks": ("callbacks: ${bad}", f"{{a: {COPY}}}"),
    "one callback": ("callbacks: {a: '${bad}'}", COPY),
    "name of a callback": ("callbacks: {a: {_target_: '${bad}', file: mark, mode: w}}", "builtins.open"),
    "sweeper": ("sweeper: ${bad}", OPEN),
    "sampler": ("sweeper: {_target_: '${bad}'}", "os.system"),
    "launcher": ("launcher: ${bad}", OPEN),
    "ray's options": ("launcher: {ray: {init: '${bad}'}}", f"{{a: {OPEN}}}"),
    "log factory": ("job_logging: ${bad}", "{version: 1, handlers: {h: {'()': builtins.open, file: mark, mode: w}}}"),
    "log of hydra": (
        "hydra_logging: ${bad}",
        "{version: 1, handlers: {h: {'()': builtins.open, file: mark, mode: w}}}",
    ),
    "file of a log": (
        "hydra_logging: {version: 1, handlers: {h: {class: logging.FileHandler, filename: '${bad}'}}}",
        "mark",
    ),
    "log elsewhere": ("job_logging: {version: 1, handlers: {h: {class: logging.FileHandler, filename: mark}}}", "x"),
    "log above": (
        "job_logging: {version: 1, handlers: {h: {class: logging.handlers.RotatingFileHandler, "
        "filename: '${hydra.runtime.output_dir}/../../../../mark'}}}",
        "x",
    ),
    "log by reference": (
        "job_logging: {version: 1, f: mark, handlers: {h: {class: logging.FileHandler, filename: 'cfg://f'}}}",
        "x",
    ),
    "log of ours": (
        "job_logging: {handlers: {h: {'()': va_experiments.monitoring.logs.json_handler, path: mark}}}",
        "x",
    ),
    "name of the job": ("job: {name: ../../../../mark}\n  job_logging: {version: 1}", "x"),
    "folder of the run": ("runtime: {output_dir: ../mark}", "x"),
    "through a package": ("sweeper: {_target_: optuna.samplers._base.os.system, command: touch mark}", "x"),
    "through hydra": ("sweeper: {_target_: hydra._internal.core_plugins.bash_completion.os.system, command: x}", "x"),
    "space": ("sweeper: {custom_search_space: os.system}", "x"),
    "nested": ("sweeper: {sampler: {_target_: optuna.samplers.TPESampler, gamma: {_target_: os.system}}}", "x"),
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("way", [pytest.param("file", marks=pytest.mark.slow), "command"])
def test_nothing_is_called_even_in_a_dry_run(name: str, way: str) -> None:
    body, bad = ATTACKS[name]
    with elsewhere() as root:
        Path("source").write_text("x")
        if way == "file":
            Path("mine/experiment").mkdir(parents=True)
            Path("mine/experiment/evil.yaml").write_text(f"# @package _global_\nhydra:\n  {body}\nbad: {bad}\n")
            arguments = ["--config-dir", "mine", "experiment=evil"]
        else:
            import yaml

            tree = yaml.safe_load(f"hydra:\n  {body}\nbad: {bad}\n")
            arguments = [f"++hydra.{k}={_typed(v)}" for k, v in tree["hydra"].items()] + [f"+bad={_typed(tree['bad'])}"]
        code, _, err = output_here([*arguments, "model=nbc", "site=ap", "data.n=120", "dry_run=true", *QUICK])
        assert code == 2, err
        assert "Traceback" not in err
        assert not list(root.rglob("mark*")), "it was called"


def _typed(value: object) -> str:
    """Return a value in Hydra's grammar."""
    if isinstance(value, dict):
        return "{" + ",".join(f"'{k}':{_typed(v)}" if k == "()" else f"{k}:{_typed(v)}" for k, v in value.items()) + "}"
    return str(value) if isinstance(value, int) or str(value).startswith("${bad") else f"'{value}'"


@pytest.mark.parametrize(
    ("hydra", "words"),
    [
        ("${x}", "'hydra' is '${x}': expected a group of keys"),
        ({"job": {"env_copy": ["HOME"]}}, "'hydra.job.env_copy' is not allowed"),
        ({"job": {"env_set": {"PATH": "x"}}}, "'hydra.job.env_set' is not allowed"),
        ({"job": "${x}"}, "'hydra.job' is '${x}'"),
        ({"searchpath": ["${x}"]}, "'hydra.searchpath' has '${x}'"),
        ({"searchpath": "${x}"}, "'hydra.searchpath' has '${x}'"),
        ({"help": {"_target_": "os.system"}}, "'hydra.help._target_' is 'os.system'"),
        ({"job_logging": {"handlers": {"h": {".": {"baseFilename": "x"}}}}}, "attributes cannot be set"),
        ({"launcher": {"ray": {"init": {"address": "${y}"}}}}, "execution.* has the same options"),
    ],
)
def test_ways_round_the_list(hydra: object, words: str) -> None:
    assert words in "\n".join(find_problems({"hydra": hydra}))


def test_what_is_needed_is_allowed() -> None:
    handler = {"class": "logging.FileHandler", "filename": "${hydra.runtime.output_dir}/${hydra.job.name}.log"}
    tree = {
        "job": {"name": "va_experiments", "env_copy": [], "env_set": {}},
        "runtime": {"output_dir": "???"},
        "callbacks": {},
        "launcher": {"_target_": LAUNCHER, "ray": {"init": {"address": None}}},
        "sweeper": {
            "_target_": "hydra_plugins.va_launcher.optuna_sweeper.OptunaSweeper",
            "sampler": {"_target_": "optuna.samplers.TPESampler"},
        },
        "job_logging": {"handlers": {"file": handler, "console": {"stream": "ext://sys.stdout"}}},
    }
    assert find_problems({"hydra": tree}) == []


def test_a_sweeper_of_an_allowed_package_is_one_that_it_defines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ownsweeper.py").write_text("import os\nfrom os import system\nclass Mine: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    allowed = {"allowed_targets": ["ownsweeper"]}
    assert not find_problems({**allowed, "hydra": {"sweeper": {"_target_": "ownsweeper.Mine"}}})
    for name in ("ownsweeper.system", "ownsweeper.os.system", "ownsweeper.Nothing"):
        assert find_problems({**allowed, "hydra": {"sweeper": {"_target_": name}}}), name
    assert find_problems({"hydra": {"sweeper": {"_target_": "ownsweeper.Mine"}}}), "not allowed, not imported"
