"""Every file of ``conf/`` composes, and passes the checks that a run makes before its first fit."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from va_experiments.__main__ import register_plugins
from va_experiments.cell import ModelSpec
from va_experiments.config.schema import Config, conf_dir, parse_config
from va_experiments.data.registry import check_options
from va_experiments.errors import InputError
from va_experiments.metrics.testsets import testset_options
from va_experiments.protocols import protocol_options

CHOICES = sorted(
    f"{path.parent.name}={path.stem}" for path in conf_dir().glob("*/*.yaml") if path.parent.name != "experiment"
)
EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))


def composed(*overrides: str) -> Config:
    register_plugins()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        tree = OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=True)
    assert isinstance(tree, dict)
    return parse_config({k: v for k, v in tree.items() if k != "hydra"})


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_is_accepted(choice: str) -> None:
    config = composed(choice)
    ModelSpec.from_config(config.model)
    protocol_options({k: v for k, v in config.protocol.items() if v is not None})
    testset_options(config.testset)
    check_options(str(config.data["name"]), {k: v for k, v in config.data.items() if k != "name"})


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes(experiment: str) -> None:
    config = composed(f"experiment={experiment}")
    ModelSpec.from_config(config.model)


def test_the_whole_comparison_is_one_job_of_40_splits() -> None:
    from va_experiments.data import load
    from va_experiments.protocols import splits

    config = composed("experiment=va34_comparison", "data=simulated")
    deaths = load("simulated", {"n": 3000})
    found = splits({"seed": 1} | {k: v for k, v in config.protocol.items() if v is not None}, deaths, "all")
    assert config.va34_table
    assert sum(s.train_sites == s.test_sites and s.train_size == "all" for s in found) == 6
    assert sum(s.train_sites != s.test_sites for s in found) == 30
    assert [s.train_size for s in found if s.train_size != "all"] == [f"share={x}" for x in (0.1, 0.25, 0.5, 0.75)]
    assert len(found) == 40


def test_defaults_are_those_of_the_schema() -> None:
    """A key that stands in config.yaml has the same default there as in the dataclass."""
    import dataclasses

    config = composed()
    for f in dataclasses.fields(Config):
        if f.default is not dataclasses.MISSING:
            assert getattr(config, f.name) == f.default, f.name


def test_problems_of_a_tree_are_gathered() -> None:
    tree = {"modle": {}, "seed": True, "execution": {"bakend": 1}}
    with pytest.raises(InputError) as caught:
        parse_config(tree)
    text = str(caught.value)
    for expected in (
        "did you mean 'model'",
        "seed must be a whole number",
        "did you mean 'backend'",
        "'data' is missing",
    ):
        assert expected in text
