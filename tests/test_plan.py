"""The plan: every cell once, in a fixed order, fits shared, the longest first, and small enough for a million cells."""

from __future__ import annotations

import dataclasses
import sys
import types
from itertools import pairwise

import numpy as np
import pytest

from va_experiments.cell import Cell, ModelSpec
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models.nbc import NaiveBayes
from va_experiments.plan import Costs, Job, Plan, _distinct, _expected, plan
from va_experiments.typical_costs import TYPICAL


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
    job_plan = planned(small_deaths, config(protocol=ONE_TO_ONE))
    tasks = job_plan.tasks(range(len(job_plan)), sizes(small_deaths), Costs())
    # 3 sites: 6 ordered pairs in 3 fits, and 3 in-domain splits with a fit of their own each
    assert len(job_plan) == 9
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
    job_plan = planned(small_deaths, config(protocol=ONE_TO_ONE), config("prior"))
    for row in range(len(job_plan)):
        cell = job_plan.cell(row)
        assert isinstance(cell, Cell)
        assert job_plan.key(row) == cell.key
        assert job_plan.row(cell.key) == row
    with pytest.raises(KeyError):
        job_plan.row("0" * 64)
    by_fit: dict[int, set[str]] = {}
    for row, fit in enumerate(job_plan.fits.tolist()):
        by_fit.setdefault(fit, set()).add(job_plan.cell(row).fit_key)
    assert all(len(keys) == 1 for keys in by_fit.values())
    assert len({next(iter(keys)) for keys in by_fit.values()}) == len(by_fit)


def test_the_longest_fit_comes_first_and_ties_keep_the_plan_s_order(small_deaths: Deaths) -> None:
    job_plan = planned(small_deaths, config("prior"), config("nbc"))
    slow = job_plan.models[1].digest.hex()[:16]
    tasks = job_plan.tasks(range(len(job_plan)), sizes(small_deaths), Costs({slow: 1.0}))
    assert [fit.model.name for fit in tasks] == ["nbc"] * 3 + ["prior"] * 3
    assert tasks.seconds.tolist() == sorted(tasks.seconds.tolist(), reverse=True)
    # leave one site out: whoever is left out, 300 deaths are trained or tested on, so all three cost the same
    assert [fit.cells[0].split.test_site for fit in tasks[:3]] == ["North", "South", "West"]
    assert tasks.seconds[0] == pytest.approx(300.01)
    assert [fit.key for fit in job_plan.tasks(range(len(job_plan)), {}, Costs())] == [
        job_plan.cell(r).fit_key for r in range(6)
    ]


def test_a_subset_of_the_cells_keeps_its_fits_together(small_deaths: Deaths) -> None:
    job_plan = planned(small_deaths, config(protocol=ONE_TO_ONE))
    todo = [0, 1, 2, 4, 8]
    tasks = job_plan.tasks(reversed(todo), sizes(small_deaths), Costs())
    assert sorted(job_plan.row(c.key) for fit in tasks for c in fit.cells) == todo
    assert len(tasks) == len({job_plan.cell(r).fit_key for r in todo})
    assert len(job_plan.tasks([], sizes(small_deaths), Costs())) == 0


def test_runs_that_share_cells_take_fits_of_similar_length_in_orders_of_their_own(small_deaths: Deaths) -> None:
    job_plan = planned(small_deaths, config("prior", ONE_TO_ONE), config("nbc", ONE_TO_ONE))
    one, again, other = (
        job_plan.tasks(range(len(job_plan)), sizes(small_deaths), Costs(), own_order=name) for name in ("a", "a", "b")
    )
    keys = [[fit.key for fit in tasks] for tasks in (one, again, other)]
    assert keys[0] == keys[1] != keys[2]
    usual = job_plan.tasks(range(len(job_plan)), sizes(small_deaths), Costs())
    assert sorted(keys[0]) == sorted(keys[2]) == sorted(fit.key for fit in usual)
    for tasks in (one, other):
        assert (tasks.seconds[:-1] >= tasks.seconds[1:] / 2).all(), "still the long ones first"


