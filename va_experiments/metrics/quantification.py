"""Estimate cause fractions from predictions: counting, averaging, and corrections learned on training deaths alone.

The corrections assume label shift: deaths of one cause have the same symptoms in training and test, and only the cause
mix differs. They learn the errors of the model from *out-of-fold* predictions of training deaths; in-sample predictions
would be too good. If the matrix to invert is nearly singular, they give no estimate but a reason.

Undetermined deaths (all-zero rows) are left out everywhere, so that estimates sum to 1; the corrections give 0 to
causes without training deaths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.metrics.calibration import fit_calibration
from va_experiments.metrics.confirmed_counts import SHARE, confirmed_blend

__all__ = [
    "ESTIMATORS",
    "CSMFEstimate",
    "OutOfFoldPredictions",
    "adjusted_count",
    "bbse",
    "classify_and_count",
    "confirmed_counts",
    "em",
    "estimate_csmf",
    "mean_probability",
]

Floats = npt.NDArray[np.float64]

MAX_CONDITION = 100.0
"""Greatest condition number that is inverted: noise of 1% in the input may become that many per cent of the answer."""


@dataclass(frozen=True, eq=False)
class CSMFEstimate:
    """Estimated cause fractions, or the reason why there are none."""

    csmf: Floats | None
    """Shape (n_causes,), sums to 1; None if the estimator abstains."""
    abstained: str = ""
    """Why; empty if it did not."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Condition number, temperature, iterations, ..."""


@dataclass(frozen=True, eq=False)
class OutOfFoldPredictions:
    """Out-of-fold predictions of the training deaths, with their true causes."""

    probability: Floats
    """Shape (n, n_causes)."""
    truth: npt.NDArray[np.integer]
    """Shape (n,)."""
    site: npt.NDArray[np.integer] | None = None
    """Shape (n,), where it is known."""
    csmf: Mapping[int, Floats] = field(default_factory=dict)
    """The model's own CSMF of each site's deaths, by number of the site, where these were predicted together."""
    csmf_of_sets: Mapping[tuple[str, int], Floats] = field(default_factory=dict)
    """The same of test sets that were resampled from a site's deaths, shape (n_sets, n_causes), by design (as JSON) and
    number of the site; of models whose prediction depends on the test set."""

    def determined(self) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Select probabilities and causes of the deaths that are not undetermined."""
        p = np.asarray(self.probability, dtype=np.float64)
        keep = p.any(axis=1)
        return p[keep], np.asarray(self.truth, dtype=np.intp)[keep]


def _determined(test: npt.ArrayLike) -> Floats:
    p = np.asarray(test, dtype=np.float64)
    return p[p.any(axis=1)]


def _scaled(shares: Floats) -> Floats:
    return shares / shares.sum()


def classify_and_count(test: npt.ArrayLike, training: OutOfFoldPredictions | None = None) -> CSMFEstimate:
    """Compute the shares of the most probable causes (ties: the first declared). Learns nothing."""
    p = _determined(test)
    if len(p) == 0:
        return CSMFEstimate(None, "every test death is undetermined")
    return CSMFEstimate(np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p))


def mean_probability(test: npt.ArrayLike, training: OutOfFoldPredictions | None = None) -> CSMFEstimate:
    """Average the probabilities. Learns nothing."""
    p = _determined(test)
    if len(p) == 0:
        return CSMFEstimate(None, "every test death is undetermined")
    return CSMFEstimate(_scaled(p.mean(axis=0)))


def confirmed_counts(test: npt.ArrayLike, training: OutOfFoldPredictions, *, share: float = SHARE) -> CSMFEstimate:
    """Average the probabilities, and move the causes that the counts confirm towards them by a share learned elsewhere.

    Of the training deaths it takes the cause fractions alone, so that it needs no further fit.

    Parameters
    ----------
    test : float array, shape (n, n_causes)
    training : OutOfFoldPredictions
    share : float
        See `va_experiments.metrics.confirmed_counts.confirmed_blend`.
    """
    mean, counts = mean_probability(test).csmf, classify_and_count(test).csmf
    if mean is None or counts is None:
        return mean_probability(test)
    trained = np.bincount(np.asarray(training.truth, dtype=np.intp), minlength=len(mean)) / max(len(training.truth), 1)
    return CSMFEstimate(confirmed_blend(mean, counts, trained, share))


def _misclassification(p: Floats, truth: npt.NDArray[np.intp], *, soft: bool) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Compute P(assigned i | true j), shape (n_causes, k), for the k causes with training deaths, and these causes."""
    n_causes = p.shape[1]
    known = np.unique(truth)
    assigned = p if soft else np.eye(n_causes)[p.argmax(axis=1)]
    return np.stack([assigned[truth == cause].mean(axis=0) for cause in known], axis=1), known


