"""What cannot be used fails before any fit, with the nearest known name and exit code 2, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_inputs.commands import COMMANDS, YAMLS, Command, Yaml
from tests.end_to_end.conftest import QUICK, run_command
from tests.in_process import elsewhere, run_here
from tests.marks import first_of_each_kind


def refused(arguments: tuple[str, ...], message: str, root: Path, given: int = 0) -> None:
    code, output = run_here(arguments)
    assert code == 2, output
    assert "Traceback" not in output
    assert "error: " in output
    assert message in output, output
    assert len([p for p in root.rglob("*") if p.is_file()]) == given, "something was left behind"


@pytest.mark.parametrize("case", first_of_each_kind(COMMANDS, lambda c: c.row), ids=lambda c: f"{c.row}: {c.what}")
def test_bad_command(case: Command) -> None:
    quick = [q for q in QUICK if not any(a.startswith("execution") for a in case.arguments) or "tracking" in q]
    with elsewhere() as root:
        refused((*case.arguments, *quick), case.message, root)


@pytest.mark.parametrize("case", first_of_each_kind(YAMLS, lambda c: c.row), ids=lambda c: f"{c.row}: {c.what}")
def test_bad_file_of_the_configuration(case: Yaml) -> None:
    with elsewhere() as root:
        path = root / "conf" / "model" / "mine.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(case.content, encoding="utf-8", errors="surrogateescape")
        refused(("--config-dir", str(root / "conf"), "model=mine", *QUICK), case.message, root, given=1)


@pytest.mark.parametrize("arguments", [("model=intreva",), ("model._target_=os.system",), ("seed=range(5,1)",)])
def test_the_process_ends_with_two(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ran = run_command(*arguments, *QUICK, outputs=tmp_path / "o", timeout=60)
    assert ran.code == 2, ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "o").exists(), "a run folder was left behind"


def test_debug_adds_the_traceback(tmp_path: Path) -> None:
    with elsewhere():
        code, output = run_here(("sede=2", "--debug"))
    assert code == 2
    assert "did you mean 'seed'" in output
    assert "Traceback" in output


def test_all_problems_are_reported_together() -> None:
    with elsewhere():
        code, output = run_here(("+execution.foo=1", "n_bootstrap=-1", "+seeed=1", *QUICK))
    assert code == 2
    assert "execution.foo" in output
    assert "seeed" in output


def test_the_variable_that_opens_hydra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE", "os.system")
    with elsewhere() as root:
        refused(("model=nbc", *QUICK), "HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE is set", root)


HOSTILE = {
    "callback": "callbacks: {x: {_target_: builtins.open, file: MARK, mode: w}}",
    "sweeper": "sweeper: {_target_: os.system}",
    "log handler": "job_logging: {version: 1, handlers: {h: {'()': builtins.open, file: MARK, mode: w}}}",
    "log stream": "hydra_logging: {version: 1, handlers: {h: {class: logging.StreamHandler, stream: 'ext://os.system'}}}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_config_is_refused_before_hydra_acts_on_it(name: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    body = HOSTILE[name].replace("MARK", str(mark))
    (tmp_path / "conf" / "experiment" / "evil.yaml").write_text(f"# @package _global_\nhydra:\n  {body}\n")
    words = ("--config-dir", str(tmp_path / "conf"), "experiment=evil", "dry_run=true")
    ran = run_command(*words, *QUICK, outputs=tmp_path / "o", timeout=60)
    assert ran.code == 2, ran.err
    assert "Traceback" not in ran.err
    assert "expected" in ran.err or "not allowed" in ran.err
    assert not mark.exists(), "it was called"


def test_a_sweep_over_nothing() -> None:
    with elsewhere() as root:
        refused(("alert=glob(*)", "dry_run=true"), "the sweep has no jobs", root)