def test_cells_of_a_joint_model_are_separate_tasks(small_deaths: Deaths) -> None:
    job_plan = planned(small_deaths, config("insilico", protocol=ONE_TO_ONE))
    assert ModelSpec.from_config(config("insilico").model).prediction_is_costly
    assert [len(fit.cells) for fit in job_plan.tasks(range(9), sizes(small_deaths), Costs())] == [1] * 9


def test_a_smaller_training_set_is_expected_to_cost_less(small_deaths: Deaths) -> None:
    protocol = {"name": "in_domain", "folds": 1, "train_size": [0.25, 1.0, 10]}
    job_plan = planned(small_deaths, config(protocol=protocol, site={"name": "north", "test_sites": "North"}))
    tasks = job_plan.tasks(range(len(job_plan)), sizes(small_deaths), Costs())
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


def test_baselines_run_on_the_splits_of_their_job(small_deaths: Deaths) -> None:
    job_plan = planned(small_deaths, config(baselines=("prior", "uniform")), config("prior", baselines=["prior"]))
    assert len(job_plan) == 9
    assert [m.name for m in job_plan.models] == ["nbc", "prior", "uniform"]
    first, second = job_plan.job_baselines
    assert {name: rows.tolist() for name, rows in first.items()} == {"prior": [3, 4, 5], "uniform": [6, 7, 8]}
    assert {name: rows.tolist() for name, rows in second.items()} == {"prior": [3, 4, 5]}
    assert job_plan.job_cells[1].tolist() == [3, 4, 5]
    assert job_plan.requested.tolist() == [0, 1, 2, 3, 4, 5]
    for rows in (*first.values(), *job_plan.job_cells):
        assert [job_plan.cell(row).split.test_site for row in rows.tolist()] == ["North", "South", "West"]
    assert job_plan.cell(6).model.target == "va_experiments.models.priors.Uniform"
    assert len(job_plan.settings) == 1


def test_an_unknown_baseline_is_refused(small_deaths: Deaths) -> None:
    from va_experiments.plan import _Builder

    builder, spec = (
        _Builder({small_deaths.fingerprint: small_deaths}, RunConfig()),
        ModelSpec.from_config(config().model),
    )
    job = config().model_copy(update={"baselines": ("prior", "priors", "none")})
    with pytest.raises(InputError) as caught:
        builder.add(Job(0, (), job, small_deaths.fingerprint), spec)
    assert list(caught.value.problems) == ["baselines: unknown 'priors'; known: prior, uniform, majority"]


def test_the_limit_counts_baselines_and_is_allowed_itself(small_deaths: Deaths) -> None:
    job = config(protocol={"name": "pooled", "repeats": 5}, baselines=("prior", "uniform"))
    assert len(planned(small_deaths, job, run=RunConfig(max_cells=15))) == 15
    with pytest.raises(InputError) as caught:
        planned(small_deaths, job, run=RunConfig(max_cells=14))
    assert str(caught.value) == (
        "5 cells (and 2 baselines on the same splits) are more than max_cells=14; raise it with max_cells=N"
    )
    at_one_site = config(site={"name": "north", "test_sites": "North"})
    assert len(planned(small_deaths, at_one_site, run=RunConfig(max_cells=1))) == 1


