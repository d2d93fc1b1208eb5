"""Naive Bayes by hand, in both manners."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models.nbc import NaiveBayes
from va_experiments.models.priors import Prior, Uniform


def deaths(symptoms, cause, n_causes=2) -> Deaths:
    symptoms = np.array(symptoms, dtype=np.int8)
    return Deaths(
        symptoms=symptoms,
        symptom_names=tuple(f"s{j}" for j in range(symptoms.shape[1])),
        causes=tuple("abcdef"[:n_causes]),
        cause=np.array(cause, dtype=np.int16),
        sites=("x",),
        site=np.zeros(len(symptoms), dtype=np.int16),
        id=np.array([f"d{i}" for i in range(len(symptoms))]),
    )


TRAIN = deaths([[1, 0], [1, -1], [0, 1]], [0, 0, 1])


def test_smoothed_and_skipping_missing():
    model = NaiveBayes().fit(TRAIN)
    # cause a: 2 of 2 with s0, 0 of 1 known with s1; cause b: 0 of 1, 1 of 1; one pseudo-death each way.
    np.testing.assert_allclose(model.probability_, [[3 / 4, 1 / 3], [1 / 3, 2 / 3]])
    p = model.predict(deaths([[1, -1], [-1, -1]], [0, 0])).probability
    np.testing.assert_allclose(p[0], np.array([2 / 3 * 3 / 4, 1 / 3 * 1 / 3]) / (1 / 2 + 1 / 9))
    np.testing.assert_allclose(p[1], [2 / 3, 1 / 3])  # nothing known: the training fractions


def test_compat_takes_missing_for_absent_and_does_not_smooth():
    model = NaiveBayes(reference_compat=True).fit(TRAIN)
    np.testing.assert_allclose(model.probability_, [[1, 0], [0, 1]])
    prediction = model.predict(deaths([[1, -1], [1, 1]], [0, 0]))
    np.testing.assert_allclose(prediction.probability, [[1, 0], [0, 0]])
    assert prediction.top_cause.tolist() == [0, -1]
    assert prediction.csmf.tolist() == [1, 0]  # the impossible death counts for the alphabetically first cause


def test_without_smoothing_an_impossible_death_is_undetermined():
    prediction = NaiveBayes(alpha=0).fit(TRAIN).predict(deaths([[1, 1]], [0]))
    assert prediction.probability.tolist() == [[0, 0]]
    assert prediction.undetermined.tolist() == [True]


def test_many_symptoms_do_not_underflow():
    rng = np.random.default_rng(0)
    train = deaths(rng.integers(0, 2, size=(60, 5000)), rng.integers(0, 3, size=60), 3)
    prediction = NaiveBayes().fit(train).predict(train)
    np.testing.assert_allclose(prediction.probability.sum(axis=1), 1)


def test_alpha_is_checked():
    with pytest.raises(InputError, match="alpha is -1"):
        NaiveBayes(alpha=-1).check_parameters()


def test_the_trivial_models():
    train = deaths([[1, 0]] * 4, [0, 0, 0, 1], 3)
    test = deaths([[0, 0], [1, 1]], [0, 1], 3)
    prior = Prior().fit(train).predict(test)
    assert prior.probability.tolist() == [[0.75, 0.25, 0]] * 2
    assert prior.csmf.tolist() == [0.75, 0.25, 0]
    assert Uniform().fit(train).predict(test).probability.tolist() == [[1 / 3] * 3] * 2


@pytest.mark.slow
@pytest.mark.real_data
def test_known_figures_on_the_real_deaths(phmrc_dir):
    """Leave-one-site-out means of an independent implementation on another conversion of the same deaths.

    CSMF accuracy by top cause .710, top-1 .354, top-3 .569, each to .01; `prior` .673 to .002.
    """
    from va_experiments.data import read_phmrc
    from va_experiments.metrics.csmf import csmf_accuracy

    data = read_phmrc("adult", phmrc_dir)
    result = []
    for site in range(6):
        train, test = data.take(data.site != site), data.take(data.site == site)
        true = np.bincount(test.cause, minlength=34) / len(test)
        prediction = NaiveBayes().fit(train).predict(test.without_causes())
        named = np.bincount(prediction.top_cause, minlength=34) / len(test)
        three = np.argsort(-prediction.probability, axis=1, kind="stable")[:, :3]
        top1 = (prediction.top_cause == test.cause).mean()
        top3 = (three == test.cause[:, None]).any(axis=1).mean()
        prior = Prior().fit(train).predict(test).csmf
        result.append([csmf_accuracy(true, named), top1, top3, csmf_accuracy(true, prior)])
    csmf, top1, top3, prior = np.mean(result, axis=0)
    assert csmf == pytest.approx(0.710, abs=0.01)
    assert top1 == pytest.approx(0.354, abs=0.01)
    assert top3 == pytest.approx(0.569, abs=0.01)
    assert prior == pytest.approx(0.673, abs=0.002)
