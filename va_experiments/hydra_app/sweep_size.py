"""Check the overrides of a sweep before its first job: how many jobs a grid has, and which keys a search varies."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.errors import InputError, shown
from va_experiments.hydra_app.grammar_errors import parse_overrides
from va_experiments.hydra_app.override_checks import check_params

__all__ = ["check_jobs", "check_searched_keys", "overrides_of_sweep"]


def overrides_of_sweep(config: Any, loader: Any) -> list[Any]:
    """Return the overrides of ``hydra.sweeper.params`` and of the command, parsed; refuse what would be dropped.

    Parameters
    ----------
    config : omegaconf.DictConfig
        The composed configuration of the command.
    loader : hydra.core.config_loader.ConfigLoader

    Raises
    ------
    InputError
    """
    params = dict(config.hydra.sweeper.get("params") or {})
    command = parse_overrides(config.hydra.overrides.task, loader)
    check_params(params, command, loader.list_groups(""))
    return [*parse_overrides([f"{k}={v}" for k, v in params.items()], loader), *command]


def check_jobs(overrides: Iterable[Any], limit: int) -> None:
    """Refuse a grid without a job, or with more jobs than `limit`.

    Parameters
    ----------
    overrides : iterable of hydra.core.override_parser.types.Override
        Of a grid sweep; of several for one key the last counts, as for Hydra.
    limit : int

    Raises
    ------
    InputError
    """
    counts: dict[str, tuple[int, str]] = {}
    for override in overrides:
        counts[override.get_key_element()] = (_values(override), str(override.input_line))
    empty = [text for n, text in counts.values() if n == 0]
    if empty:
        raise InputError([f"the grid is empty: {shown(text)} has no value; the sweep has no jobs" for text in empty])
    jobs = math.prod(n for n, _ in counts.values())
    if jobs > limit:
        _, widest = max(counts.values())
        raise InputError(
            f"the grid has {jobs:,} jobs (widest: {shown(widest)}), more than max_cells={limit:,}; make it smaller, or "
            f"raise the limit with max_cells=N"
        )


def check_searched_keys(overrides: Iterable[Any]) -> None:
    """Refuse a search over keys of the run: a command has one value of each.

    The jobs of a grid are compared before the first one runs; those of an adaptive search are not known then.

    Parameters
    ----------
    overrides : iterable of hydra.core.override_parser.types.Override

    Raises
    ------
    InputError
    """
    swept = {o.get_key_element().lstrip("+"): str(o.input_line) for o in overrides if o.is_sweep_override()}
    problems = [
        f"{shown(text)}: '{key}' belongs to the run and cannot be searched over; give it one value, or search over "
        f"keys of a job ({', '.join(JobConfig.model_fields)})"
        for key, text in swept.items()
        if key.partition(".")[0].partition("@")[0].partition("/")[0] in RunConfig.model_fields
    ]
    if problems:
        raise InputError(problems)


def _values(override: Any) -> int:
    """Return how many values an override sweeps over; 1 where it sweeps over none."""
    from hydra.core.override_parser.types import ChoiceSweep, Glob, RangeSweep

    if not override.is_sweep_override():
        return 1
    value = override.value()
    if isinstance(value, ChoiceSweep):
        return len(value.list)
    if isinstance(value, Glob):
        return len(list(override.sweep_iterator()))  # the files of its group that it takes
    if isinstance(value, RangeSweep) and value.start is not None and value.stop is not None and value.step:
        steps = (value.stop - value.start) / value.step
        return max(0, math.ceil(steps)) if math.isfinite(steps) else 10**18
    return 1
