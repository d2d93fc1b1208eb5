"""Run the Hydra application: the arguments of a command line in, jobs run by our launcher.

Hydra reads its arguments from `sys.argv` and finds plug-ins in the folders of the package ``hydra_plugins``; both are
arranged here. `compose` gives the tree of one job without running it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from va_experiments.config.schema import conf_dir
from va_experiments.errors import InputError, shown_path
from va_experiments.hydra_app.command_line import FLAGS, CommandLine, split_arguments
from va_experiments.hydra_app.config_allowlist import guard
from va_experiments.hydra_app.config_errors import format_error, remove_empty_run
from va_experiments.hydra_app.grammar_errors import check_length, parse_overrides
from va_experiments.hydra_app.mapping_overrides import with_whole_mappings
from va_experiments.hydra_app.override_checks import check_overrides, config_groups
from va_experiments.hydra_app.own_names import with_own_names
from va_experiments.redaction import redacted, remember_environment, remember_secrets_of
from va_experiments.terminal import say

__all__ = ["compose", "hydra_arguments", "register_plugins", "remove_sweep_folder", "run", "runs_jobs"]


def run(arguments: Sequence[str]) -> None:
    """Compose the jobs of a command line and run them; `session.session` holds the run that has to be closed.

    Parameters
    ----------
    arguments : sequence of str
        Overrides and options, without the program's name.

    Raises
    ------
    InputError, HydraException, OmegaConfBaseException
        For a command or a file of the configuration that cannot be used; see `config_errors`.
    SystemExit
        By Hydra, after ``--help`` and the like.
    """
    line = split_arguments(arguments)
    check_length(line.overrides)
    line = dataclasses.replace(line, overrides=with_whole_mappings(line.overrides))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors are printed once, by whoever called this
    register_plugins()
    import hydra

    guard()
    _compose_once()
    remember_environment()
    if line.config_dir is not None and not Path(line.config_dir).is_dir():
        problem = f"--config-dir {shown_path(line.config_dir)}: there is no such folder in {shown_path(Path.cwd())}"
        raise InputError(f"{problem}; change to the folder that holds it, or name it with its whole path")
    parsed = parse_overrides(line.overrides)
    for override in parsed:
        remember_secrets_of(override.value(), str(override.get_key_element()).lstrip("+~"))
    check_overrides(parsed, config_groups(line.config_dir))
    line.overrides = with_own_names(parsed, line.config_dir)

    @hydra.main(config_path=str(conf_dir()), config_name="config", version_base="1.3")
    def app(config: object) -> None:
        raise AssertionError("jobs run through the launcher")

    typed = sys.argv
    sys.argv = [typed[0], *hydra_arguments(line)]
    shown = io.StringIO()
    try:
        with contextlib.redirect_stdout(shown) if line.shows else contextlib.nullcontext():
            app()
    finally:
        sys.argv = typed  # the manifest records the command as it was typed
        if line.shows:
            say(redacted(shown.getvalue()).rstrip("\n"))


def _compose_once() -> None:
    """Leave out two of the four times that Hydra composes each job: to ask for its mode, and to try it beforehand.

    The mode is always that of a sweep, and the launcher composes all jobs of a batch before one of them runs.
    """
    from hydra._internal.hydra import Hydra
    from hydra.plugins.sweeper import Sweeper

    Hydra.get_mode = lambda self, config_name, overrides: None  # type: ignore[method-assign]
    Sweeper.validate_batch_is_legal = lambda self, batch: None  # type: ignore[method-assign]


def hydra_arguments(line: CommandLine) -> list[str]:
    """Return the arguments as Hydra reads them: flags first, and one --multirun unless something is shown.

    Every command is a multirun here. Hydra refuses overrides on both sides of a flag; without --multirun it calls a
    sweep ambiguous, also if something else is wrong with the command.
    """
    own_help = "--hydra-help" in line.flags  # composed without this program's configuration
    overrides = [o for o in line.overrides if not own_help or o.lstrip("+~").startswith("hydra")]
    return [*([] if line.shows else ["--multirun"]), *line.flags, "--", *overrides]


def runs_jobs(arguments: Sequence[str]) -> bool:
    """Return whether a command line runs jobs; with ``--cfg`` and the like something is shown and nothing runs."""
    shows = {name for flag in FLAGS if flag.shows for name in flag.names}
    return not any(a.partition("=")[0] in shows for a in arguments)


def register_plugins() -> None:
    """Let Hydra find the launcher of this package, wherever the package is installed."""
    import hydra_plugins

    folder = str(Path(__file__).resolve().parents[1] / "hydra_plugins")
    if folder not in hydra_plugins.__path__:
        hydra_plugins.__path__.append(folder)


def compose(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the tree that one job's overrides compose, as plain data.

    Raises
    ------
    InputError
        For overrides that cannot be composed.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    register_plugins()
    try:
        with initialize_config_dir(config_dir=str(conf_dir()), version_base="1.3"):
            composed = hydra_compose("config", overrides=with_whole_mappings(overrides))
            tree = OmegaConf.to_container(composed, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(format_error(error, conf_dir())) from None
    assert isinstance(tree, dict)
    return {str(k): v for k, v in tree.items() if k != "hydra"}


def remove_sweep_folder() -> None:
    """Remove the folder that Hydra's sweeper made for a run in which nothing was computed."""
    plugin = sys.modules.get("hydra_plugins.va_launcher.launcher")
    if plugin is not None and plugin.VaLauncher.sweep_dir is not None:
        remove_empty_run(Path(plugin.VaLauncher.sweep_dir))
