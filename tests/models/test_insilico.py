"""InSilicoVA as an estimator: what goes in, what comes out, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models.insilico import InSilicoVA


@pytest.fixture(scope="module")
def short() -> InSilicoVA:
    return InSilicoVA(n_iterations=60, burn_in=20, n_chains=2)


def test_a_prediction_is_a_posterior(small_deaths: Deaths, short: InSilicoVA) -> None:
    train, test = small_deaths.take(np.arange(200)), small_deaths.take(np.arange(200, 300))
    prediction = short.fit(train, seed=1).predict(test.without_causes(), seed=2)
    assert prediction.probability.shape == (100, 4)
    np.testing.assert_allclose(prediction.probability.sum(axis=1), 1, rtol=1e-9)
    assert prediction.csmf_draws is not None
    assert prediction.csmf_draws.shape == (80, 4)
    np.testing.assert_allclose(prediction.csmf_draws.sum(axis=1), 1, rtol=1e-9)
    np.testing.assert_allclose(prediction.csmf, prediction.csmf_draws.mean(axis=0))


@pytest.mark.parametrize("sampler", ["improved", "original"])
@pytest.mark.parametrize("conversion", ["quantile", "fixed", "empirical"])
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
