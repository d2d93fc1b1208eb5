"""Known figures on the real adult deaths: protocols, metrics and test-set designs together.

The figures are those of an independent measurement on another conversion of the same deaths (naive Bayes with alpha 1,
missing symptoms skipped). Tolerances: by site, the conversions differ in a few symptoms (.01); over random divisions,
two standard errors of the difference of two medians (or percentiles) of 200 draws each, derived below.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.metrics import draw_test_sets, score, score_test_sets
from va_experiments.models import NaiveBayes, Prior, Uniform
from va_experiments.protocols import Split, splits

pytestmark = pytest.mark.real_data

REPEATS = 200
SPREAD = 0.050  # standard deviation over Dirichlet(1) test sets: (.786 - .609) / 3.92, and (.65 - .44) / 3.92
MEDIAN_ERROR = math.sqrt(math.pi / 2) * SPREAD / math.sqrt(REPEATS)
TAIL_ERROR = math.sqrt(0.025 * 0.975 / REPEATS) * SPREAD / 0.0584  # 0.0584: normal density at 1.96
TWO_MEDIANS, TWO_TAILS = (2 * math.sqrt(2) * e for e in (MEDIAN_ERROR, TAIL_ERROR))


@pytest.fixture(scope="module")
def adults(phmrc_dir) -> Deaths:
    return read_phmrc("adult", phmrc_dir / "adult.csv.gz")


def predicted(model, split: Split, deaths: Deaths):
    train, test = (deaths.take(rows) for rows in split.indices(deaths))
    return test.cause, model.fit(train, seed=1).predict(test.without_causes(), seed=1), train.cause


@pytest.fixture(scope="module")
def loso(adults: Deaths) -> dict[str, dict[str, dict[str, float]]]:
    result: dict[str, dict[str, dict[str, float]]] = {}
    for split in splits({"name": "leave_one_site_out"}, adults):
        for model in (Prior(), Uniform(), NaiveBayes()):
            truth, prediction, train_cause = predicted(model, split, adults)
            values = score(truth, prediction, adults.causes, n_bootstrap=0, train_cause=train_cause).values
            result.setdefault(type(model).__name__, {})[split.test_site] = values
    return result


def mean(loso: dict, model: str, metric: str) -> float:
    return float(np.mean([v[metric] for v in loso[model].values()]))


def test_copying_the_training_mix_leave_one_site_out(loso: dict) -> None:
    by_site = {site: v["csmf_accuracy_mean"] for site, v in loso["Prior"].items()}
    print("prior, leave one site out:", {k: round(v, 4) for k, v in by_site.items()})
    expected = {"AP": 0.766, "Bohol": 0.716, "Dar": 0.665, "Mexico": 0.768, "Pemba": 0.415, "UP": 0.705}
    assert by_site == pytest.approx(expected, abs=0.002)
    assert mean(loso, "Prior", "csmf_accuracy_mean") == pytest.approx(0.673, abs=0.002)
    assert mean(loso, "Uniform", "csmf_accuracy_mean") == pytest.approx(0.571, abs=0.002)


def test_naive_bayes_leave_one_site_out(loso: dict) -> None:
    names = ("csmf_accuracy_top", "csmf_accuracy_mean", "top1", "top3", "mean_ccc")
    means = {name: mean(loso, "NaiveBayes", name) for name in names}
    print("naive Bayes, leave one site out, mean of six sites:", {k: round(v, 4) for k, v in means.items()})
    expected = dict(zip(names, (0.710, 0.721, 0.354, 0.569, 0.287), strict=True))
    assert means == pytest.approx(expected, abs=0.01)
    by_site = {site: v["csmf_accuracy_top"] for site, v in loso["NaiveBayes"].items()}
    sites = {"AP": 0.750, "Bohol": 0.749, "Dar": 0.667, "Mexico": 0.775, "Pemba": 0.572, "UP": 0.747}
    assert by_site == pytest.approx(sites, abs=0.01)


def test_chance_levels_on_the_sites_own_mixes(loso: dict) -> None:
    # the even estimate 1/34 scores .343 at Pemba and .660 at AP; deaths dealt out one by one scatter around it
    even = {site: v["csmf_accuracy_mean"] for site, v in loso["Uniform"].items()}
    assert min(even.values()) == even["Pemba"] == pytest.approx(0.343, abs=0.002)
    assert max(even.values()) == even["AP"] == pytest.approx(0.660, abs=0.002)
    for site, v in loso["Uniform"].items():
        assert even[site] - 0.02 < v["csmf_chance"] < even[site] + 0.001


def test_label_coverage_of_training_on_pemba(adults: Deaths) -> None:
    result = {}
    for split in splits({"name": "one_to_one", "train_sites": "pemba"}, adults):
        truth, prediction, train_cause = predicted(Prior(), split, adults)
        result[split.test_site] = score(truth, prediction, adults.causes, train_cause=train_cause).values[
            "label_coverage"
        ]
    expected = {"AP": 0.544, "Bohol": 0.521, "Dar": 0.483, "Mexico": 0.371, "UP": 0.563}
    assert result == pytest.approx(expected, abs=0.001)


@pytest.mark.nightly
@pytest.mark.slow
def test_pooled_with_dirichlet_test_sets(adults: Deaths) -> None:
    result: dict[str, list[dict[str, float]]] = {"Prior": [], "NaiveBayes": []}
    for split in splits({"name": "pooled", "repeats": REPEATS}, adults):
        for model in (Prior(), NaiveBayes()):
            truth, prediction, _ = predicted(model, split, adults)
            sets = draw_test_sets({"name": "dirichlet", "n_resamples": 1}, truth, adults.causes, seed=split.repeat)
            result[type(model).__name__].append(score_test_sets(truth, prediction, adults.causes, sets).values)
    prior = [v["csmf_accuracy_mean"] for v in result["Prior"]]
    top = [v["csmf_accuracy_top"] for v in result["NaiveBayes"]]
    low, median, high = np.quantile(top, [0.025, 0.5, 0.975])
    print(
        f"pooled 75/25, Dirichlet(1), {REPEATS} divisions: prior {np.median(prior):.3f}; naive Bayes {median:.3f} "
        f"({low:.3f} to {high:.3f} over test sets); tolerance of a median {TWO_MEDIANS:.4f}, of an end {TWO_TAILS:.4f}"
    )
    assert 0.012 <= TWO_MEDIANS < 0.013
    assert np.median(prior) == pytest.approx(0.543, abs=0.012)
    assert median == pytest.approx(0.704, abs=0.012)
    assert low == pytest.approx(0.609, abs=TWO_TAILS)
    assert high == pytest.approx(0.786, abs=TWO_TAILS)
    assert np.median([v["top1"] for v in result["NaiveBayes"]]) == pytest.approx(0.402, abs=0.02)
