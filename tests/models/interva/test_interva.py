"""InterVA in train mode: its score by hand, what the default does otherwise than openVA, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.errors import InputError
from va_experiments.models.interva.interva import InterVA, product_of_present, top_three


def test_the_score_uses_present_symptoms_only():
    table = np.array([[0.5, 0.1], [0.2, 0.4]])
    symptoms = np.array([[1, 1], [1, 0], [1, -1], [0, 0]], dtype=np.int8)
    p = product_of_present(symptoms, table, np.array([0.5, 0.5]))
    np.testing.assert_allclose(p, [[0.1 / 0.14, 0.04 / 0.14], [5 / 6, 1 / 6], [5 / 6, 1 / 6], [0.5, 0.5]])


def test_the_default_agrees_with_compat_where_they_mean_to(small_deaths):
    """With the shares themselves and no exact 0 or 1 among them only the arithmetic differs."""
    common = small_deaths.take(small_deaths.cause < 3)
    test = small_deaths.without_causes()
    one = InterVA(conversion="empirical", prior="train").fit(common, seed=1)
    other = InterVA(conversion="empirical", prior="train", reference_compat=True).fit(common, seed=1)
    assert one.conditional_.probability.min() > 2e-6
    assert one.conditional_.probability.max() < 1 - 2e-6
    np.testing.assert_allclose(one.predict(test).probability, other.predict(test).probability, rtol=1e-10)


def test_the_default_draws_nothing_and_compat_does(small_deaths):
    some = small_deaths.take(np.arange(12))  # so few that shares of 0 and 1 occur
    default = [InterVA(conversion="empirical").fit(some, seed=s).table_ for s in (1, 2)]
    reference_compat = [InterVA(conversion="empirical", reference_compat=True).fit(some, seed=s).table_ for s in (1, 2)]
    assert np.array_equal(*default)
    assert default[0].min() == 1.5e-6
    assert not np.array_equal(*reference_compat)
    assert 1e-6 <= reference_compat[0].min() <= 2e-6


def test_fixed_levels_rule_no_cause_out_unless_compat(small_deaths):
    some = small_deaths.take(np.arange(12))
    assert InterVA(conversion="fixed").fit(some).table_.min() == 1e-6
    reference_compat = InterVA(conversion="fixed", reference_compat=True).fit(some)
    assert reference_compat.table_.min() == 0
    everything = small_deaths.take([0, 1])
    symptoms = np.ones_like(everything.symptoms)
    prediction = reference_compat.predict(type(everything)(**{**vars(everything), "symptoms": symptoms}))
    assert (prediction.top_cause[prediction.probability.sum(axis=1) == 0] == -1).all()


def test_the_rule_is_an_option(small_deaths):
    with_rule = InterVA().fit(small_deaths).predict(small_deaths)
    without = InterVA(rule=False).fit(small_deaths).predict(small_deaths)
    assert np.array_equal(with_rule.probability, without.probability)
    unsure = with_rule.probability.max(axis=1) <= 0.4
    assert np.array_equal(with_rule.top_cause == -1, unsure)
    assert (without.top_cause >= 0).all()
    np.testing.assert_allclose(without.csmf, without.probability.mean(axis=0))
    assert with_rule.csmf.sum() == pytest.approx(1 - with_rule.diagnostics["undetermined"])


def test_the_table_hides_weak_second_causes_unless_compat(small_deaths):
    default = InterVA().fit(small_deaths).table(small_deaths)
    reference_compat = InterVA(reference_compat=True).fit(small_deaths).table(small_deaths)
    assert list(default) == ["ID", "CAUSE1", "LIK1", "CAUSE2", "LIK2", "CAUSE3", "LIK3", "INDET"]
    named = reference_compat["INDET"] == " "
    assert (reference_compat.loc[named, "CAUSE3"] != " ").all()
    shown = default[default["CAUSE2"] != " "]
    assert (shown["LIK2"].astype(int) * 2 >= shown["LIK1"].astype(int) - 2).all()
    assert len(shown) < (default["INDET"] == " ").sum()


def test_top_three_breaks_ties_by_order():
    index, value = top_three(np.array([[0.2, 0.4, 0.4, 0.0]]))
    assert index.tolist() == [[1, 2, 0]]
    assert value.tolist() == [[0.4, 0.4, 0.2]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conversion": "quantiles"}, "did you mean 'quantile'"),
        ({"prior": "flat"}, "expected one of uniform, train"),
        ({"missing_threshold": 1.2}, "expected a share from 0 to 1"),
    ],
)
def test_parameters(options, message):
    with pytest.raises(InputError, match=message):
        InterVA(**options).check_parameters()
