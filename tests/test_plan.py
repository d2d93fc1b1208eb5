"""The plan: every cell once, in a fixed order, fits shared, the longest first, and small enough for a million cells."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from va_experiments.cell import Cell, ModelSpec
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.plan import Costs, Job, Plan, plan


def config(name: str = "nbc", protocol: dict | None = None, **changes: object) -> JobConfig:
    targets = {
        "nbc": "va_experiments.models.nbc.NaiveBayes",
        "prior": "va_experiments.models.priors.Prior",
        "insilico": "va_experiments.models.insilico.insilico.InSilicoVA",
    }
    fields: dict = {
        "model": {"name": name, "_target_": targets[name]},
        "data": {"name": "simulated"},
        "site": {"name": "all", "test_sites": "all"},
        "features": {"name": "hce"},
        "protocol": protocol or {"name": "leave_one_site_out"},
        "testset": {"name": "natural"},
        "baselines": (),
    }
    return JobConfig.model_validate(fields | changes)


def planned(deaths: Deaths, *configs: JobConfig, run: RunConfig | None = None) -> Plan:
    jobs = [Job(i, (f"job={i}",), c, deaths.fingerprint) for i, c in enumerate(configs)]
    return plan(jobs, {deaths.fingerprint: deaths}, run=run)


def sizes(deaths: Deaths) -> dict[str, dict[str, int]]:
    count = np.bincount(deaths.site, minlength=len(deaths.sites)).tolist()
    return {deaths.fingerprint: dict(zip(deaths.sites, count, strict=True))}


ONE_TO_ONE = {"name": "one_to_one", "same_site": True, "folds": 1}


def test_one_fit_serves_every_site_that_it_is_tested_on(small_deaths: Deaths) -> None:
    found = planned(small_deaths, config(protocol=ONE_TO_ONE))
    tasks = found.tasks(range(len(found)), sizes(small_deaths), Costs())
    # 3 sites: 6 ordered pairs in 3 fits, and 3 in-domain splits with a fit of their own each
    assert len(found) == 9
    assert sorted(len(fit.cells) for fit in tasks) == [1, 1, 1, 2, 2, 2]
    for fit in tasks:
        assert {cell.fit_key for cell in fit.cells} == {fit.key}
        rows = [cell.split.indices(small_deaths)[0] for cell in fit.cells]
        assert all(np.array_equal(a, b) for a, b in pairwise(rows))


def test_cells_of_two_jobs_are_there_once(small_deaths: Deaths) -> None:
    twice = planned(small_deaths, config(), config(), config("prior"))
    assert len(twice) == 6
    assert [rows.tolist() for rows in twice.job_cells] == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    overlapping = planned(
        small_deaths, config(protocol={**ONE_TO_ONE, "same_site": False}), config(protocol=ONE_TO_ONE)
    )
    assert len(overlapping) == 9
    assert set(overlapping.job_cells[0].tolist()) < set(overlapping.job_cells[1].tolist())


def test_keys_are_those_of_the_cells(small_deaths: Deaths) -> None:
    found = planned(small_deaths, config(protocol=ONE_TO_ONE), config("prior"))
    for row in range(len(found)):
        cell = found.cell(row)
        assert isinstance(cell, Cell)
        assert found.key(row) == cell.key
        assert found.row(cell.key) == row
    with pytest.raises(KeyError):
        found.row("0" * 64)
    by_fit: dict[int, set[str]] = {}
    for row, fit in enumerate(found.fits.tolist()):
        by_fit.setdefault(fit, set()).add(found.cell(row).fit_key)
    assert all(len(keys) == 1 for keys in by_fit.values())
    assert len({next(iter(keys)) for keys in by_fit.values()}) == len(by_fit)


def test_the_longest_fit_comes_first_and_ties_keep_the_plan_s_order(small_deaths: Deaths) -> None:
    found = planned(small_deaths, config("prior"), config("nbc"))
    slow = found.models[1].digest.hex()[:16]
    tasks = found.tasks(range(len(found)), sizes(small_deaths), Costs({slow: 1.0}))
    assert [fit.model.name for fit in tasks] == ["nbc"] * 3 + ["prior"] * 3
    assert tasks.seconds.tolist() == sorted(tasks.seconds.tolist(), reverse=True)
    # leave one site out: whoever is left out, 300 deaths are trained or tested on, so all three cost the same
    assert [fit.cells[0].split.test_site for fit in tasks[:3]] == ["North", "South", "West"]
    assert tasks.seconds[0] == 300.0
    assert [fit.key for fit in found.tasks(range(len(found)), {}, Costs())] == [found.cell(r).fit_key for r in range(6)]


def test_a_subset_of_the_cells_keeps_its_fits_together(small_deaths: Deaths) -> None:
    found = planned(small_deaths, config(protocol=ONE_TO_ONE))
    todo = [0, 1, 2, 4, 8]
    tasks = found.tasks(reversed(todo), sizes(small_deaths), Costs())
    assert sorted(found.row(c.key) for fit in tasks for c in fit.cells) == todo
    assert len(tasks) == len({found.cell(r).fit_key for r in todo})
    assert len(found.tasks([], sizes(small_deaths), Costs())) == 0


def test_cells_of_a_joint_model_are_separate_tasks(small_deaths: Deaths) -> None:
    found = planned(small_deaths, config("insilico", protocol=ONE_TO_ONE))
    assert ModelSpec.from_config(config("insilico").model).prediction_is_costly
    assert [len(fit.cells) for fit in found.tasks(range(9), sizes(small_deaths), Costs())] == [1] * 9


def test_a_smaller_training_set_is_expected_to_cost_less(small_deaths: Deaths) -> None:
    protocol = {"name": "in_domain", "folds": 1, "train_size": [0.25, 1.0, 10]}
    found = planned(small_deaths, config(protocol=protocol, site={"name": "north", "test_sites": "North"}))
    tasks = found.tasks(range(len(found)), sizes(small_deaths), Costs())
    assert [fit.cells[0].split.train_size for fit in tasks] == ["all", "share=0.25", "n=10"]


def test_a_grid_beyond_the_limit_is_refused(small_deaths: Deaths) -> None:
    with pytest.raises(InputError, match=r"raise it with max_cells=N"):
        planned(small_deaths, config(protocol={"name": "pooled", "repeats": 50}), run=RunConfig(max_cells=49))


def test_the_plan_does_not_depend_on_the_name_of_the_data(small_deaths: Deaths) -> None:
    first, second = planned(small_deaths, config()), planned(small_deaths, config())
    assert (first.keys == second.keys).all()


def test_a_cell_has_the_setting_of_its_job(small_deaths: Deaths) -> None:
    changes = {"csmf": "em", "n_bootstrap": 7, "seed": 3, "testset": {"name": "dirichlet", "n_resamples": 5}}
    job = config(**changes)
    setting = planned(small_deaths, job).cell(0).setting
    assert (setting.csmf, setting.n_bootstrap, setting.seed) == ("em", 7, 3)
    assert setting.testset == job.testset.tree()
    assert setting.testset["n_resamples"] == 5
    assert (setting.data, setting.fingerprint, setting.features) == ("small", small_deaths.fingerprint, "hce")
    plain = planned(small_deaths, config())
    for name, value in changes.items():
        other = planned(small_deaths, config(**{name: value}))
        assert not set(other.keys.tolist()) & set(plain.keys.tolist()), name
