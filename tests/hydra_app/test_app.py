"""The Hydra application: one kind of command, one launcher under the names that people type, trees without a run."""

from __future__ import annotations

import pytest

from tests.bad_inputs.test_commands import refused
from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, run_here
from va_experiments.errors import InputError
from va_experiments.hydra_app.app import compose, hydra_arguments
from va_experiments.hydra_app.command_line import split_arguments


def test_every_command_is_a_multirun_with_or_without_its_flag() -> None:
    for flags in ([], ["-m"], ["--multirun"], ["-r"], ["--debug"]):
        assert hydra_arguments(split_arguments([*flags, "model=nbc"])) == ["--multirun", "--", "model=nbc"]
    line = split_arguments(["model=nbc", "-m", "seed=1"])
    assert hydra_arguments(line) == ["--multirun", "--", "model=nbc", "seed=1"]
    assert hydra_arguments(split_arguments(["--cfg", "job", "-m"])) == ["--cfg=job", "--"]


def test_compose_gives_plain_data_without_hydra_s_own_group() -> None:
    tree = compose(["model=nbc", "seed=3"])
    assert (tree["model"]["name"], tree["seed"], type(tree["model"])) == ("nbc", 3, dict)
    assert "hydra" not in tree
    with pytest.raises(InputError, match="did you mean 'interva'"):
        compose(["model=intreva"])


def test_the_name_that_users_of_hydra_ray_launcher_type_means_this_launcher() -> None:
    from hydra.core.config_store import ConfigStore

    with elsewhere():
        code, text = run_here(
            (
                "hydra/launcher=ray",
                "+hydra.launcher.ray.init.num_cpus=2",
                "model=nbc",
                "site=ap",
                "dry_run=true",
                *QUICK,
            )
        )
    assert code == 0, text
    for name in ("va.yaml", "ray.yaml"):
        node = ConfigStore.instance().repo["hydra"]["launcher"][name]
        assert node.provider == "va_experiments", f"hydra/launcher={name} is stored last by {node.provider}"
        assert node.node._target_ == "hydra_plugins.va_launcher.launcher.VaLauncher"


def test_option_names_are_those_of_hydra_ray_launcher() -> None:
    from hydra.core.config_store import ConfigStore
    from hydra_plugins.hydra_ray_launcher._config import RayConf
    from omegaconf import OmegaConf

    compose([])
    stored = ConfigStore.instance().repo["hydra"]["launcher"]["ray.yaml"].node.ray
    assert OmegaConf.to_container(stored) == OmegaConf.to_container(OmegaConf.structured(RayConf))


def test_the_launcher_that_starts_machines_is_refused_with_the_way_to_join_a_cluster() -> None:
    with elsewhere() as root:
        refused(
            ("hydra/launcher=ray_aws", "model=nbc", *QUICK),
            "no machines are started here: start a cluster (ray up), join it with execution.address=",
            root,
        )


def test_a_number_of_workers_that_cannot_work_is_refused_under_the_names_of_ray_s_launcher_too() -> None:
    with elsewhere() as root:
        refused(
            ("+hydra.launcher.ray.init.num_cpus=many", "model=nbc", *QUICK),
            "execution.num_workers must be a whole number >= 1; got 'many' (str)",
            root,
        )