def _on_simplex(matrix: Floats, target: Floats) -> Floats:
    """Find the x >= 0 with sum 1 that minimises |matrix x - target|."""
    from scipy.optimize import nnls

    heavy = 1e4  # weight of the equation that the shares sum to 1
    rows = np.vstack([matrix, np.full((1, matrix.shape[1]), heavy)])
    solution, _ = nnls(rows, np.append(target, heavy))
    return _scaled(solution)


def adjusted_count(
    test: npt.ArrayLike, training: OutOfFoldPredictions, *, soft: bool = False, max_condition: float = MAX_CONDITION
) -> CSMFEstimate:
    """Estimate the cause mix that explains the counts of assigned causes through the misclassification matrix.

    Solves ``M q = c`` for q >= 0 with sum 1 by least squares; ``M_ij`` is the share of training deaths of cause j that
    are named i, c the shares of the causes named in the test set. The form for many causes of Forman's adjusted count
    (2008, Data Mining and Knowledge Discovery 17:164).

    Parameters
    ----------
    test : float array, shape (n, n_causes)
        Probabilities of the test deaths.
    training : OutOfFoldPredictions
    soft : bool
        Take mean probabilities in place of counts, in M and in c.
    max_condition : float
        Abstain where the condition number of M is larger.
    """
    p = _determined(test)
    train_p, truth = training.determined()
    if len(p) == 0 or len(train_p) == 0:
        return CSMFEstimate(None, "every death is undetermined")
    matrix, known = _misclassification(train_p, truth, soft=soft)
    condition = float(np.linalg.cond(matrix))
    facts = {"condition": condition}
    if not condition <= max_condition:
        return CSMFEstimate(None, f"condition number of the matrix is {condition:.3g} > {max_condition:g}", facts)
    named = p.mean(axis=0) if soft else np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
    csmf = np.zeros(p.shape[1])
    csmf[known] = _on_simplex(matrix, named)
    return CSMFEstimate(csmf, facts=facts)


def bbse(
    test: npt.ArrayLike, training: OutOfFoldPredictions, *, soft: bool = True, max_condition: float = MAX_CONDITION
) -> CSMFEstimate:
    """Compute the black-box shift estimate (Lipton, Wang and Smola 2018, ICML; PMLR 80:3122).

    Solves ``C w = m`` for the ratios w of test to training fractions; ``C_ij`` is the joint share of training deaths
    named i and of cause j, m the shares named in the test set. Negative ratios become 0. Causes are those with training
    deaths; what is named outside them (nothing, for a model trained on the same deaths) is left out.

    Parameters
    ----------
    test, training, max_condition
        As for `adjusted_count`; the condition number is that of C with its columns scaled to sum 1.
    soft : bool
        Mean probabilities (True) or named causes (False).
    """
    p = _determined(test)
    train_p, truth = training.determined()
    if len(p) == 0 or len(train_p) == 0:
        return CSMFEstimate(None, "every death is undetermined")
    matrix, known = _misclassification(train_p, truth, soft=soft)
    square = matrix[known]
    condition = float(np.linalg.cond(square))
    facts = {"condition": condition}
    if not condition <= max_condition:
        return CSMFEstimate(None, f"condition number of the matrix is {condition:.3g} > {max_condition:g}", facts)
    train_share = np.bincount(truth, minlength=p.shape[1])[known] / len(truth)
    named = p.mean(axis=0) if soft else np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
    ratio = np.maximum(np.linalg.solve(square * train_share, named[known]), 0)
    facts["largest_ratio"] = float(ratio.max())
    if ratio.sum() == 0:
        return CSMFEstimate(None, "every ratio of test to training fractions is negative", facts)
    csmf = np.zeros(p.shape[1])
    csmf[known] = _scaled(ratio * train_share)
    return CSMFEstimate(csmf, facts=facts)


