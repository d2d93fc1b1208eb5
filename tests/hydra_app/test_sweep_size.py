"""Overrides of a sweep are checked before its first job."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from va_experiments.errors import InputError
from va_experiments.hydra_app.sweep_size import check_jobs, check_searched_keys


def parsed(*overrides: str) -> list:
    return OverridesParser.create().parse_overrides(list(overrides))


def test_the_jobs_of_a_grid_are_counted_and_too_many_are_refused() -> None:
    grid = parsed("model=nbc,interva", "seed=range(0,50)", "site=ap")
    check_jobs(grid, 100)
    with pytest.raises(InputError, match=r"the grid has 100 jobs .*, more than max_cells=99"):
        check_jobs(grid, 99)
    with pytest.raises(InputError, match="the grid is empty"):
        check_jobs(parsed("seed=range(5,1)"), 100)


def test_the_last_of_several_values_for_a_key_counts() -> None:
    check_jobs(parsed("seed=1,2,3", "seed=4"), 1)


@pytest.mark.parametrize(
    "override",
    ["objective=top1,log_loss", "execution.window=range(1,4)", "execution=choice(ray,inline)", "+report=true,false"],
)
def test_a_search_over_a_key_of_the_run_is_refused_before_the_first_job(override: str) -> None:
    key = override.partition("=")[0].lstrip("+")
    with pytest.raises(InputError, match=rf"'{key}' belongs to the run and cannot be searched over"):
        check_searched_keys(parsed("model.alpha=interval(0.1,2)", override))


def test_a_search_over_keys_of_a_job_is_accepted() -> None:
    check_searched_keys(parsed("model.alpha=interval(0.1,2)", "seed=1,2", "objective=top1", "execution=inline"))
