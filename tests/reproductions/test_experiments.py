"""Every shipped experiment composes, each of its models can be built, and its grid can be planned."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from va_experiments.cell import ModelSpec
from va_experiments.config.schema import JobConfig, conf_dir, parse_config
from va_experiments.data import simulate_deaths
from va_experiments.hydra_app.app import compose
from va_experiments.protocols import splits

pytestmark = pytest.mark.slow

NAMES = sorted(p.stem for p in (conf_dir() / "experiment").glob("*.yaml"))
MINE = {"loso": 15 * 6, "loso_dirichlet": 14 * 6, "ablation_hce": 10 * 6,
    "va34_comparison": 7 * 40, "learning_curve": 5 * 13 * 6,
    "reproduce_openva_ap": 4,
        "reproduce_mccormick_2016": 3 * 30, "reproduce_flaxman_2018": 6 * 20, "reproduce_li_2020": 2 * 20,
        "reproduce_murray_2014": 3 * 20}  # fmt: skip
"""Cells of each experiment on six sites."""


def sweep(name: str) -> dict[str, list[str]]:
    """The values of an experiment's own sweep, by key."""
    text = yaml.safe_load((Path(conf_dir()) / "experiment" / f"{name}.yaml").read_text(encoding="utf-8"))
    params = text.get("hydra", {}).get("sweeper", {}).get("params", {})
    return {key: str(values).split(",") for key, values in params.items()}


def composed(overrides: list[str]) -> JobConfig:
    return parse_config(compose(overrides))[1]


@pytest.mark.parametrize("name", sorted(MINE))
def test_it_composes_and_plans(name):
    values = sweep(name)
    first = {key: options[0] for key, options in values.items()}
    config = None
    for key, options in values.items():
        for option in options if key == "model" else options[:1]:
            job = first | {key: option}
            config = composed([f"experiment={name}", *(f"{k}={v}" for k, v in job.items())])
            ModelSpec.from_config(config.model)
    assert config is not None
    one = splits(config.protocol.with_seed(1), simulate_deaths(n=900), config.site.test_sites)
    assert len(one) * math.prod(map(len, values.values())) == MINE[name]


def test_none_is_forgotten():
    assert set(MINE) <= set(NAMES)
    assert {n for n in NAMES if n.startswith(("reproduce_", "loso"))} <= set(MINE)
