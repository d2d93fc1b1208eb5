"""The parts of a transfer drop add up, and each answers to the shift that it is named after."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.metrics.shift import _auc, cause_mix_distance, site_auc, transfer_drop
from va_experiments.models import NaiveBayes

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
    found = transfer_drop(model.predict, home, target, metric=metric, rng=np.random.default_rng(1))
    assert sum(getattr(found, p) for p in PARTS) == pytest.approx(found.total, abs=1e-12)
    assert found.total == pytest.approx(found.home - found.abroad)
    return {p: getattr(found, p) for p in PARTS}


def largest(found: dict[str, float]) -> str:
    return max(found, key=lambda p: abs(found[p]))


def test_no_shift_no_parts(model: NaiveBayes) -> None:
    found = parts(model, sample(8000))
    assert max(abs(v) for v in found.values()) < 0.025


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
        found = parts(model, target)
        print(name, {k: round(v, 3) for k, v in found.items()})
        assert largest(found) == name
        assert found[name] > 0.03
        assert max(abs(v) for k, v in found.items() if k != name) < max(0.03, 0.1 * found[name])
        if name == "prior_shift":
            assert found[name] == pytest.approx(
                (EVEN - mix) @ sensitivity, abs=0.04
            )  # 3 standard errors of 1,600 deaths
    home = sample(8000)
    known = home.take(home.cause != 0)
    learned = NaiveBayes().fit(sample(6000, np.array([0, 0.25, 0.25, 0.25, 0.25])))
    found = parts(learned, sample(8000, skewed), known)
    assert largest(found) == "label_coverage"
    assert found["label_coverage"] > 0.3


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
