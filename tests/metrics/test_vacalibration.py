"""VA-calibration: exact small posteriors, simulation-based calibration, the published COMSA counts, edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from va_experiments.errors import InputError
from va_experiments.metrics.champs import AGE_GROUPS, ALGORITHMS, BROAD_CAUSES, broad_cause, champs_shapes
from va_experiments.metrics.misclassification import confusion_counts, group_level, site_precision, site_shapes
from va_experiments.metrics.vacalibration import _rhat, calibrate, little_informed, path_weight, refit_shapes
from va_experiments.reproductions.vacalibration_comsa import (
    COUNTS,
    EXPECTED,
    NOT_CALIBRATED,
    calibrate_counts,
    means_of_short_chains,
)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_two_causes_with_a_known_matrix_equal_integration():
    """The posterior of p is Beta-like: the binomial likelihood of the named cause, with a flat prior."""
    matrix = np.array([[0.8, 0.2], [0.3, 0.7]])
    calibrated = calibrate([60, 40], matrix, fixed=True, path_correction=False, shrinkage=0, rng=rng())
    p = np.linspace(0, 1, 4001)[1:-1]
    named = p * 0.8 + (1 - p) * 0.3
    weight = named**60 * (1 - named) ** 40
    weight /= weight.sum()
    assert calibrated.draws.shape == (5000, 2)
    assert calibrated.mean[0] == pytest.approx(weight @ p, abs=0.005)
    low = p[np.searchsorted(weight.cumsum(), 0.025)]
    assert calibrated.low[0] == pytest.approx(low, abs=0.02)
    assert calibrated.rhat < 1.02


@pytest.mark.slow
def test_draws_have_the_ranks_of_draws_from_the_prior():
    """Simulation-based calibration (Talts et al. 2018): p and M from the prior, counts from both."""
    shapes, ranks, r = np.array([[8.0, 1, 1], [2, 6, 2], [1, 1, 5.0]]), [], rng(5)
    for _ in range(100):
        p, matrix = r.dirichlet(np.ones(3)), np.array([r.dirichlet(row) for row in shapes])
        counts = r.multinomial(120, p @ matrix)
        if (counts == 0).any():
            continue
        options = {"threshold": None, "path_correction": False, "shrinkage": 0}
        calibrated = calibrate(counts, shapes, n_draws=80, sweeps=400, rng=r, **options)
        ranks.append((calibrated.draws[:, 0] < p[0]).mean())
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3


@pytest.mark.slow
def test_a_symmetric_ensemble_is_the_fit_to_both_algorithms_counts():
    """Two algorithms with one fixed matrix are one algorithm with both counts, up to sampling."""
    matrix = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    options = {"fixed": True, "path_correction": False, "shrinkage": 0}
    both = calibrate([[30, 50, 20], [34, 44, 22]], [matrix, matrix], rng=rng(), **options)
    one = calibrate([64, 94, 42], matrix, rng=rng(2), **options)
    np.testing.assert_allclose(both.mean, one.mean, atol=0.01)
    np.testing.assert_allclose(both.low, one.low, atol=0.03)


def test_the_weight_of_the_identity_is_the_least_that_gives_fractions():
    matrix = np.array([[0.6, 0.4], [0.3, 0.7]])
    assert path_weight(np.array([0.5, 0.5]), matrix) == 0
    # w + (1 - w) .6 and (1 - w) .3 bound the share of cause 1: .2 is reached where .3 (1 - w) <= .2, w >= 1/3
    assert path_weight(np.array([0.2, 0.8]), matrix) == pytest.approx(0.34)
    assert path_weight(np.array([0.0, 1.0]), matrix) == pytest.approx(0.99)
    assert path_weight(np.array([0.0, 1.0]), matrix, fixed=True) == pytest.approx(1)
    likely = np.array([[0.8, 0.2], [0.3, 0.7]])
    assert path_weight(np.array([0.801, 0.199]), likely) == pytest.approx(0.01)
    three = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    assert path_weight(np.array([0.0905, 0.45475, 0.45475]), three) == pytest.approx(0.1)


def test_columns_that_hardly_vary_say_little():
    matrix = np.array([[0.7, 0.2, 0.1], [0.2, 0.65, 0.15], [0.3, 0.62, 0.08]])
    assert little_informed(matrix, 0.1).tolist() == [False, False, True]


def test_shapes_are_fitted_to_draws():
    shape = np.array([4.0, 9.0, 2.0])
    np.testing.assert_allclose(refit_shapes(rng().dirichlet(shape, 20_000)), shape, rtol=0.03)
    draws = np.array([[0.0, 0.4, 0.6], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    fitted, moved = refit_shapes(draws), draws + 1e-5
    logs = np.log(moved / moved.sum(axis=1, keepdims=True)).mean(axis=0)
    mean = fitted / fitted.sum()
    np.testing.assert_allclose(mean, draws.mean(axis=0))
    assert special.digamma(fitted.sum()) + mean @ (logs - special.digamma(fitted)) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(refit_shapes(np.tile([0.25, 0.75], (5, 1))), np.exp(20) * np.array([0.25, 0.75]))


FIRST = [[12.0, 2, 1, 1], [3, 9, 2, 2], [1, 3, 11, 1], [2, 2, 2, 10]]
SECOND = [[8.0, 1, 1, 2], [1, 10, 1, 2], [2, 2, 7, 1], [1, 1, 1, 9]]
SHORT_CHAINS = {
    "one": (
        ([20, 4, 9, 7], FIRST, {}),
        [0.503029539, 0.122911131, 0.234132221, 0.139927109],
        [0.361034059, 0.00590924755, 0.0849550521, 0.0493047646],
        [0.820234798, 0.687067155, 0.780746291, 0.730123914],
        (0.28,),
        2.24319695,
    ),
    "two": (
        (
            [[20, 6, 9, 7], [15, 12, 0, 9]],
            [FIRST, SECOND],
            {"undetermined": [3, 5], "keep": [[False] * 4, [False] * 3 + [True]]},
        ),
        [0.41716794, 0.231519541, 0.0414038088, 0.216885455],
        [0.300860657, 0.150614932, 0.00459787008, 0.150987027],
        [0.888914332, 0.909118663, 1, 1],
        (0.0, 0.0),
        1.19922736,
    ),
    "shrunk": (
        ([20, 4, 9, 7], FIRST, {"path_correction": False, "undetermined": 10}),
        [0.392218202, 0.0851631353, 0.175791662, 0.146827],
        [0.296205649, 0.0155174322, 0.110004317, 0.0465691124],
        [0.75, 0.5625, 0.6875, 0.625],
        (0.0,),
        1.4923541,
    ),
    "fixed": (
        ([20, 4, 9, 7], FIRST, {"fixed": True}),
        [0.515233879, 0.124480217, 0.173343117, 0.186942787],
        [0.310997759, 0.026470504, 0.050336014, 0.0398166077],
        [0.8225, 0.689375, 0.778125, 0.73375],
        (0.29,),
        1.55754882,
    ),
    "fixed and shrunk": (
        ([20, 4, 9, 7], FIRST, {"fixed": True, "path_correction": False, "keep": [False, False, False, True]}),
        [0.469371019, 0.118118225, 0.237510756, 0.175],
        [0.347620335, 0.0479424516, 0.152392444, np.nan],
        [0.8, 0.642857143, 0.733333333, 1],
        (0.0,),
        1.08281463,
    ),
}
"""Options, then means, 2.5% quantiles, diagonal of the matrix in use, weights, largest R-hat."""


@pytest.mark.parametrize("name", list(SHORT_CHAINS))
def test_short_chains_of_a_seed_are_those_of_the_version_that_gave_the_published_figures(name: str) -> None:
    """They are too short to be right; they show that a change of the sampler is one, which long chains may hide."""
    (counts, shapes, options), mean, low, diagonal, weights, rhat = SHORT_CHAINS[name]
    calibrated = calibrate(counts, shapes, n_draws=16, sweeps=13, rng=rng(), **options)
    assert calibrated.draws.shape == (16, 4)
    np.testing.assert_allclose(calibrated.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(calibrated.low, low, rtol=1e-6)
    np.testing.assert_allclose(calibrated.matrix_used[-1].diagonal(), diagonal, rtol=1e-6)
    assert calibrated.weights == pytest.approx(weights)
    assert calibrated.rhat == pytest.approx(rhat)
    shares = np.sum(np.atleast_2d(counts), axis=0) / (np.sum(counts) + np.sum(options.get("undetermined", 0)))
    np.testing.assert_allclose(calibrated.uncalibrated, shares)
    np.testing.assert_allclose(calibrated.matrix[0], np.array(FIRST) / 16)


SHORT = {"n_draws": 16, "sweeps": 13}


def test_nothing_is_calibrated_where_matrices_say_nothing_or_one_cause_alone_is_named() -> None:
    flat, counts = np.full((2, 3, 3), 10.0), [[5, 3, 2], [4, 4, 2]]
    calibrated = calibrate(counts, flat, undetermined=[2, 0], rng=rng())
    shares = np.array([9, 7, 4]) / 22
    for values in (calibrated.uncalibrated, calibrated.mean, calibrated.draws[0]):
        np.testing.assert_allclose(values, shares)
    assert calibrated.draws.shape == (1, 3)
    for ends in (calibrated.low, calibrated.high):
        assert ends.dtype == np.float64
        assert np.isnan(ends).tolist() == [True] * 3
    assert calibrated.calibrated.tolist() == calibrated.without_deaths.tolist() == [False] * 3
    assert calibrated.weights == (None, None)
    np.testing.assert_allclose(calibrated.matrix, np.full((2, 3, 3), 1 / 3))
    np.testing.assert_allclose(calibrated.matrix_used, calibrated.matrix)
    one = calibrate([1, 0, 0], np.eye(3) * 6 + 1, rng=rng())
    assert one.calibrated.tolist() == [False] * 3
    assert one.without_deaths.tolist() == [False, True, True]
    with pytest.raises(ValueError, match=r"^an algorithm names no cause for any death: there is nothing to calibrate$"):
        calibrate([[0, 0, 0], [1, 2, 3]], flat, rng=rng())


def test_causes_that_are_left_as_they_are() -> None:
    unknown = np.array(FIRST)
    unknown[3] = 0  # no death of the last cause was there to learn from: its row is not known
    calibrated = calibrate([20, 4, 9, 7], unknown, **SHORT, rng=rng())
    assert calibrated.calibrated.tolist() == [True, True, True, False]
    np.testing.assert_allclose(calibrated.draws[:, 3], 7 / 40)
    np.testing.assert_allclose(calibrated.matrix[0, 3], 0)
    nobody = calibrate([20, 0, 9, 7], FIRST, **SHORT, rng=rng())
    assert nobody.without_deaths.tolist() == [False, True, False, False]
    assert (nobody.draws[:, 1] == 0).all()
    both = calibrate([[20, 4, 9, 7], [20, 0, 0, 0]], [FIRST, FIRST], **SHORT, rng=rng())
    assert both.calibrated.all(), "the second algorithm calibrates nothing, the first all"
    assert not both.without_deaths.any()
    assert both.weights[1] is None
    np.testing.assert_allclose(both.matrix_used[1], np.eye(4))
    flat = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.375, 0.375, 0.25]])
    assert little_informed(flat, 0.25).tolist() == [True, True, True]
    assert calibrate([5, 3, 2], flat * 40, threshold=0.25, rng=rng()).weights == (None,)
    assert calibrate([5, 3, 2], flat * 40, threshold=None, **SHORT, rng=rng()).calibrated.all()


def test_numbers_of_other_types_and_small_shapes_are_the_same() -> None:
    small = np.array(FIRST, dtype=np.float32) / 40  # rows sum to .4
    options = {**SHORT, "keep": [False, False, False, True]}
    double = calibrate([20, 4, 9, 7], small.astype(np.float64), **options, rng=rng())
    np.testing.assert_allclose(double.matrix.sum(axis=2), 1)
    single = calibrate(np.array([20.0, 4, 9, 7]), small, **options, rng=rng())
    np.testing.assert_array_equal(single.draws, double.draws)
    whole = calibrate([20, 4, 9, 7], small, **{**options, "keep": [0, 0, 0, 1]}, rng=rng())
    np.testing.assert_array_equal(whole.draws, double.draws)


def test_split_rhat_by_hand():
    """Halves of two chains: means 1, 3, 2, 4 (variance 5/3), variance 2 within each; sqrt((1/2 * 2 + 5/3) / 2)."""
    chains = np.array([[0.0, 2, 2, 4, 99], [1, 3, 3, 5, 99]])[:, :, None]
    assert _rhat(chains) == pytest.approx(np.sqrt((0.5 * 2 + 5 / 3) / 2))
    assert _rhat(np.concatenate([chains, chains * 0 + 7], axis=2)) == pytest.approx(np.sqrt((0.5 * 2 + 5 / 3) / 2))


@pytest.mark.slow
def test_a_cause_without_deaths_is_told_and_does_not_switch_the_calibration_off():
    counts, shapes = np.array(COUNTS["neonate", "eava"]), champs_shapes("eava", "neonate", "Mozambique")
    whole = calibrate_counts("neonate", "eava", rng=rng())
    counts[0] = 0
    keep = np.array([name == "other" for name in BROAD_CAUSES["neonate"]])
    calibrated = calibrate(counts, shapes, keep=keep, rng=rng())
    assert calibrated.without_deaths.tolist() == [True, False, False, False, False, False]
    assert calibrated.weights[0] < 0.6
    assert calibrated.mean[2] == pytest.approx(whole.mean[2], abs=0.05), "calibrated nevertheless"
    assert not calibrated.stalled


@pytest.mark.slow
def test_no_interval_where_nothing_is_calibrated():
    matrix = np.full((3, 3), 1 / 3)
    calibrated = calibrate([5, 3, 2], matrix * 30, rng=rng())
    assert not calibrated.calibrated.any()
    assert np.isnan(calibrated.low).all()
    assert calibrated.mean.tolist() == [0.5, 0.3, 0.2]
    few = calibrate([998, 1, 1], np.eye(3) * 60 + 20, rng=rng())  # rows .67 to .17: far from a plain solution
    assert few.stalled
    assert few.weights[0] >= 0.9
    assert np.isnan(few.high).all()
    with pytest.raises(ValueError, match="names no cause"):
        calibrate([0, 0, 0], matrix, rng=rng())


@pytest.mark.slow
def test_undetermined_deaths_stay_in_the_denominator():
    shapes = np.eye(3) * 60 + 10
    whole, part = (calibrate([30, 40, 30], shapes, undetermined=u, rng=rng()) for u in (0, 25))
    assert whole.mean.sum() == pytest.approx(1)
    assert part.mean.sum() == pytest.approx(0.8)
    np.testing.assert_allclose(part.mean, 0.8 * whole.mean, atol=0.01)


@pytest.mark.parametrize(
    ("age_group", "algorithm"),
    [next(iter(COUNTS)), *(pytest.param(*row, marks=pytest.mark.nightly) for row in list(COUNTS)[1:])],
)
def test_counts_of_comsa_mozambique(age_group, algorithm):
    """An independent sampler's single chain of 5,000 sweeps: within .02, or two of its standard errors."""
    calibrated = calibrate_counts(age_group, algorithm, rng=rng())
    names = BROAD_CAUSES[age_group]
    left = [name for name, known in zip(names, calibrated.calibrated, strict=True) if not known]
    assert left == sorted(NOT_CALIBRATED[age_group, algorithm], key=names.index)
    weight, figures = EXPECTED[age_group, algorithm]
    assert calibrated.weights[0] == pytest.approx(weight, abs=0.02)
    error = means_of_short_chains(calibrated).std(axis=0, ddof=1)
    assert error.max() < 0.02
    for name, value in figures.items():
        k = names.index(name)
        assert calibrated.mean[k] == pytest.approx(value, abs=max(0.02, 2 * error[k]))
    if (age_group, algorithm) == ("neonate", "eava"):  # read off the package's own figure
        np.testing.assert_allclose(
            calibrated.matrix_used[0].diagonal()[[0, 1, 2, 3, 5]], [0.65, 0.61, 0.53, 0.55, 0.76], atol=0.01
        )
        assert calibrated.low[2] == pytest.approx(0.31, abs=0.03)
        assert calibrated.high[2] == pytest.approx(0.59, abs=0.03)


