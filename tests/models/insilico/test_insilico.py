"""InSilicoVA as an estimator: what goes in, what comes out, what is refused."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models.insilico.insilico import InSilicoVA


@pytest.fixture(scope="module")
def short() -> InSilicoVA:
    return InSilicoVA(n_iterations=60, burn_in=20, n_chains=2, auto_length=False)


def test_a_prediction_is_a_posterior(small_deaths: Deaths, short: InSilicoVA) -> None:
    train, test = small_deaths.take(np.arange(200)), small_deaths.take(np.arange(200, 300))
    prediction = short.fit(train, seed=1).predict(test.without_causes(), seed=2)
    assert prediction.probability.shape == (100, 4)
    np.testing.assert_allclose(prediction.probability.sum(axis=1), 1, rtol=1e-9)
    assert prediction.csmf_draws is not None
    assert prediction.csmf_draws.shape == (80, 4)
    np.testing.assert_allclose(prediction.csmf_draws.sum(axis=1), 1, rtol=1e-9)
    np.testing.assert_allclose(prediction.csmf, prediction.csmf_draws.mean(axis=0))


@pytest.mark.parametrize(
    ("conversion", "sampler"),
    [
        ("quantile", "improved"),
        ("quantile", "original"),
        *(
            pytest.param(conversion, sampler, marks=pytest.mark.nightly)
            for conversion in ("fixed", "empirical")
            for sampler in ("improved", "original")
        ),
    ],
)
def test_same_seed_same_bits(small_deaths: Deaths, conversion: str, sampler: str) -> None:
    model = InSilicoVA(n_iterations=30, burn_in=10, n_chains=1, conversion=conversion, sampler=sampler)
    first, again, other = (model.fit(small_deaths).predict(small_deaths, seed=k) for k in (3, 3, 4))
    np.testing.assert_array_equal(first.probability, again.probability)
    assert not np.array_equal(first.csmf, other.csmf)


def test_bad_parameters_are_refused(small_deaths: Deaths) -> None:
    with pytest.raises(InputError, match="burn_in is 100"):
        InSilicoVA(n_iterations=100, burn_in=100).fit(small_deaths)
    with pytest.raises(InputError, match="did you mean 'quantile'"):
        InSilicoVA(conversion="quantil").fit(small_deaths)


def quick(**changes) -> InSilicoVA:
    return InSilicoVA(**{"n_iterations": 200, "burn_in": 50, "n_chains": 2, "auto_length": False, **changes})


def halves(deaths: Deaths) -> tuple[Deaths, Deaths]:
    return deaths.take(np.arange(200)), deaths.take(np.arange(200, 300))


def test_it_finds_the_causes_of_well_separated_deaths(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    prediction = quick(conversion="fixed").fit(train).predict(test.without_causes())
    assert (prediction.top_cause == test.cause).mean() > 0.6
    truth = np.bincount(test.cause, minlength=4) / 100
    assert np.abs(prediction.csmf - truth).sum() / 2 < 0.15


def test_known_causes_stay_and_inform_the_csmf(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    known = np.full(100, -1)
    known[:60] = 2
    prediction = quick().fit(train).predict(test, known=known)
    np.testing.assert_allclose(prediction.probability[:60, 2], 1)
    assert prediction.csmf[2] > 0.5
    assert prediction.probability[60:, 2].max() < 1
    with pytest.raises(InputError, match=r"known has shape \(3,\)"):
        quick().fit(train).predict(test, known=np.zeros(3, dtype=int))


def test_impossible_combinations_get_probability_zero(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    rules = [["cause A", "s03", "present"], ["cause B", "s04", "absent"]]
    prediction = quick(impossible_pairs=rules).fit(train).predict(test)
    assert (prediction.probability[test.symptoms[:, 3] == 1, 0] == 0).all()
    assert (prediction.probability[test.symptoms[:, 4] == 0, 1] == 0).all()
    assert prediction.probability[:, 0].max() > 0
    with pytest.raises(InputError, match="did you mean 'cause A'"):
        quick(impossible_pairs=[["cause a", "s03", "present"]]).fit(train)
    with pytest.raises(InputError, match="present or absent"):
        quick(impossible_pairs=[["cause A", "s03", "yes"]]).fit(train)


def test_a_cause_impossible_for_all_is_taken_out(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    symptoms = test.symptoms.copy()
    symptoms[:, 3] = 1
    test = dataclasses.replace(test, symptoms=symptoms)
    for reference_compat in (False, True):
        rules = [["cause A", "s03", "present"]]
        prediction = quick(impossible_pairs=rules, reference_compat=reference_compat).fit(train).predict(test)
        assert prediction.csmf[0] == 0
        assert prediction.csmf.sum() == pytest.approx(1)


def test_contradictory_rules_leave_a_death_undetermined(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    rules = [[cause, "s03", "present"] for cause in test.causes]
    prediction = quick(impossible_pairs=rules).fit(train).predict(test)
    struck = test.symptoms[:, 3] == 1
    assert (prediction.probability[struck] == 0).all()
    assert (prediction.top_cause[struck] == -1).all()
    assert prediction.diagnostics["contradictory_deaths"] == struck.sum()
    np.testing.assert_allclose(prediction.probability[~struck].sum(axis=1), 1)


def test_sites_have_their_own_csmf(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    site = np.where(test.cause == 0, 0, 2).astype(np.int16)
    test = dataclasses.replace(test, site=site)
    prediction = quick(subpopulations="site", conversion="fixed").fit(train).predict(test)
    by_site = prediction.diagnostics["csmf_by_site"]
    assert set(by_site) == {"North", "West"}
    assert by_site["North"]["cause A"] > 0.8
    assert by_site["West"]["cause A"] < 0.2
    sampled = prediction.diagnostics["sampled_fractions_by_site"]
    mean, low, high = sampled["North"]["cause A"]
    assert mean == pytest.approx(by_site["North"]["cause A"])
    assert low < mean < high
    assert sampled["West"]["cause A"][2] < low
    pooled = (site == 0).mean() * by_site["North"]["cause A"] + (site == 2).mean() * by_site["West"]["cause A"]
    assert prediction.csmf[0] == pytest.approx(pooled, abs=1e-9)


def test_any_stratum_can_have_its_own_csmf(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    female = (np.asarray(test.cause) == 0).astype(float)
    female[0] = np.nan
    test = dataclasses.replace(test, covariates={**test.covariates, "female": female})
    model = quick(subpopulations="sex", conversion="fixed").fit(train)
    by_sex = model.predict(test).diagnostics["csmf_by_sex"]
    assert set(by_sex) == {"male", "female", "unknown"}
    assert by_sex["female"]["cause A"] > 0.8 > 0.2 > by_sex["male"]["cause A"]
    as_sites = dataclasses.replace(test, sites=("M", "F", "?"), site=np.nan_to_num(female, nan=2).astype(np.int16))
    same = quick(subpopulations="site", conversion="fixed").fit(train).predict(as_sites)
    assert same.probability.tobytes() == model.predict(test).probability.tobytes()
    with pytest.raises(InputError, match="have no column 'district'"):
        quick(subpopulations="district").check_before_run(test)


def test_deaths_alike_are_treated_alike(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    twice = test.take(np.concatenate([np.arange(100), np.arange(100)]))
    prediction = quick().fit(train).predict(twice)
    np.testing.assert_array_equal(prediction.probability[:100], prediction.probability[100:])


def test_an_all_missing_death_gets_the_csmf(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    symptoms = test.symptoms.copy()
    symptoms[0] = -1
    prediction = quick().fit(train).predict(dataclasses.replace(test, symptoms=symptoms))
    np.testing.assert_allclose(prediction.probability[0], prediction.csmf, atol=1e-9)


def test_no_deaths_no_nan(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    prediction = quick().fit(train).predict(test.take(np.zeros(0, dtype=int)))
    assert prediction.probability.shape == (0, 4)
    assert prediction.csmf.sum() == pytest.approx(1)


def test_both_samplers_have_the_same_posterior(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    fast = quick(n_iterations=4000, burn_in=500).fit(train).predict(test, seed=1)
    slow = quick(n_iterations=30_000, burn_in=2000, thin=5, sampler="original", jump_scale=0.5)
    slow = slow.fit(train).predict(test, seed=2)
    assert slow.diagnostics["converged"]
    np.testing.assert_allclose(fast.csmf, slow.csmf, atol=0.006)
    np.testing.assert_allclose(fast.csmf_draws.std(axis=0), slow.csmf_draws.std(axis=0), rtol=0.08)
    np.testing.assert_allclose(fast.probability, slow.probability, atol=0.03)


def test_compat_breaks_ties_in_training_order_and_changes_little_else(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    sane, reference_compat = (
        quick(n_iterations=3000, burn_in=300, reference_compat=c).fit(train).predict(test) for c in (False, True)
    )
    np.testing.assert_allclose(sane.csmf, reference_compat.csmf, atol=0.03)


def test_summary_names_the_interval_of_each_cause(small_deaths: Deaths) -> None:
    train, test = halves(small_deaths)
    model = quick().fit(train)
    summary = model.summary(model.predict(test))
    assert list(summary) == list(test.causes)
    assert all(s["low"] <= s["mean"] <= s["high"] for s in summary.values())


def test_cuda_without_torch_or_a_gpu_is_refused(small_deaths: Deaths) -> None:
    with pytest.raises(InputError, match=r"extra 'gpu'|no CUDA device"):
        InSilicoVA(device="cuda").fit(small_deaths)


def test_peak_memory_is_bounded_by_the_arrays(small_deaths: Deaths) -> None:
    """What `predict` holds at once is at most ten times the deaths (training and test) that it is about."""
    rng = np.random.default_rng(0)
    n, n_symptoms = 4000, 100
    cause = rng.integers(0, 20, size=n).astype(np.int16)
    p = rng.beta(0.5, 1.5, size=(20, n_symptoms))
    deaths = Deaths(
        symptoms=(rng.random((n, n_symptoms)) < p[cause]).astype(np.int8),
        symptom_names=tuple(f"s{j}" for j in range(n_symptoms)),
        causes=tuple(f"c{k}" for k in range(20)),
        cause=cause,
        sites=("one",),
        site=np.zeros(n, dtype=np.int16),
        id=np.arange(n).astype(str),
    )
    model = quick(n_iterations=60, burn_in=10, n_chains=4).fit(deaths)
    model.predict(deaths.take(np.arange(50)))  # compiled and imported
    tracemalloc.start()
    model.predict(deaths.take(np.arange(1000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * deaths.symptoms.nbytes