def test_the_problems_of_all_jobs_are_listed_with_their_job(small_deaths: Deaths) -> None:
    words = config(features={"name": "hce_words"})
    fixed = JobConfig.model_validate(
        {
            **config().model_dump(),
            "model": {"name": "interva5", "_target_": "va_experiments.models.interva.interva5.InterVA5"},
        }
    )
    assigned = config(protocol={"name": "assign"})
    no_words = (
        "features=hce_words: the data 'small' have no words of the narrative; choose features=hce, or name their "
        "columns (data.words of a table; the columns word_* of a PHMRC file)"
    )
    not_trained = (
        "model 'interva5' has fixed knowledge and is not trained: choose protocol=assign, or a model that trains; "
        "score_at= compares them at a common level of causes"
    )
    to_be_trained = (
        "model 'nbc' has to be trained, but protocol=assign trains nothing on these data; name deaths with known "
        "causes too: data=train_and_assign data.train=FILE data.assign=FILE"
    )
    with pytest.raises(InputError) as caught:
        planned(small_deaths, words, config(), fixed, assigned)
    assert list(caught.value.problems) == [
        f"job 0 (job=0): {no_words}",
        f"job 2 (job=2): {not_trained}",
        f"job 3 (job=3): {to_be_trained}",
    ]
    with pytest.raises(InputError) as caught:
        planned(small_deaths, config(), words)
    assert list(caught.value.problems) == [f"job 1 (job=1): {no_words}"]
    assert len(planned(small_deaths, fixed.model_copy(update={"protocol": assigned.protocol}))) > 0
    for job, problem in ((words, no_words), (fixed, not_trained), (assigned, to_be_trained)):
        with pytest.raises(InputError) as caught:
            planned(small_deaths, job)
        assert list(caught.value.problems) == [problem], "of a single job, without its name"


def test_words_of_the_narrative_are_a_feature_level_where_the_data_have_them(small_deaths: Deaths) -> None:
    deaths = dataclasses.replace(small_deaths, blocks=("core",) * 11 + ("word",))
    assert len(planned(deaths, config(features={"name": "hce_words"}))) == 3


def test_unknown_objectives_causes_and_estimators_are_refused(small_deaths: Deaths) -> None:
    with pytest.raises(InputError, match=r"^objective"):
        planned(small_deaths, config(), run=RunConfig.model_construct(**{**vars(RunConfig()), "objective": "top9"}))
    target = {"name": "target", "csmf": {"cause A": 0.5, "cause Z": 0.5}}
    with pytest.raises(InputError, match="cause Z"):
        planned(small_deaths, config(testset=target))
    planned(small_deaths, config(testset={"name": "target", "csmf": {"cause A": 0.5, "cause B": 0.5}}))
    with pytest.raises(InputError, match="csmf is 'emm'"):
        planned(small_deaths, config().model_copy(update={"csmf": "emm"}))


def test_models_that_are_built_already_are_taken(small_deaths: Deaths) -> None:
    jobs = [Job(0, (), config(), small_deaths.fingerprint)]
    spec = dataclasses.replace(ModelSpec.from_config(config().model), code="edited")
    job_plan = plan(jobs, {small_deaths.fingerprint: small_deaths}, [spec])
    assert job_plan.models == (spec,)
    assert job_plan.job_models == (spec,)


