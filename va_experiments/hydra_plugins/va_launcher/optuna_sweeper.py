"""The sweeper plug-in ``hydra/sweeper=optuna``. It imports little, because Hydra imports it at every start.

It has the options of hydra-optuna-sweeper and takes its name where that package is installed (the extra ``tuning``).
Annotations are not postponed here: Hydra executes the module before it is registered, and dataclasses would look it up.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

with contextlib.suppress(ImportError):
    from hydra_plugins.hydra_optuna_sweeper.config import OptunaSweeperConf

    @dataclass
    class VaOptunaConf(OptunaSweeperConf):
        """Config of ``hydra/sweeper=optuna``: other defaults for what a failed job and an omitted direction mean."""

        _target_: str = "hydra_plugins.va_launcher.optuna_sweeper.OptunaSweeper"
        direction: Any = None
        max_failure_rate: float = 1.0

    # This folder is found after hydra-optuna-sweeper's, so that the name its users type means this sweeper.
    ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=VaOptunaConf, provider="va_experiments")


class OptunaSweeper(Sweeper):
    """Searches with Optuna; see `va_experiments.hydra_app.search`."""

    def __init__(self, **options: Any) -> None:
        self.search: Any = None  # reads the options where they are checked, in the composed configuration

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Check the options of the search and of its jobs."""
        from hydra.core.plugins import Plugins

        from va_experiments.hydra_app.search import Search

        self.search = Search(config)
        self.search.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the trials."""
        self.search.run(arguments)
