"""Define the launcher plug-in; it imports little, because Hydra imports it at every start, also for ``--help``.

Annotations are not postponed here: Hydra executes the module before it is registered, and dataclasses would look it up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from hydra_plugins.hydra_ray_launcher._config import RayConf
from omegaconf import DictConfig


@dataclass
class VaLauncherConf:
    """Config of ``hydra/launcher=va`` and ``hydra/launcher=ray``; the options are those of hydra-ray-launcher."""

    _target_: str = "hydra_plugins.va_launcher.launcher.VaLauncher"
    ray: RayConf = field(default_factory=RayConf)


# This folder is found after hydra-ray-launcher's, so that the name its users type means this launcher.
for name in ("va", "ray"):
    ConfigStore.instance().store(group="hydra/launcher", name=name, node=VaLauncherConf, provider="va_experiments")


class VaLauncher(Launcher):
    """Runs all jobs of a sweep as one multirun."""

    sweep_dir: str | None = None
    """Folder of the files of Hydra's sweeper, which writes them before any job is composed."""

    def __init__(self, ray: DictConfig) -> None:
        self.ray_cfg = ray
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Store what Hydra passes; refuse a grid that is empty or too large before its jobs are listed."""
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function
        from va_experiments.hydra_app.sweep_size import check_jobs, check_searched_keys, overrides_of_sweep

        overrides = overrides_of_sweep(config, hydra_context.config_loader)
        if str(config.hydra.sweeper._target_).endswith(".BasicSweeper"):
            limit = config.get("max_cells")
            check_jobs(overrides, limit if isinstance(limit, int) and limit > 0 else 2_000_000)
        else:
            check_searched_keys(overrides)
        VaLauncher.sweep_dir = str(config.hydra.sweep.dir)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a batch of jobs."""
        from va_experiments.hydra_app.session import launch

        return launch(self, job_overrides, initial_job_idx)
