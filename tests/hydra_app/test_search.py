"""A search with Optuna: the metric's direction, failed trials, a study in a database, and an end at any moment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.bad_inputs.test_commands import refused
from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here, run_here
from va_experiments.errors import InputError
from va_experiments.hydra_app.grammar_errors import parse_overrides
from va_experiments.hydra_app.search_space import direction_of, grid_values, search_space

pytest.importorskip("optuna")

RANDOM = ("hydra/sweeper=optuna", "hydra/sweeper/sampler=random", "site=ap", "data.n=120", "n_bootstrap=0", *QUICK)
ALPHA = ("model=nbc", "model.alpha=interval(0.1,1)")
TOY = '''
import os
import signal

import numpy as np
from va_experiments.models.base import Model, Prediction, labels_of


class Toy(Model):
    """Copies the training fractions; fails, or is interrupted, at some weights."""

    def __init__(self, *, weight: float = 1.0) -> None:
        self.weight = weight
        if weight > 80:
            from va_experiments.errors import InputError

            raise InputError("weight is too large")

    def fit(self, train, *, seed=0):
        if self.weight > 50:
            raise ArithmeticError("too heavy")
        if self.weight < 5:
            os.kill(os.getpid(), signal.SIGINT)
        self.csmf_ = np.bincount(labels_of(train), minlength=len(train.causes)) / len(train)
        return self

    def predict(self, test, *, seed=0):
        return Prediction(np.tile(self.csmf_, (len(test), 1)), self.csmf_)
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    (tmp_path / "searchedtoy.py").write_text(TOY)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "toy.yaml").write_text("name: toy\n_target_: searchedtoy.Toy\nweight: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield ("--config-dir", str(tmp_path / "conf"), "allowed_targets=[searchedtoy]", "model=toy")
    sys.modules.pop("searchedtoy", None)


def run_folder() -> Path:
    return sorted(Path("outputs/runs").glob("*/*"))[-1]


def test_the_direction_is_that_of_the_metric() -> None:
    assert direction_of(None, "csmf_accuracy_top") == direction_of("maximize", "top1") == "maximize"
    assert direction_of(None, "log_loss") == "minimize"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("maximise", "known: maximize, minimize; did you mean 'maximize'?"),
        ("minimize", "is better when it is larger: the search would look for the worst value"),
        (["maximize", "minimize"], "has 2 directions: a search has one objective"),
        (3, "direction is '3'"),
    ],
)
def test_a_direction_that_cannot_be_meant(value: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        direction_of(value, "csmf_accuracy_top")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.alpha=interval(1,inf)", "both ends of a range must be finite numbers; got 1.0 and inf"),
        ("model.alpha=interval(1,nan)", "both ends of a range must be finite numbers; got 1.0 and nan"),
        ("model.alpha=interval(5,0.1)", "its lower end 5.0 is above its upper end 0.1; write interval(0.1,5.0)"),
        ("model.alpha=tag(log,interval(0,1))", "on a log scale the lower end must be above 0"),
        ("model.n_trees=range(10,1)", "it begins at 10, above its end 1; write range(1,10)"),
        ("model=glob(n*)", "cannot be searched over; list the values, as in model=choice(a,b)"),
        ("seed=1", "the search has no key to vary"),
    ],
)
def test_a_space_without_a_value(override: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        search_space(parse_overrides([override]))
    assert words in str(caught.value)


def test_a_grid_has_every_value_of_a_range_and_of_a_choice() -> None:
    space, fixed = search_space(parse_overrides(["a=range(1,7,2)", "b=choice(x,y)", "c=3", "d=range(0.0,0.5,0.25)"]))
    assert grid_values(space) == {"a": [1, 3, 5, 7], "b": ["x", "y"], "d": [0.0, 0.25, 0.5]}
    assert fixed == {"c": "3"}
    with pytest.raises(InputError, match="infinitely many"):
        grid_values(search_space(parse_overrides(["a=interval(0,1)"]))[0])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("hydra.sweeper.n_trials=0",), "n_trials (trials in all) must be a whole number >= 1; got 0"),
        (("hydra.sweeper.n_jobs=-1",), "n_jobs (trials in a batch) must be a whole number >= 1; got -1"),
        (("hydra.sweeper.max_failure_rate=2",), "max_failure_rate must be a number from 0"),
        (("hydra.sweeper.storage=trials.db",), "expected a database's URL, such as sqlite:///trials.db"),
        (("hydra.sweeper.storage=sqlite:////no/such/x.db",), "unable to open database file"),
        (("hydra.sweeper.storage=nothing://x:sesame@host/y",), "'nothing://***@host/y' cannot be used"),
        (("model.alpha=interval(-2,-1)",), "expected a number of at least 0"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_runs(overrides: tuple[str, ...], words: str) -> None:
    alpha = ALPHA[:1] if any(o.startswith("model.alpha") for o in overrides) else ALPHA
    with elsewhere() as root:
        refused((*RANDOM, *alpha, *overrides), words, root)


@pytest.mark.slow
def test_a_search_maximises_accuracy_and_a_study_in_a_database_is_continued() -> None:
    command = (*RANDOM, *ALPHA, "hydra.sweeper.storage=sqlite:///study.db")
    with elsewhere():
        code, out, err = output_here((*command, "hydra.sweeper.n_trials=2"))
        assert code == 0, err
        first = pd.read_csv(run_folder() / "trials.csv")
        code, out, err = output_here((*command, "hydra.sweeper.n_trials=3"))
        assert code == 0, err
        trials, cells = (pd.read_csv(run_folder() / name) for name in ("trials.csv", "cells.csv"))
        best = yaml.safe_load((run_folder() / "optimization_results.yaml").read_text())
    assert list(trials["state"]) == ["done"] * 3
    assert trials["model.alpha"].nunique() == 3, "the continued search draws other values"
    pd.testing.assert_frame_equal(trials[:2], first)
    assert sorted(cells["reused"]) == [False, True, True], "in whatever order the keys of the cells have"
    assert best["best_value"] == pytest.approx(cells["csmf_accuracy_top"].max())
    assert "search: best of 3 trials: model.alpha=" in out


def test_a_failed_job_is_a_failed_trial_and_the_search_goes_on(toy: tuple[str, ...]) -> None:
    choices = "model.weight=choice(10,60,20,90)"
    grid = ("hydra/sweeper/sampler=grid", "hydra.sweeper.n_jobs=1", *(o for o in RANDOM if "sampler" not in o))
    with elsewhere():
        code, _, err = output_here((*toy, *grid, choices))
        assert (run_folder() / "cells.csv").is_file(), err
        trials = pd.read_csv(run_folder() / "trials.csv")
    assert code == 3, err
    assert list(trials["state"]) == ["done", "failed", "done", "failed"]
    assert list(trials["problem"].fillna(""))[:3] == ["", "a cell failed: see cells.csv", ""]
    assert "weight is too large" in trials["problem"].iloc[3]


def test_a_search_that_is_interrupted_leaves_its_tables(toy: tuple[str, ...]) -> None:
    with elsewhere():
        code, _, err = output_here((*toy, *RANDOM, "model.weight=interval(1,4)", "hydra.sweeper.n_trials=6"))
        assert code == 130, err
        trials, cells = (pd.read_csv(run_folder() / name) for name in ("trials.csv", "cells.csv"))
    assert len(cells) <= 2, "no batch after the signal"
    assert set(trials["state"]) <= {"done", "stopped"}
    assert len(trials) == 2


def test_a_dry_run_shows_one_batch_and_writes_nothing() -> None:
    with elsewhere() as root:
        code, out, err = output_here((*RANDOM, *ALPHA, "hydra.sweeper.storage=sqlite:///s.db", "dry_run=true"))
        assert code == 0, err
        assert "search: up to 20 trials, to maximize csmf_accuracy_top" in out
        assert not [p for p in root.rglob("*") if p.is_file()]


def test_the_name_of_the_sweeper_means_this_one() -> None:
    from hydra.core.config_store import ConfigStore

    from va_experiments.hydra_app.app import compose

    compose([])
    node = ConfigStore.instance().repo["hydra"]["sweeper"]["optuna.yaml"]
    assert node.provider == "va_experiments"


@pytest.mark.parametrize("directions", [["minimize"], ["minimize", "maximize"]])
def test_a_stored_study_of_another_direction_is_told_as_that(directions: list[str]) -> None:
    import optuna

    from va_experiments.hydra_app.search import _COMMIT_AT_ONCE

    with elsewhere():
        storage = optuna.storages.RDBStorage("sqlite:///s.db", engine_kwargs=_COMMIT_AT_ONCE)
        optuna.create_study(storage=storage, study_name="a", directions=directions)
        storage.engine.dispose()
        place = ("hydra.sweeper.storage=sqlite:///s.db", "hydra.sweeper.study_name=a", "hydra.sweeper.n_trials=2")
        code, err = run_here(["hydra/sweeper=optuna", *ALPHA, *place, "site=ap", "data.n=120", *QUICK])
    assert code == 2
    assert "was begun in another direction than to maximize csmf_accuracy_top" in err
    assert "choose another hydra.sweeper.study_name" in err
