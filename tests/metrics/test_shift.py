"""The parts of a transfer drop add up, and each answers to the shift that it is named after."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.metrics.shift import _auc, _masked, cause_mix_distance, site_auc, transfer_drop, transfer_drops
from va_experiments.models import NaiveBayes
from va_experiments.models.base import Prediction

C, S = 5, 8
RNG = np.random.default_rng(51)
TABLE = RNG.beta(0.5, 0.8, size=(C, S))
EVEN = np.full(C, 1 / C)


def sample(n: int, mix: np.ndarray = EVEN, table: np.ndarray = TABLE, missing: float = 0.1, name: str = "a") -> Deaths:
    cause = RNG.choice(C, n, p=mix)
    symptoms = (RNG.random((n, S)) < table[cause]).astype(np.int8)
    symptoms[RNG.random((n, S)) < missing] = -1
    return Deaths(
        symptoms=symptoms,
        symptom_names=tuple(f"s{j}" for j in range(S)),
        causes=tuple("ABCDE"),
        cause=cause.astype(np.int16),
        sites=("one",),
        site=np.zeros(n, dtype=np.int16),
        id=np.array([f"{name}{i}" for i in range(n)]),
        simulated=True,
    )


@pytest.fixture(scope="module")
def model() -> NaiveBayes:
    return NaiveBayes().fit(sample(6000))


PARTS = ("prior_shift", "symptom_shift", "missingness_shift", "label_coverage")


def parts(model: NaiveBayes, target: Deaths, home: Deaths | None = None, metric: str = "top1") -> dict[str, float]:
    home = sample(8000) if home is None else home
    drop = transfer_drop(model.predict, home, target, metric=metric, rng=np.random.default_rng(1))
    assert sum(getattr(drop, p) for p in PARTS) == pytest.approx(drop.total, abs=1e-12)
    assert drop.total == pytest.approx(drop.home - drop.abroad)
    return {p: getattr(drop, p) for p in PARTS}


def largest(parts_of_drop: dict[str, float]) -> str:
    return max(parts_of_drop, key=lambda p: abs(parts_of_drop[p]))


def test_no_shift_no_parts(model: NaiveBayes) -> None:
    drop = parts(model, sample(8000))
    assert max(abs(v) for v in drop.values()) < 0.025


def test_each_part_answers_to_its_shift(model: NaiveBayes) -> None:
    flipped = TABLE.copy()
    flipped[:, : S // 2] = 1 - flipped[:, : S // 2]
    skewed = np.array([0.6, 0.1, 0.1, 0.1, 0.1])
    big = sample(20_000)
    named = model.predict(big.without_causes()).top_cause
    sensitivity = np.array([(named[big.cause == k] == k).mean() for k in range(C)])
    mix = np.full(C, 0.05)
    mix[sensitivity.argmin()] = 0.8  # more deaths of the cause that is named worst
    cases = {
        "prior_shift": sample(8000, mix),
        "symptom_shift": sample(8000, table=flipped),
        "missingness_shift": sample(8000, missing=0.6),
    }
    for name, target in cases.items():
        drop = parts(model, target)
        print(name, {k: round(v, 3) for k, v in drop.items()})
        assert largest(drop) == name
        assert drop[name] > 0.03
        assert max(abs(v) for k, v in drop.items() if k != name) < max(0.03, 0.1 * drop[name])
        if name == "prior_shift":
            assert drop[name] == pytest.approx(
                (EVEN - mix) @ sensitivity, abs=0.04
            )  # 3 standard errors of 1,600 deaths
    home = sample(8000)
    known = home.take(home.cause != 0)
    learned = NaiveBayes().fit(sample(6000, np.array([0, 0.25, 0.25, 0.25, 0.25])))
    drop = parts(learned, sample(8000, skewed), known)
    assert largest(drop) == "label_coverage"
    assert drop["label_coverage"] > 0.3


def few(cause: list[int], symptoms: list[list[int]], **covariates: list[float]) -> Deaths:
    n = len(cause)
    return Deaths(
        symptoms=np.array(symptoms, dtype=np.int8),
        symptom_names=("s0", "s1"),
        causes=("A", "B", "C", "D"),
        cause=np.array(cause, dtype=np.int16),
        sites=("one",),
        site=np.zeros(n, dtype=np.int16),
        id=np.array([f"d{i}" for i in range(n)]),
        covariates={name: np.array(values) for name, values in covariates.items()},
        simulated=True,
    )


def test_parts_by_hand() -> None:
    """A model that names A where the first symptom is present, else B. Right at home: 3 of 4 A, 2 of 4 B, 0 of 2 C."""
    sizes = []

    def predict(deaths: Deaths) -> Prediction:
        sizes.append(len(deaths))
        p = np.zeros((len(deaths), 4))
        p[np.arange(len(deaths)), np.where(deaths.symptoms[:, 0] == 1, 0, 1)] = 1
        return Prediction(p, csmf=p.mean(axis=0))

    yes, no = [1, 0], [0, 1]
    home = few([0] * 4 + [1] * 4 + [2] * 2, [yes] * 3 + [no] + [yes] * 2 + [no] * 2 + [yes] * 2)
    target = few([3] * 2 + [1] * 6 + [0] * 2, [no] * 2 + [yes] * 3 + [no] * 3 + [yes, no])  # right: 3 of 6 B, 1 of 2 A
    drop = transfer_drop(predict, home, target, rng=np.random.default_rng(1))
    weighted = (0.5 * 3 + 1.5 * 2) / 8  # the home deaths of A and B with the target's 2 and 6 deaths of them
    assert (drop.home, drop.abroad, drop.total) == pytest.approx((0.5, 0.4, 0.1))
    assert drop.prior_shift == pytest.approx(0.5 - weighted)
    assert drop.symptom_shift == pytest.approx(weighted - 0.5)
    assert drop.missingness_shift == pytest.approx(0)
    assert drop.label_coverage == pytest.approx(0.5 - 0.4)
    assert sorted(sizes) == [8] * 12 + [10] * 2, "four sets, and five masks of two"
    sizes.clear()
    transfer_drop(predict, home, target, n_masks=1, rng=np.random.default_rng(1))
    assert len(sizes) == 6
    sizes.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        both = transfer_drops(predict, home, target, metrics=["undetermined", "top1"], rng=np.random.default_rng(1))
    assert len(sizes) == 14
    assert both["top1"] == drop
    assert both["undetermined"].home == both["undetermined"].abroad == 0
    single = few([0] + [1] * 4, [yes] * 5), few([0] + [1] * 2, [no] * 3)  # one death of A at each site is enough
    assert transfer_drop(predict, *single, rng=np.random.default_rng(1)).label_coverage == 0


def test_missing_answers_are_those_of_partners_with_the_same_cause() -> None:
    class Offsets:
        def integers(self, low: int, high: np.ndarray) -> np.ndarray:
            assert (low, high.tolist()) == (0, [2, 1, 2])
            return np.array([1, 0, 0])

    deaths = few([0, 1, 0], [[1, 1], [0, 1], [0, 0]], age=[30.0, 40, 50], weight=[1.0, 2, 3])
    partners = few([1, 0, 2, 0], [[-1, 0], [1, 1], [0, 0], [1, -1]], age=[np.nan, 1, 1, np.nan])
    masked = _masked(deaths, partners, Offsets())
    assert masked.symptoms.tolist() == [[1, -1], [-1, 1], [0, 0]]
    assert masked.symptoms.dtype == np.int8
    np.testing.assert_array_equal(masked.covariates["age"], [np.nan, np.nan, 50])
    assert masked.covariates["weight"].tolist() == [1, 2, 3]


def test_partners_of_a_cause_are_numbered_in_their_order() -> None:
    class Offsets:
        def integers(self, low: int, high: np.ndarray) -> np.ndarray:
            return np.arange(20)

    answers = [[-1, 0] if k % 3 else [0, 0] for k in range(20)]
    partners = few([1, 0] * 20, [answer for pair in zip([[0, -1]] * 20, answers, strict=True) for answer in pair])
    masked = _masked(few([0] * 20, [[1, 1]] * 20), partners, Offsets())
    assert masked.symptoms.tolist() == [[-1, 1] if k % 3 else [1, 1] for k in range(20)]


def test_works_for_csmf_accuracy_and_refuses_the_models_own(model: NaiveBayes) -> None:
    parts(model, sample(2000, missing=0.5), metric="csmf_accuracy_mean")
    with pytest.raises(ValueError, match="model's own CSMF"):
        transfer_drop(model.predict, sample(50), sample(50), metric="csmf_accuracy_model", rng=RNG)
    with pytest.raises(InputError, match="has no causes"):
        transfer_drop(model.predict, sample(50), sample(50).without_causes(), rng=RNG)
    a, b = sample(50, np.eye(C)[0]), sample(50, np.eye(C)[1])
    with pytest.raises(ValueError, match="share no cause"):
        transfer_drop(model.predict, a, b, rng=RNG)


def test_site_auc_is_of_deaths_that_were_not_trained_on_and_needs_two_of_each_site() -> None:
    rng = np.random.default_rng(11)
    few = rng.integers(0, 2, size=(40, 60)).astype(np.int8)  # more symptoms than deaths: those trained on are separated
    assert site_auc(few[:20], few[20:]) < 0.8
    assert np.isnan(site_auc(few[:1], few[1:9]))
    assert np.isfinite(site_auc(few[:2], few[2:4]))
    assert site_auc(few[:20], few[20:]) == site_auc(few[:20], few[20:], n_folds=5, seed=0)


def test_site_auc_has_its_known_values() -> None:
    rng = np.random.default_rng(52)
    a, b = ((rng.random((6000, 1)) < p).astype(np.int8) for p in (0.2, 0.7))
    # one yes/no answer: AUC = P(a < b) + P(a = b) / 2
    expected = 0.8 * 0.7 + (0.2 * 0.7 + 0.8 * 0.3) / 2
    assert site_auc(a, b) == pytest.approx(expected, abs=0.02)
    assert site_auc(a[:3000], a[3000:]) == pytest.approx(0.5, abs=0.03)
    assert site_auc(np.zeros((50, 2), np.int8), np.ones((50, 2), np.int8)) == 1
    assert site_auc(a, b, missingness_only=True) == 0.5
    gone = np.where(rng.random(b.shape) < 0.5, np.int8(-1), b)
    assert site_auc(b, gone, missingness_only=True) == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize(("missingness_only", "n_folds", "seed"), [(False, 3, 4), (True, 5, 0)])
def test_site_auc_is_that_of_a_ridge_regression_by_least_squares(
    missingness_only: bool, n_folds: int, seed: int
) -> None:
    """The penalty of 20 deaths as 20 more rows of a least-squares problem; the documented folds, scikit-learn's AUC."""
    rng, sizes = np.random.default_rng(5), (160, 145)
    common = np.array([0.05, 0.2, 0.6, 0.9])
    first, second = (np.where(rng.random((n, 4)) < common / k, 1, 0) for n, k in zip(sizes, (1, 1.4), strict=True))
    first[rng.random(first.shape) < [0.02, 0.1, 0.3, 0.7]] = -1
    second[rng.random(second.shape) < [0.05, 0.1, 0.4, 0.6]] = -1
    symptoms, site = np.vstack([first, second]), np.repeat([0, 1], sizes)
    x = (symptoms == -1) * 1.0 if missingness_only else np.hstack([symptoms == -1, symptoms == 1]) * 1.0
    x -= x.mean(axis=0)
    draws = np.random.default_rng(seed)
    fold = np.concatenate([draws.permutation(n) % n_folds for n in sizes])
    expected = []
    for k in range(n_folds):
        other_folds = fold != k
        rows = np.vstack([x[other_folds], np.sqrt(20) * np.eye(x.shape[1])])
        y = np.append(site[other_folds] - site[other_folds].mean(), np.zeros(x.shape[1]))
        slope = np.linalg.lstsq(rows, y, rcond=None)[0]
        expected.append(roc_auc_score(site[~other_folds], (x[~other_folds] @ slope).round(9)))
    options = {} if (n_folds, seed) == (5, 0) else {"n_folds": n_folds, "seed": seed}
    assert site_auc(first, second, missingness_only=missingness_only, **options) == pytest.approx(np.mean(expected))


def test_cause_mix_distance() -> None:
    assert cause_mix_distance([0.5, 0.5, 0], [0.2, 0.5, 0.3]) == pytest.approx(0.3)
    assert cause_mix_distance([0.5, 0.5], [0.5, 0.5]) == 0
    assert cause_mix_distance([1, 0], [0, 1]) == 1


def test_the_area_under_the_curve_equals_sklearns_and_mann_whitneys() -> None:
    rng = np.random.default_rng(53)
    lower, upper = rng.integers(0, 9, 80).astype(float), rng.integers(3, 12, 50).astype(float)  # with ties
    expected = roc_auc_score(np.repeat([0, 1], [80, 50]), np.concatenate([lower, upper]))
    assert _auc(lower, upper) == pytest.approx(expected)
    assert _auc(lower, upper) == pytest.approx(stats.mannwhitneyu(upper, lower).statistic / (80 * 50))