def test_models_come_from_packages_that_the_run_allows(small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("mymodels")
    module.Mine = type("Mine", (NaiveBayes,), {"__module__": "mymodels"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mymodels", module)
    job = config().model_copy(update={"model": {"name": "mine", "_target_": "mymodels.Mine"}})
    with pytest.raises(InputError, match="mymodels"):
        planned(small_deaths, job)
    assert len(planned(small_deaths, job, run=RunConfig(allowed_targets=("mymodels",)))) == 3


def test_the_seed_of_the_job_is_that_of_its_protocol(small_deaths: Deaths) -> None:
    job_plan = planned(small_deaths, *(config(protocol={"name": "pooled"}, seed=seed) for seed in (1, 3)))
    first = [job_plan.cell(int(rows[0])) for rows in job_plan.job_cells]
    assert [cell.split.seed for cell in first] == [1, 3]
    assert not np.array_equal(*(cell.split.indices(small_deaths)[1] for cell in first))
    with_seed = planned(small_deaths, config(protocol={"name": "pooled", "seed": 7}, seed=3)).cell(0)
    assert (with_seed.split.seed, with_seed.setting.seed) == (7, 3)


def test_settings_differ_by_job_and_cells_keep_the_plan_s_order_in_a_fit(small_deaths: Deaths) -> None:
    estimators = ("model", "em", "bbse", "adjusted_count", "mean_probability", "classify_and_count")
    jobs = [config(protocol=ONE_TO_ONE, csmf=csmf) for csmf in (*estimators, "em")]
    job_plan = planned(small_deaths, *jobs)
    assert [s.csmf for s in job_plan.settings] == list(estimators)
    assert len(job_plan) == 9 * 6
    assert [job_plan.cell(row).setting.csmf for rows in job_plan.job_cells for row in rows.tolist()] == [
        csmf for csmf in (*estimators, "em") for _ in range(9)
    ]
    tasks = job_plan.tasks(range(len(job_plan)), sizes(small_deaths), Costs())
    assert sorted(len(fit.cells) for fit in tasks) == [6, 6, 6, 12, 12, 12]
    for fit in tasks:
        rows = [job_plan.row(cell.key) for cell in fit.cells]
        assert rows == sorted(rows)
    assert len({fit.key for fit in tasks}) == len(tasks)


def test_costly_predictions_are_tasks_of_their_own_beside_shared_fits(small_deaths: Deaths) -> None:
    job_plan = planned(small_deaths, config("insilico", protocol=ONE_TO_ONE), config(protocol=ONE_TO_ONE))
    tasks = job_plan.tasks(range(18), sizes(small_deaths), Costs())
    assert sorted((fit.model.name, len(fit.cells)) for fit in tasks) == sorted(
        [("insilico", 1)] * 9 + [("nbc", 1)] * 3 + [("nbc", 2)] * 3
    )
    assert sorted(job_plan.row(cell.key) for fit in tasks for cell in fit.cells) == list(range(18))


def test_expected_seconds_are_deaths_tested_and_trained_by_seconds_for_each(small_deaths: Deaths) -> None:
    size = sizes(small_deaths)[small_deaths.fingerprint]
    north, south, west = (size[site] for site in ("North", "South", "West"))

    def seconds(protocol: dict, site: str = "North") -> list[float]:
        job_plan = planned(small_deaths, config(protocol=protocol, site={"name": "one", "test_sites": site}))
        rate = job_plan.models[0].digest.hex()[:16]
        every_fit = TYPICAL["NaiveBayes"].by_fit
        return (
            job_plan.tasks(range(len(job_plan)), sizes(small_deaths), Costs({rate: 2.0})).seconds - every_fit
        ).tolist()

    assert seconds({"name": "leave_one_site_out"}) == pytest.approx([2.0 * 300])
    assert seconds({"name": "one_to_one", "same_site": False}) == pytest.approx(
        [2.0 * (max(south, west) + north), 2.0 * (min(south, west) + north)]
    )
    fifth = {"name": "in_domain", "folds": 5}
    np.testing.assert_allclose(seconds(fifth), [2.0 * (north * 0.2 + north * 0.8)] * 5)
    share = {"name": "in_domain", "folds": 1, "test_share": 0.25, "train_size": [0.5, 10, 1.0]}
    np.testing.assert_allclose(
        seconds(share),
        [2.0 * north, 2.0 * (0.25 * north + 0.75 * north * 0.5), 2.0 * (0.25 * north + 10)],
    )


def test_sites_that_the_data_lack_count_no_deaths(small_deaths: Deaths) -> None:
    split = planned(small_deaths, config()).cell(0).split
    assert split.test_site == "North"
    assert _expected(split, {"South": 10, "West": 5}) == (0.0, 15.0)
    in_domain = planned(small_deaths, config(protocol={"name": "in_domain", "folds": 5})).cell(0).split
    assert _expected(in_domain, {"North": 100}) == (20.0, 80.0)
    held_out = {"name": "in_domain", "folds": 1, "test_share": 0.25}
    assert _expected(planned(small_deaths, config(protocol=held_out)).cell(0).split, {"North": 100}) == (25.0, 75.0)
    more = dataclasses.replace(split, train_size="n=8")
    assert _expected(more, {"North": 3, "South": 10, "West": 5}) == (3.0, 8.0)
    assert _expected(dataclasses.replace(split, train_size="n=80"), {"South": 10, "West": 5}) == (0.0, 15.0)


def test_the_estimate_of_a_model_that_never_ran_is_that_of_its_class() -> None:
    model = ModelSpec.from_config(config().model)
    assert Costs().estimate(model, 100) == pytest.approx(TYPICAL["NaiveBayes"].seconds(100))
    assert not Costs().recorded(model)
    assert Costs({model.digest.hex()[:16]: 0.5}).estimate(model, 100) == pytest.approx(50.01)


def test_keys_with_the_same_beginning_are_told_apart() -> None:
    keys = np.frombuffer(b"".join([b"a" * 8 + b"x" * 24, b"b" * 32, b"a" * 8 + b"y" * 24, b"b" * 32]), "V32")
    first, number = _distinct(keys)
    assert len(first) == 3
    assert sorted(first.tolist()) == [0, 1, 2]
    assert [keys[first[n]].tobytes() for n in number.tolist()] == [key.tobytes() for key in keys]
    apart = np.frombuffer(b"".join([b"c" * 32, b"b" * 32, b"c" * 32, b"a" * 32]), "V32")
    first, number = _distinct(apart)
    assert first.tolist() == [3, 1, 0]
    assert number.tolist() == [2, 1, 2, 0]


def test_a_collision_after_the_first_block_of_keys_is_found() -> None:
    n = 65_536 + 10
    content = np.arange(n, dtype=np.uint64).repeat(4).reshape(n, 4)
    for place in (n - 1, 65_536):
        alike = content.copy()
        alike[place, 0] = alike[place - 1, 0]  # same first eight bytes, another key
        keys = alike.view("V32").ravel()
        first, number = _distinct(keys)
        assert len(first) == n
        assert (keys[first[number]] == keys).all()
    assert len(_distinct(np.concatenate([keys[:5], keys[:5]]))[0]) == 5


def test_cells_whose_keys_begin_alike_are_found_by_their_whole_key(
    small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_plan = planned(small_deaths, config(protocol=ONE_TO_ONE))
    beginning = job_plan.keys[0].tobytes()[:8]
    keys = np.frombuffer(b"".join(beginning + k.tobytes()[8:] for k in job_plan.keys), "V32")
    alike = dataclasses.replace(job_plan, keys=keys)
    assert [alike.row(alike.key(row)) for row in range(9)] == list(range(9))
    absent = beginning.hex() + "0" * 48
    with pytest.raises(KeyError, match=absent):
        alike.row(absent)


def test_a_job_s_label_is_its_overrides(small_deaths: Deaths) -> None:
    assert Job(0, ("model=nbc", "seed=2"), config(), "").label == "model=nbc seed=2"
    assert Job(0, (), config(), "").label == "default"


def test_tasks_are_listed_in_order_and_by_slice(small_deaths: Deaths) -> None:
    tasks = planned(small_deaths, config()).tasks(range(3), sizes(small_deaths), Costs())
    assert [fit.key for fit in tasks[1:]] == [tasks[1].key, tasks[2].key]
    assert [fit.key for fit in tasks] == [tasks[k].key for k in range(3)]
    assert tasks[-1].key == tasks[2].key


def test_deaths_are_counted_in_the_data_that_a_cell_names(small_deaths: Deaths) -> None:
    half = small_deaths.take(np.arange(150))
    deaths = {d.fingerprint: d for d in (small_deaths, half)}
    job_plan = plan([Job(k, (), config(), f) for k, f in enumerate(deaths)], deaths)
    rate = job_plan.models[0].digest.hex()[:16]
    tasks = job_plan.tasks(range(6), sizes(small_deaths) | sizes(half), Costs({rate: 2.0}))
    assert tasks.seconds.tolist() == pytest.approx([600.01] * 3 + [300.01] * 3)
    assert [fit.setting.fingerprint for fit in tasks] == [f for f in deaths for _ in range(3)]
