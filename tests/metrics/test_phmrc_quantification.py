"""CSMF estimators on the real adult deaths: they mend label shift, and do harm where symptoms shift too."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.metrics import draw_test_sets
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.metrics.quantification import OutOfFoldPredictions, estimate_csmf
from va_experiments.models import NaiveBayes
from va_experiments.protocols import splits
from va_experiments.protocols.stratify import stratified_folds

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

OPTIONS = {"classify_and_count": {}, "mean_probability": {}, "adjusted_count": {}, "bbse": {}, "em": {}}


@pytest.fixture(scope="module")
def adults(phmrc_dir) -> Deaths:
    return read_phmrc("adult", phmrc_dir / "adult.csv.gz")


def out_of_fold(train: Deaths) -> OutOfFoldPredictions:
    assert train.cause is not None
    fold = stratified_folds(train.cause, 5, np.random.default_rng(0))
    p = np.zeros((len(train), len(train.causes)))
    for k in range(5):
        inside = fold == k
        p[inside] = NaiveBayes().fit(train.take(~inside)).predict(train.take(inside).without_causes()).probability
    return OutOfFoldPredictions(p, train.cause)


def accuracy(test: np.ndarray, truth: np.ndarray, training: OutOfFoldPredictions) -> dict[str, float]:
    result = {}
    true = cause_fractions(truth, test.shape[1])
    for name, options in OPTIONS.items():
        csmf = estimate_csmf(name, test, training, **options).csmf
        result[name] = np.nan if csmf is None else float(csmf_accuracy(true, csmf))
    return result


def summary(rows: list[dict[str, float]]) -> dict[str, tuple[float, int]]:
    """Return the mean over the sets on which an estimator did not abstain, and their number."""
    values = {name: np.array([r[name] for r in rows]) for name in OPTIONS}
    return {
        name: (float(np.nanmean(v)), int(np.isfinite(v).sum())) for name, v in values.items() if np.isfinite(v).any()
    }


@pytest.mark.nightly
def test_label_shift_is_corrected(adults: Deaths) -> None:
    rows = []
    for split in splits({"name": "pooled", "repeats": 5}, adults):
        train, test = (adults.take(r) for r in split.indices(adults))
        p = NaiveBayes().fit(train).predict(test.without_causes()).probability
        training = out_of_fold(train)
        sets = draw_test_sets({"name": "dirichlet", "n_resamples": 6}, test.cause, adults.causes, seed=split.repeat)
        rows += [accuracy(p[sets.rows(k)], test.cause[sets.rows(k)], training) for k in range(6)]
    summaries = summary(rows)
    print("naive Bayes, pooled, 30 Dirichlet(1) test sets; CSMF accuracy (sets):", summaries)
    assert summaries["em"][0] > summaries["mean_probability"][0] + 0.02
    assert summaries["adjusted_count"][0] > summaries["classify_and_count"][0] + 0.01
    # 34 causes, some never named: the matrices are so near to singular that these two mostly abstain
    assert summaries["adjusted_count"][1] < len(rows)
    assert "bbse" not in summaries or summaries["bbse"][1] < len(rows)


@pytest.mark.nightly
def test_transfer_between_sites_is_not_label_shift(adults: Deaths) -> None:
    rows = []
    for split in splits({"name": "leave_one_site_out"}, adults):
        train, test = (adults.take(r) for r in split.indices(adults))
        p = NaiveBayes().fit(train).predict(test.without_causes()).probability
        rows.append(accuracy(p, test.cause, out_of_fold(train)))
    summaries = summary(rows)
    print("naive Bayes, leave one site out, 6 sites; CSMF accuracy (sites):", summaries)
    assert summaries["em"][0] < summaries["mean_probability"][0] - 0.1
