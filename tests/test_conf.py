"""Every file of ``conf/`` composes, and passes the checks that a run makes before its first fit."""

from __future__ import annotations

import inspect

import pandas as pd
import pytest

from va_experiments.analysis.run_tables import RunTables
from va_experiments.cell import ModelSpec
from va_experiments.config.schema import JobConfig, RunConfig, conf_dir, parse_config
from va_experiments.errors import InputError
from va_experiments.hydra_app.app import compose
from va_experiments.metrics.registry import DEFAULT_METRIC
from va_experiments.report.terminal import leaderboard_text

CHOICES = sorted(
    f"{path.parent.name}={path.stem}" for path in conf_dir().glob("*/*.yaml") if path.parent.name != "experiment"
)
EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))


def composed(*overrides: str) -> tuple[RunConfig, JobConfig]:
    return parse_config(compose(overrides))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_is_accepted(choice: str) -> None:
    _, job = composed(choice)
    try:
        ModelSpec.from_config(job.model)
    except InputError as error:
        if "install the extra" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes(experiment: str) -> None:
    _, job = composed(f"experiment={experiment}")
    ModelSpec.from_config(job.model)


def test_the_whole_comparison_is_one_job_of_40_splits() -> None:
    from va_experiments.data import load
    from va_experiments.protocols import splits

    run, job = composed("experiment=va34_comparison", "data=simulated")
    deaths = load("simulated", {"n": 3000})
    all_splits = splits(job.protocol.with_seed(1), deaths, "all")
    assert run.legacy_table
    assert sum(s.train_sites == s.test_sites and s.train_size == "all" for s in all_splits) == 6
    assert sum(s.train_sites != s.test_sites for s in all_splits) == 30
    assert [s.train_size for s in all_splits if s.train_size != "all"] == [f"share={x}" for x in (0.1, 0.25, 0.5, 0.75)]
    assert len(all_splits) == 40


def test_defaults_are_those_of_the_schema() -> None:
    """A key that stands in config.yaml has the same default there as in the schema."""
    for config in composed():
        for name, field in type(config).model_fields.items():
            if not field.is_required() and name not in ("execution", "tracking"):
                assert getattr(config, name) == field.get_default(call_default_factory=True), name


def test_problems_of_a_tree_are_gathered() -> None:
    tree = {"modle": {}, "seed": True, "execution": {"bakend": 1}}
    with pytest.raises(InputError) as caught:
        parse_config(tree)
    text = str(caught.value)
    for expected in (
        "did you mean 'model'",
        "seed must be a whole number >= 0; got True",
        "did you mean 'backend'",
        "'data' is missing",
    ):
        assert expected in text


def test_models_are_ranked_by_one_metric_everywhere() -> None:
    """The configuration lies below the metrics and so repeats the name."""
    assert RunConfig().objective == RunTables(title="", cells=pd.DataFrame()).primary_metric == DEFAULT_METRIC
    parameters = inspect.signature(leaderboard_text).parameters
    assert parameters["metric"].default == DEFAULT_METRIC
