"""The options and the space of a search with Optuna: checked before anything runs, each problem in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.metrics.registry import lower_is_better
from va_experiments.redaction import redacted

__all__ = ["check_options", "direction_of", "grid_values", "search_space"]

DIRECTIONS = ("maximize", "minimize")


def direction_of(value: Any, objective: str) -> str:
    """Return ``maximize`` or ``minimize``: what is better for the metric.

    Parameters
    ----------
    value : object
        ``hydra.sweeper.direction``; None for that of the metric.
    objective : str
        Name of the metric.

    Raises
    ------
    InputError
        For anything else, and for the direction in which the metric gets worse.
    """
    better = "minimize" if lower_is_better(objective) else "maximize"
    if value is None:
        return better
    if isinstance(value, (list, tuple)):
        raise InputError(
            f"hydra.sweeper.direction has {len(value)} directions: a search has one objective, {objective}; leave the "
            "direction out, and choose the metric with objective="
        )
    name = str(getattr(value, "name", value)).lower()
    if name not in DIRECTIONS:
        raise InputError(
            f"hydra.sweeper.direction is {shown(str(value))}; known: {', '.join(DIRECTIONS)}"
            f"{did_you_mean(name, DIRECTIONS)}; without it, {objective} is {better}d"
        )
    if name != better:
        raise InputError(
            f"hydra.sweeper.direction is {name}, but {objective} is better when it is "
            f"{'smaller' if better == 'minimize' else 'larger'}: the search would look for the worst value; leave the "
            "direction out"
        )
    return better


def check_options(options: Mapping[str, Any], sampler: str) -> None:
    """Refuse numbers of trials, of jobs and of failures, samplers and ways to write a space that cannot be used.

    Raises
    ------
    InputError
        With all of them.
    """
    problems = []
    for key, what in (("n_trials", "trials in all"), ("n_jobs", "trials in a batch")):
        value = options.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            problems.append(f"hydra.sweeper.{key} ({what}) must be a whole number >= 1; got {shown(value)}")
    rate = options.get("max_failure_rate")
    if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        problems.append(
            "hydra.sweeper.max_failure_rate must be a number from 0 (a failed trial ends the search) to 1 "
            f"(it goes on); got {shown(rate)}"
        )
    if options.get("search_space"):
        problems.append("hydra.sweeper.search_space is not used: write hydra.sweeper.params, KEY: interval(LOW,HIGH)")
    if sampler.endswith(".CmaEsSampler") and find_spec("cma") is None:
        problems.append("hydra/sweeper/sampler=cmaes needs the package cma: pip install cma, or choose tpe or random")
    if problems:
        raise InputError(problems)


def search_space(overrides: Sequence[Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return Optuna's distribution of each key that is searched over, and the value of each other key.

    Parameters
    ----------
    overrides : sequence of hydra.core.override_parser.types.Override

    Raises
    ------
    InputError
        For a space that holds no value, or that no sampler can search.
    """
    from hydra_plugins.hydra_optuna_sweeper._impl import create_optuna_distribution_from_override

    space: dict[str, Any] = {}
    fixed: dict[str, str] = {}
    problems = []
    for override in overrides:
        key, typed = str(override.get_key_element()), redacted(shown(str(override.input_line)))
        space.pop(key, None)
        fixed.pop(key, None)
        if not override.is_sweep_override():
            fixed[key] = override.get_value_element_as_str()
            continue
        if problem := _empty(override):
            problems.append(f"{typed}: {problem}")
            continue
        try:
            space[key] = create_optuna_distribution_from_override(override)
        except (NotImplementedError, AssertionError):
            problems.append(f"{typed} cannot be searched over; list the values, as in {key}=choice(a,b)")
        except ValueError as error:
            problems.append(f"{typed} cannot be searched over: {error}")
    if not space and not problems:
        problems.append(
            "the search has no key to vary; give one in hydra.sweeper.params or on the command line, as in "
            "'model.alpha=interval(0.1,5)'"
        )
    if problems:
        raise InputError(problems)
    return space, fixed


def _empty(override: Any) -> str:
    """Return why a range holds no value; nothing where it does."""
    value = override.value()
    if override.is_interval_sweep():
        low, high = value.start, value.end
        if not (math.isfinite(low) and math.isfinite(high)):
            return f"both ends of a range must be finite numbers; got {low} and {high}"
        if low > high:
            return f"its lower end {low} is above its upper end {high}; write interval({high},{low})"
        if "log" in value.tags and low <= 0:
            return f"on a log scale the lower end must be above 0; got {low}"
    if override.is_range_sweep() and value.start is not None and value.stop is not None:
        if value.step is None or value.step <= 0:
            return f"the step must be above 0; got {value.step}"
        if value.start > value.stop:
            return f"it begins at {value.start}, above its end {value.stop}; write range({value.stop},{value.start})"
    return ""


def grid_values(space: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return every value of each key, for a sampler that tries all of them.

    Raises
    ------
    InputError
        For a key with infinitely many values.
    """
    values: dict[str, list[Any]] = {}
    for key, distribution in space.items():
        if hasattr(distribution, "choices"):
            values[key] = list(distribution.choices)
        elif step := getattr(distribution, "step", None) or getattr(distribution, "q", None):
            count = int((distribution.high - distribution.low) / step + 1e-9) + 1
            values[key] = [distribution.low + i * step for i in range(count)]
        else:
            raise InputError(
                f"hydra/sweeper/sampler=grid tries every value, but '{key}' has infinitely many: write "
                f"{key}=choice(...) or range(...); or choose another sampler"
            )
    return values
