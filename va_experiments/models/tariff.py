"""Tariff 1.0 (James, Flaxman and Murray 2011, Population Health Metrics 9:31), as the R package Tariff does it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction
from va_experiments.models.empirical import quantile7
from va_experiments.seeds import generator

__all__ = [
    "Tariff",
    "endorsement",
    "keep_largest",
    "ranks",
    "resample_evenly",
    "scores",
    "significant",
    "tariffs",
    "weights_from",
]

# What bounds the memory. None changes a bit: all sums here are of whole numbers, or of halves.
_BLOCK = 1 << 11  # deaths whose symptoms are turned into floats at a time
_STRETCH = 1 << 8  # deaths of a cause whose bootstrap counts are turned into floats at a time
_CELLS = 68_000  # bootstrap cells held at a time


class Tariff(Model):
    """Additive scores: a symptom's frequency under a cause less its median over causes, in interquartile ranges.

    Parameters
    ----------
    n_bootstrap : int
        Bootstrap samples of the training deaths by which a tariff is judged: it is kept if its 95% interval lies on one
        side of zero. 0 keeps all (the package's ``use.sig=FALSE``; else ``nboot.sig``).
    top : int or None
        Keep this many of the largest tariffs (in size) of each cause; None keeps all (``use.top``, ``ntop``).
    rank : bool
        Compare a death's score for a cause with the scores for that cause of a baseline of training deaths, and name
        the cause for which the death ranks best; False names the cause with the highest score (``use.rank``).
    n_resample : int
        The baseline: this many times N/C deaths of each cause drawn with replacement, or, with 0, the training deaths
        as they are (``nboot.rank``).
    reference_compat : bool
        Do as the R package does: `top` deletes the *smallest* tariffs of each cause instead of keeping the largest, an
        interval that touches zero counts as off zero, and ties go to the cause that appears first in the training rows
        instead of the first declared.

    Attributes
    ----------
    tariff_ : float64 array, shape (n_present, n_symptoms)
        In steps of 0.5; 0 where not significant.
    baseline_ : float64 array, shape (n_present, n_baseline)
        Scores of the baseline deaths for each cause, ascending.
    order_ : int16 array, shape (n_present,)
        Index of each row in the declared cause list.

    Notes
    -----
    Tariff has no probabilities. The `Prediction` holds weights that fall with the rank, ``1 / rank**2`` normalised
    (with ``rank=False``: the exponential of the score, normalised), so that measures of the first few causes work; they
    are no calibrated probabilities. The CSMF is the share of top causes.
    """

    def __init__(
        self,
        *,
        n_bootstrap: int = 500,
        top: int | None = None,
        rank: bool = True,
        n_resample: int = 1,
        reference_compat: bool = False,
    ) -> None:
        self.n_bootstrap = n_bootstrap
        self.top = top
        self.rank = rank
        self.n_resample = n_resample
        self.reference_compat = reference_compat

    def check_parameters(self) -> None:
        """Check the numbers."""
        self.check(
            [
                (self.n_bootstrap >= 0, f"n_bootstrap is {self.n_bootstrap!r}; expected 0 (keep all tariffs) or more"),
                (self.top is None or self.top >= 1, f"top is {self.top!r}; expected null or at least 1"),
                (self.n_resample >= 0, f"n_resample is {self.n_resample!r}; expected 0 (training deaths) or more"),
            ]
        )

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Compute the tariffs, drop those that are not significant, and score the baseline."""
        self.check_parameters()
        labels = self.validate_train(train)
        by_id = np.argsort(train.id, kind="stable")  # what is drawn must not depend on the order of the rows
        present = train.symptoms[by_id] == 1
        self.order_, first, cause = np.unique(labels[by_id], return_index=True, return_inverse=True)
        if self.reference_compat:
            _, first = np.unique(labels, return_index=True)
            appearance = np.argsort(first, kind="stable")
            self.order_, cause = self.order_[appearance], np.argsort(appearance)[cause]
        self.tariff_ = tariffs(endorsement(present, cause))
        if self.n_bootstrap:
            rng = generator(seed, "significance")
            self.significant_ = significant(present, cause, self.n_bootstrap, rng, touching=self.reference_compat)
            self.tariff_ = np.where(self.significant_, self.tariff_, 0.0)
        if self.top is not None:
            self.tariff_ = (
                _drop_smallest(self.tariff_, self.top)
                if self.reference_compat
                else keep_largest(self.tariff_, self.top)
            )
        if self.rank:
            rows = np.arange(len(cause))
            if self.n_resample:
                size = self.n_resample * max(len(cause) // len(self.order_), 1)
                rows = resample_evenly(cause, size, generator(seed, "baseline"))
            self.baseline_ = np.sort(scores(present[rows], self.tariff_).T, axis=1)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the best-ranked cause of each death, and weights that fall with the rank."""
        self.validate_test(test)
        score = scores(test.symptoms == 1, self.tariff_)
        if self.rank:
            place = ranks(score, self.baseline_)
            top, weight = place.argmin(axis=1), weights_from(place)
        else:
            top = score.argmax(axis=1)
            weight = np.exp(score - score.max(axis=1, keepdims=True))
            weight /= weight.sum(axis=1, keepdims=True)
        probability = np.zeros((len(test), len(self.causes_)))
        probability[:, self.order_] = weight
        named = self.order_[top].astype(np.int16)
        csmf = np.bincount(named, minlength=len(self.causes_)) / max(len(test), 1)
        return Prediction(probability, csmf, top_cause=named)


def endorsement(present: npt.NDArray[np.bool_], cause: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Return the share of the deaths of each cause with each symptom; missing counts as absent.

    Parameters
    ----------
    present : bool array, shape (n_deaths, n_symptoms)
    cause : int array, shape (n_deaths,)
        Every number from 0 to the largest occurs.

    Returns
    -------
    float64 array, shape (n_causes, n_symptoms)
    """
    share = np.stack([present[cause == c].sum(axis=0, dtype=np.float64) for c in range(int(cause.max()) + 1)])
    return share / np.bincount(cause)[:, None]


def tariffs(share: npt.NDArray[np.float64], *, rounded: bool = True) -> npt.NDArray[np.float64]:
    """Return ``(share - median) / IQR`` over the causes (first axis), to the nearest 0.5.

    Where the interquartile range is 0 the range takes its place, and where that is 0 too, 0.05.
    """
    ordered = np.sort(share, axis=0)
    low, median, high = quantile7(ordered, np.array([0.25, 0.5, 0.75]))
    spread = high - low
    spread = np.where(spread == 0, ordered[-1] - ordered[0], spread)
    spread = np.where(spread == 0, 0.05, spread)
    tariff = (share - median) / spread
    return np.rint(2 * tariff) / 2 if rounded else tariff


def significant(
    present: npt.NDArray[np.bool_],
    cause: npt.NDArray[np.intp],
    n_bootstrap: int,
    rng: np.random.Generator,
    *,
    touching: bool,
) -> npt.NDArray[np.bool_]:
    """Return which tariffs have a 95% bootstrap interval on one side of zero, shape (n_causes, n_symptoms).

    The deaths of all causes are resampled together; a cause without a death in a sample has no symptoms in it.

    Parameters
    ----------
    touching : bool
        Whether an interval that ends at zero counts.
    """
    n, n_symptoms = present.shape
    n_causes = int(cause.max()) + 1
    by_cause = np.argsort(cause, kind="stable")
    bounds = np.searchsorted(cause[by_cause], np.arange(n_causes + 1))
    place = np.empty(n, dtype=np.intp)
    place[by_cause] = np.arange(n)
    drawn = np.empty((n_bootstrap, n), dtype=np.uint8)  # how often each death is in each sample: rarely above 8
    for b in range(n_bootstrap):
        drawn[b] = np.bincount(place[rng.integers(0, n, size=n)], minlength=n)
    deaths = np.stack([drawn[:, i:j].sum(axis=1, dtype=np.int64) for i, j in pairwise(bounds)])
    is_significant = np.empty((n_causes, n_symptoms), dtype=bool)
    width = max(1, _CELLS // (n_bootstrap * n_causes))
    for start in range(0, n_symptoms, width):
        columns = slice(start, start + width)
        share = np.zeros((n_causes, n_bootstrap, min(width, n_symptoms - start)))
        for c, (first, last) in enumerate(pairwise(bounds)):
            for i in range(first, last, _STRETCH):
                j = min(i + _STRETCH, last)
                share[c] += drawn[:, i:j].astype(np.float32) @ present[by_cause[i:j], columns].astype(np.float32)
            share[c] /= np.maximum(deaths[c], 1)[:, None]
        sample = tariffs(share)
        low, high = _interval(sample)
        is_significant[:, columns] = low * high >= 0 if touching else low * high > 0
    return is_significant


def _interval(sample: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the type 7 quantiles at 2.5% and 97.5% over the second axis."""
    n = sample.shape[1]
    h = (n - 1) * np.array([0.025, 0.975])
    low = np.floor(h + 4 * np.finfo(float).eps).astype(int)
    places = sorted({*low.tolist(), *np.minimum(low + 1, n - 1).tolist()})
    ordered = np.partition(np.moveaxis(sample, 1, -1), places, axis=-1)
    weight = h - low
    ends = [(1 - w) * ordered[..., k] + w * ordered[..., min(k + 1, n - 1)] for k, w in zip(low, weight, strict=True)]
    return ends[0], ends[1]


def keep_largest(tariff: npt.NDArray[np.float64], top: int) -> npt.NDArray[np.float64]:
    """Return the tariffs with all but the `top` largest (in size) of each cause at 0; earlier symptoms win ties."""
    order = np.argsort(-np.abs(tariff), axis=1, kind="stable")
    is_largest = np.zeros(tariff.shape, dtype=bool)
    np.put_along_axis(is_largest, order[:, :top], True, axis=1)
    return np.where(is_largest, tariff, 0.0)


def _drop_smallest(tariff: npt.NDArray[np.float64], top: int) -> npt.NDArray[np.float64]:
    """Return the tariffs with the `top` smallest (in size) of each cause at 0."""
    order = np.argsort(np.abs(tariff), axis=1, kind="stable")
    dropped = np.zeros(tariff.shape, dtype=bool)
    np.put_along_axis(dropped, order[:, :top], True, axis=1)
    return np.where(dropped, 0.0, tariff)


def resample_evenly(cause: npt.NDArray[np.intp], size: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return `size` rows of each cause, drawn with replacement, cause after cause."""
    return np.concatenate([rng.choice(np.flatnonzero(cause == c), size=size) for c in range(int(cause.max()) + 1)])


def scores(present: npt.NDArray[Any], tariff: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sum of the tariffs of the symptoms present, shape (n_deaths, n_causes).

    Exact for tariffs in steps of 0.5, in whatever order they are summed.
    """
    score = np.empty((len(present), len(tariff)))
    for start in range(0, len(present), _BLOCK):
        np.matmul(present[start : start + _BLOCK].astype(np.float64), tariff.T, out=score[start : start + _BLOCK])
    return score


def ranks(score: npt.NDArray[np.float64], baseline: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the place of each score among the baseline's for that cause, 1 the highest; half places for ties.

    Parameters
    ----------
    score : float64 array, shape (n_deaths, n_causes)
    baseline : float64 array, shape (n_causes, n_baseline)
        Ascending.
    """
    place = np.empty(score.shape)
    for c, ordered in enumerate(baseline):
        below = np.searchsorted(ordered, score[:, c], side="left")
        up_to = np.searchsorted(ordered, score[:, c], side="right")
        place[:, c] = len(ordered) - up_to + (up_to - below) / 2 + 1
    return place


def weights_from(place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return ``1 / rank**2``, each row normalised to 1."""
    weight = (place.min(axis=1, keepdims=True) / place) ** 2
    return weight / weight.sum(axis=1, keepdims=True)
