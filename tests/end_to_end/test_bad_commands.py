"""What cannot be used fails before any fit, with the nearest known name and exit code 2, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command

CASES = {
    "top-level key": (["sede=2"], ["'sede'", "'seed'"]),
    "key of a group": (["execution.num_worker=2"], ["num_worker", "num_workers"]),
    "added key": (["+execution.num_worker=2"], ["execution.num_worker", "num_workers"]),
    "unknown model": (["model=intreva"], ["intreva", "did you mean 'interva'"]),
    "unknown site file": (["site=pembaa"], ["pembaa", "did you mean 'pemba'"]),
    "unknown site of the data": (["site.test_sites=[Andra]"], ["Andra", "AP"]),
    "unknown group": (["modle=nbc"], ["modle", "model"]),
    "unknown parameter": (["+model.conversoin=fixed"], ["conversoin", "did you mean 'conversion'"]),
    "value the model refuses": (["model.conversion=quantil"], ["quantil", "did you mean 'quantile'"]),
    "wrong type": (["seed=one"], ["seed", "whole number"]),
    "bool for text": (["on_error=true"], ["on_error", "quote it"]),
    "foreign class": (["model._target_=os.system"], ["os.system", "not allowed"]),
    "target elsewhere": (["+data._target_=os.system"], ["data._target_", "not allowed"]),
    "class that passes through": (["model._target_=sklearn.datasets._base.Path"], ["pathlib.Path", "passes through"]),
    "unknown data option": (["+data.pth=x"], ["pth", "known: n, seed"]),
    "train size": (["protocol.train_size=1e3"], ["train_size", "1000.0 (float)"]),
    "one of several jobs": (["model=nbc,intreva"], ["intreva", "did you mean 'interva'"]),
    "negative": (["n_bootstrap=-1"], ["n_bootstrap", "0 or more"]),
    "unknown feature level": (["features.name=hcee"], ["hcee", "did you mean 'hce'"]),
    "missing file": (["data=phmrc_adult", "data.path=nowhere.csv"], ["nowhere.csv"]),
    "both sides": (["model=nbc,", "-m"], ["override"]),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_command(name: str, tmp_path: Path) -> None:
    arguments, expected = CASES[name]
    quick = [q for q in QUICK if not any(a.startswith("execution") for a in arguments) or "tracking" in q]
    ran = run_command(*arguments, *quick, outputs=tmp_path / "o", timeout=60, VA_PHMRC_DIR="")
    assert ran.code == 2, ran.err
    assert "Traceback" not in ran.err
    for text in expected:
        assert text in ran.err, ran.err
    assert not list((tmp_path / "o").glob("runs/*/*")), "a run folder was left behind"


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


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    ran = run_command("+execution.foo=1", "n_bootstrap=-1", "+seeed=1", *QUICK, outputs=tmp_path, timeout=60)
    assert ran.code == 2
    assert "execution.foo" in ran.err
    assert "seeed" in ran.err


def test_help_names_groups_and_five_command_lines(tmp_path: Path) -> None:
    ran = run_command("--help", outputs=tmp_path, timeout=60)
    assert ran.code == 0
    assert ran.out.count("python -m va_experiments") >= 5
    assert "interva" in ran.out
    assert "leave_one_site_out" in ran.out


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["--info", "all"], ["--shell-completion", "install=bash"]])
def test_hydra_flags_work(flags: list[str], tmp_path: Path) -> None:
    ran = run_command(*flags, outputs=tmp_path, timeout=60)
    assert ran.code == 0, ran.err


def test_dry_run_prints_cells_and_fits_and_leaves_nothing(tmp_path: Path) -> None:
    ran = run_command("model=nbc", "protocol=one_to_one", "dry_run=true", *QUICK, outputs=tmp_path / "o", timeout=60)
    assert ran.code == 0, ran.err
    assert "30 cells" in ran.out
    assert "6 fits" in ran.out
    assert not (tmp_path / "o").exists()
