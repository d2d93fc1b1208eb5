"""Estimate cause fractions between counting and averaging, by a rule learned on resampled held-out sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.seeds import generator

__all__ = ["AdaptiveCount", "fit_adaptive_count", "reweigh"]

Floats = npt.NDArray[np.float64]

MIXES = (30.0, 8.0, 0.0)
"""Concentration of the Dirichlet mixes around each site's own that the rule is learned on, beside the sites as they
are; 0: mixes uniform over all mixes."""

_INTERCEPTS = np.arange(-4.0, 1.01, 0.125)
_SLOPES = np.arange(0.0, 30.1, 1.0)
_SHARES = np.linspace(0.0, 1.0, 21)
_WEIGHTINGS = 200  # Bayesian bootstrap of the folds


@dataclass(frozen=True)
class AdaptiveCount:
    """The rule: a share of the counts that grows with d, the rest of the mean probability.

    d is the total variation distance of the two from each other. Mean probabilities lean to the training cause mix:
    right where the test mix is like it; where it is not, the shares of the named causes part from them. The share is
    the mean of the lines ``intercept + slope * d``, each held in [0, 1].
    """

    intercepts: tuple[float, ...] = (0.0,)
    slopes: tuple[float, ...] = (0.0,)
    weights: tuple[float, ...] = (1.0,)
    """Of the lines; they sum to 1."""

    def share(self, distance: npt.ArrayLike) -> Floats:
        """Return the share of the counts."""
        d = np.asarray(distance, dtype=np.float64)[..., None]
        lines = np.clip(np.array(self.intercepts) + np.array(self.slopes) * d, 0.0, 1.0)
        return np.clip(lines @ np.array(self.weights), 0.0, 1.0)  # weights sum to 1 but for rounding

    def csmf(self, probability: Floats) -> tuple[Floats, float]:
        """Return the cause fractions of deaths with these probabilities, and the share of the counts in them.

        Undetermined deaths (all-zero rows) are left out of both, and scale the result down.
        """
        known = probability[probability.any(axis=1)]
        if not len(known):
            return np.zeros(probability.shape[1]), 0.0
        mean, counts = _both(known, np.ones((1, len(known))))
        share = float(self.share(_distance(mean, counts))[0])
        blend = (1 - share) * mean[0] + share * counts[0]
        return blend * (len(known) / len(probability)), share


def reweigh(probability: Floats, csmf: Floats) -> Floats:
    """Return the probabilities after a change of the cause mix from their own mean to `csmf`.

    Each is multiplied by the ratio of the two and the row scaled to 1: Bayes' rule, one round of Saerens et al. (2002,
    Neural Computation 14:21). A row left with nothing stays as it was.
    """
    mean = probability.mean(axis=0)
    ratio = np.divide(csmf, mean, out=np.zeros_like(mean), where=mean > 0)
    weighted = probability * ratio
    total = weighted.sum(axis=1, keepdims=True)
    return np.where(total > 0, weighted / np.where(total > 0, total, 1.0), probability)


def fit_adaptive_count(
    probability: Floats,
    truth: npt.NDArray[np.integer],
    fold: npt.NDArray[np.intp],
    *,
    seed: int,
    n_resamples: int = 60,
) -> AdaptiveCount:
    """Return the mean of the rules with the greatest CSMF accuracy over the folds and over resamples with other mixes.

    Every fold (a training site, predicted without it) enters as it is, and in `n_resamples` test sets with cause mixes
    drawn around its own at each concentration of `MIXES`; the four designs weigh the same. Deaths are drawn with
    replacement inside causes (the artificial-prevalence protocol: Forman 2008, Data Mining and Knowledge Discovery
    17:164). Which single line is best hangs on a few folds, so the share is the mean of the best lines under many
    weightings of the folds: their Bayesian bootstrap (Rubin 1981, Annals of Statistics 9:130; that averaging steadies a
    choice which small changes overturn, Breiman 1996, Machine Learning 24:123). The simplest of equal lines wins: the
    least slope, then the least intercept.

    Parameters
    ----------
    probability : float array, shape (n_deaths, n_causes)
        Out-of-fold.
    truth, fold : int array, shape (n_deaths,)
    seed : int
    n_resamples : int
    """
    slopes, intercepts = (x.ravel() for x in np.meshgrid(_SLOPES, _INTERCEPTS, indexing="ij"))
    accuracy = []
    for k in np.unique(fold):
        rows = np.flatnonzero((fold == k) & probability.any(axis=1))
        if len(rows):
            designs = [
                _resamples(truth[rows], probability.shape[1], c, n_resamples, generator(seed, f"{k} {c}"))
                for c in (None, *MIXES)
            ]
            accuracies = [_accuracy(probability[rows], truth[rows], drawn, slopes, intercepts) for drawn in designs]
            accuracy.append(np.mean(accuracies, axis=0))
    if not accuracy:
        return AdaptiveCount()
    weightings = generator(seed, "weightings").dirichlet(np.ones(len(accuracy)), size=_WEIGHTINGS)
    best, times = np.unique(np.round(weightings @ np.array(accuracy), 12).argmax(axis=1), return_counts=True)
    return AdaptiveCount(
        tuple(intercepts[best].tolist()), tuple(slopes[best].tolist()), tuple((times / _WEIGHTINGS).tolist())
    )


def _accuracy(
    probability: Floats, truth: npt.NDArray[np.integer], drawn: Floats, slopes: Floats, intercepts: Floats
) -> Floats:
    """Return the mean CSMF accuracy (Murray et al. 2011) of each line over resamples of one fold, shape (n_lines,)."""
    mean, counts = _both(probability, drawn)
    true = drawn @ np.eye(probability.shape[1])[truth] / drawn.sum(axis=1, keepdims=True)
    error = np.stack([np.abs((1 - a) * mean + a * counts - true).sum(axis=1) / 2 for a in _SHARES])
    error /= np.maximum(1 - true.min(axis=1), 1e-12)
    distance, at = _distance(mean, counts), np.arange(len(drawn))
    place = np.clip(intercepts[:, None] + slopes[:, None] * distance, 0.0, 1.0) * (len(_SHARES) - 1)
    low = np.minimum(place.astype(np.intp), len(_SHARES) - 2)
    part = place - low
    accuracy: Floats = 1 - ((1 - part) * error[low, at] + part * error[low + 1, at]).mean(axis=1)
    return accuracy


def _both(probability: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return mean probabilities and shares of named causes of weighted deaths, each of shape (n_sets, n_causes)."""
    n = weights.sum(axis=1, keepdims=True)
    return weights @ probability / n, weights @ np.eye(probability.shape[1])[probability.argmax(axis=1)] / n


def _distance(mean: Floats, counts: Floats) -> Floats:
    return np.abs(counts - mean).sum(axis=1) / 2


def _resamples(
    truth: npt.NDArray[np.integer], n_causes: int, concentration: float | None, n: int, rng: np.random.Generator
) -> Floats:
    """Return how often each death is in each resample, shape (n, n_deaths); the deaths as they are for None."""
    members = np.bincount(truth, minlength=n_causes)
    if concentration is None:
        return np.ones((1, len(truth)))
    present = np.flatnonzero(members)
    present_shares = members[present] / len(truth)
    mixes = rng.dirichlet(concentration * present_shares if concentration else np.ones(len(present)), size=n)
    weights = np.zeros((n, len(truth)))
    for j, size in enumerate(rng.multinomial(len(truth), mixes).T):
        inside = np.flatnonzero(truth == present[j])
        equal = np.full(len(inside), 1 / len(inside))
        weights[:, inside] = rng.multinomial(size, equal)
    return weights