def test_published_matrices_and_causes():
    for age_group in AGE_GROUPS:
        for algorithm in ALGORITHMS:
            shapes = champs_shapes(algorithm, age_group)
            assert shapes.shape == (len(BROAD_CAUSES[age_group]),) * 2
            assert (shapes > 0).all()
    assert broad_cause("neonate", "Birth asphyxia") == "ipre"
    assert broad_cause("child", "Accid fall") == "injury"
    assert broad_cause("child", "Contact with venomous plant/animal") == "other"
    assert broad_cause("neonate", "NNT") == "sepsis_meningitis_inf"
    with pytest.raises(InputError, match="did you mean 'Mozambique'"):
        champs_shapes("eava", "child", "Mozambik")
    with pytest.raises(InputError, match="neonate and child"):
        champs_shapes("eava", "adult")


def test_sites_that_differ_widen_the_rows():
    """Counts of four sites from one row, and from rows that scatter with precision 5."""
    mean, r = np.array([0.6, 0.3, 0.1]), rng(3)
    same = np.array([r.multinomial(200, mean) for _ in range(4)])
    assert site_precision(same, mean) > 100
    scattered = np.array([r.multinomial(200, r.dirichlet(5 * mean)) for _ in range(40)])
    assert site_precision(scattered, mean) == pytest.approx(5, rel=0.4)
    counts = np.zeros((4, 3, 3), dtype=int)
    counts[:, 0] = same
    counts[:, 1] = scattered[:4]
    shapes = site_shapes(counts)
    assert shapes[0].sum() > 5 * shapes[1].sum()
    np.testing.assert_allclose(shapes[0] / shapes[0].sum(), same.sum(axis=0) / 800, atol=0.01)
    assert shapes[2].sum() == 0, "a cause without deaths has no row"


def test_counts_of_named_causes_by_site_and_groups():
    named, truth, site = np.array([0, 1, -1, 1]), np.array([0, 0, 1, 1]), np.array([3, 3, 3, 5])
    counts = confusion_counts(named, truth, site, 2)
    assert counts.tolist() == [[[1, 1], [0, 0]], [[0, 0], [0, 1]]]
    assert group_level(np.array([0.2, 0.3, 0.5]), np.array([0, 1, 0]), 2).tolist() == [0.7, 0.3]