def em(
    test: npt.ArrayLike,
    training: OutOfFoldPredictions,
    *,
    calibrate: bool = True,
    pseudo_deaths: float = 0.0,
    tolerance: float = 1e-8,
    max_iterations: int = 10_000,
) -> CSMFEstimate:
    """Estimate the maximum-likelihood cause mix under label shift, by EM (Saerens, Latinne and Decaestecker 2002).

    Each round weighs the posteriors by the ratio of the current to the training fractions, scales them to 1, and takes
    their mean as the new fractions. It trusts the probabilities: over-confident ones (naive Bayes) send it to a corner,
    which is why it calibrates first.

    Parameters
    ----------
    test : float array, shape (n, n_causes)
    training : OutOfFoldPredictions
        Gives the training fractions and, with `calibrate`, the temperature.
    calibrate : bool
        First learn a temperature and a bias for each cause on the training predictions: see
        `va_experiments.metrics.calibration.fit_calibration`. A temperature alone does harm here.
    pseudo_deaths : float
        Deaths with the training cause mix added in each round: a Dirichlet prior that keeps rare causes from vanishing.
    tolerance : float
        Stop when the fractions change less than this in sum.
    max_iterations : int
        Abstain if it has not stopped by then.

    References
    ----------
    Neural Computation 14:21-41, equations 2.9 and 2.10.
    """
    p = _determined(test)
    train_p, truth = training.determined()
    if len(p) == 0 or len(train_p) == 0:
        return CSMFEstimate(None, "every death is undetermined")
    facts: dict[str, Any] = {}
    if calibrate:
        calibration = fit_calibration(truth, train_p)
        facts["temperature"] = calibration.temperature
        p = calibration.apply(p)
    prior = np.bincount(truth, minlength=p.shape[1]) / len(truth)
    likelihood = np.divide(p, prior, out=np.zeros_like(p), where=prior > 0)
    likelihood = likelihood[likelihood.any(axis=1)]
    if len(likelihood) == 0:
        return CSMFEstimate(None, "no test death has a probable cause that occurs in training", facts)
    likelihood /= likelihood.max(axis=1, keepdims=True)
    csmf = prior
    for iteration in range(1, max_iterations + 1):
        mass = likelihood @ csmf
        expected = csmf * ((1 / np.maximum(mass, np.finfo(np.float64).tiny)) @ likelihood) + pseudo_deaths * prior
        new = _scaled(expected)
        change = float(np.abs(new - csmf).sum())
        csmf = new
        if change < tolerance:
            return CSMFEstimate(csmf, facts=facts | {"iterations": iteration})
    return CSMFEstimate(None, f"not converged after {max_iterations} rounds", facts | {"last_change": change})


ESTIMATORS: Mapping[str, Callable[..., CSMFEstimate]] = {
    "classify_and_count": classify_and_count,
    "mean_probability": mean_probability,
    "confirmed_counts": confirmed_counts,
    "adjusted_count": adjusted_count,
    "em": em,
    "bbse": bbse,
}
"""Name of an estimator -> its function of test probabilities and `OutOfFoldPredictions`."""


def estimate_csmf(
    name: str, test: npt.ArrayLike, training: OutOfFoldPredictions | None = None, **options: Any
) -> CSMFEstimate:
    """Estimate the cause fractions of a test set by a named estimator.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one, or where training predictions are needed and not given.
    """
    if name not in ESTIMATORS:
        known = ", ".join(ESTIMATORS)
        raise InputError(f"unknown CSMF estimator {shown(name)}; known: {known}{did_you_mean(name, ESTIMATORS)}")
    if training is None and name not in ("classify_and_count", "mean_probability"):
        raise InputError(f"CSMF estimator '{name}' learns from predictions of training deaths; none are given")
    return ESTIMATORS[name](test, training, **options)
