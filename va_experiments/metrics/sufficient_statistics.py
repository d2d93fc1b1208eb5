"""Compute the weighted sums over test deaths from which the metrics follow, for many resamples at once.

In: the deaths of a prediction, and weights. Out: `Totals`. A resample of n deaths is a row of weights. All sums of all
resamples come from one matrix product, weights times features, which takes milliseconds. Numbers that are not counts
(probabilities, losses) enter in fixed point: as integers so small that every partial sum is exact. Therefore the sums
do not depend on their order, the number of resamples, BLAS, threads or the machine. The rounding error of a mean is at
most 2.3e-16 times the number of deaths times the largest value: 2e-12 for the probabilities of 10,000 deaths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from va_experiments.metrics.individual import rank_of_truth

__all__ = ["LOG_LOSS_FLOOR", "PredictionLike", "ScoredDeaths", "Totals", "scored_deaths", "totals"]

Floats = npt.NDArray[np.float64]

LOG_LOSS_FLOOR = 1e-15
"""Least probability that log loss is taken of: a true cause that was given 0 costs 34.5."""


class PredictionLike(Protocol):
    """What is scored; `va_experiments.models.base.Prediction` is one."""

    @property
    def probability(self) -> Floats:
        """Cause probabilities, shape (n_deaths, n_causes); an all-zero row is an undetermined death."""

    @property
    def csmf(self) -> Floats:
        """The model's own cause fractions, shape (n_causes,)."""

    @property
    def top_cause(self) -> npt.NDArray[np.int16] | None:
        """The cause named for each death, -1 undetermined; None means the first largest probability."""


@dataclass(frozen=True, eq=False)
class ScoredDeaths:
    """Deaths of one prediction, with what each contributes to the metrics."""

    truth: npt.NDArray[np.intp]
    """True cause, shape (n,)."""
    probability: Floats
    """Shape (n, n_causes)."""
    named: npt.NDArray[np.intp]
    """Named cause, -1 undetermined, shape (n,)."""
    csmf: Floats
    """The model's own, shape (n_causes,)."""
    rank: npt.NDArray[np.intp]
    """Rank of the true cause, 0 = first, shape (n,)."""
    train_cause: npt.NDArray[np.integer] | None = None
    """Causes of the training deaths, where known."""
    csmf_draws: Floats | None = None
    """Posterior draws of the CSMF, where the model has them, shape (n_draws, n_causes)."""

    @property
    def n_causes(self) -> int:
        """Length of the declared cause list."""
        return self.probability.shape[1]

    @property
    def csmf_top(self) -> Floats:
        """Shares of the named causes, shape (n_causes,)."""
        return np.bincount(self.named[self.named >= 0], minlength=self.n_causes) / len(self.named)

    @property
    def csmf_follows(self) -> bool:
        """Whether the model's own CSMF is its mean probability or its named shares, so that it follows a resample."""
        bases = (self.probability.mean(axis=0), self.csmf_top)
        return any(bool(np.abs(self.csmf - base).max() < 1e-9) for base in bases)

    @property
    def log_loss(self) -> Floats:
        """Return minus the log probability of the true cause of each death.

        Undetermined deaths (all-zero rows) count as the uniform probability 1 / n_causes; other probabilities are taken
        as at least `LOG_LOSS_FLOOR`.
        """
        of_true_cause = self.probability[np.arange(len(self.truth)), self.truth]
        nothing = ~self.probability.any(axis=1)
        return -np.log(np.where(nothing, 1 / self.n_causes, np.maximum(of_true_cause, LOG_LOSS_FLOOR)))

    @property
    def brier(self) -> Floats:
        """Return the sum over causes of (probability - truth) squared of each death: 0 to 2; 1 if undetermined."""
        of_true_cause = self.probability[np.arange(len(self.truth)), self.truth]
        return np.einsum("ij,ij->i", self.probability, self.probability) - 2 * of_true_cause + 1


def scored_deaths(
    truth: npt.ArrayLike, prediction: PredictionLike, train_cause: npt.ArrayLike | None = None
) -> ScoredDeaths:
    """Arrange the deaths of a prediction for scoring; shapes are checked.

    Raises
    ------
    ValueError
        If the numbers of deaths or causes do not fit together.
    """
    cause = np.asarray(truth, dtype=np.intp)
    probability = np.asarray(prediction.probability, dtype=np.float64)
    if probability.ndim != 2 or probability.shape[0] != len(cause):
        raise ValueError(f"{len(cause)} true causes for probabilities of shape {probability.shape}")
    if len(cause) == 0:
        raise ValueError("no deaths to score")
    if cause.min() < 0 or cause.max() >= probability.shape[1]:
        raise ValueError(f"a true cause lies outside 0..{probability.shape[1] - 1}")
    named = prediction.top_cause
    if named is None:
        named = np.where(probability.any(axis=1), probability.argmax(axis=1), -1)
    return ScoredDeaths(
        truth=cause,
        probability=probability,
        named=np.asarray(named, dtype=np.intp),
        csmf=np.asarray(prediction.csmf, dtype=np.float64),
        rank=rank_of_truth(cause, probability),
        train_cause=None if train_cause is None else np.asarray(train_cause),
        csmf_draws=getattr(prediction, "csmf_draws", None),
    )


@dataclass(frozen=True, eq=False)
class Totals:
    """Sums over the deaths of each resample; the leading axis is the resample."""

    n: Floats
    """Deaths, shape (B,)."""
    true: Floats
    """Deaths by true cause, shape (B, n_causes)."""
    named: Floats
    """Deaths by named cause, shape (B, n_causes); undetermined ones are in none."""
    correct: Floats
    """Rightly named deaths by cause, shape (B, n_causes)."""
    probability: Floats
    """Sum of the probabilities by cause, shape (B, n_causes)."""
    top3: Floats
    """Deaths with the true cause among the three most probable, shape (B,)."""
    log_loss: Floats
    """Sum of the log losses, shape (B,)."""
    brier: Floats
    """Sum of the Brier scores, shape (B,)."""
    csmf_model: Floats
    """The model's own cause fractions, shape (B, n_causes)."""

    @property
    def n_causes(self) -> int:
        """Length of the declared cause list."""
        return self.true.shape[1]

    @property
    def csmf_true(self) -> Floats:
        """True cause fractions, shape (B, n_causes)."""
        return self.true / self.n[:, None]

    @property
    def csmf_top(self) -> Floats:
        """Cause fractions from the named causes, shape (B, n_causes); sums to 1 less the undetermined share."""
        return self.named / self.n[:, None]

    @property
    def csmf_mean(self) -> Floats:
        """Cause fractions as mean probability, shape (B, n_causes)."""
        return self.probability / self.n[:, None]


def _one_hot(codes: npt.NDArray[np.intp], n_causes: int) -> Floats:
    return (codes[:, None] == np.arange(n_causes)).astype(np.float64)


def _fixed_point(values: Floats, heaviest: float) -> tuple[Floats, float]:
    """Convert `values` to integers (in float64) with a scale, so that weights of sum `heaviest` sum exactly."""
    largest = max(float(np.abs(values).max(initial=0.0)), 1.0)
    scale = 2.0 ** math.floor(52 - math.log2(max(heaviest, 1.0) * largest))
    return np.rint(values * scale), scale


def totals(
    cases: ScoredDeaths, weights: npt.ArrayLike | None = None, csmf_model: npt.ArrayLike | None = None
) -> Totals:
    """Sum over the deaths of each resample.

    Parameters
    ----------
    cases : ScoredDeaths
    weights : whole numbers, shape (B, n), optional
        How often each resample holds each death; None: every death once, B = 1.
    csmf_model : float array, shape (B, n_causes), optional
        The model's own CSMF of each resample, where the model was run on it. Without it: the CSMF of the whole test
        set, moved by as much as the mean probability (or, if it equals the shares of the named causes, these) differs
        between the resample and the whole, cut at 0. That is exact for models whose CSMF is one of the two, and an
        approximation for all others.
    """
    n, n_causes = cases.probability.shape
    w = np.ones((1, n)) if weights is None else np.ascontiguousarray(weights, dtype=np.float64)
    heaviest = float(w.sum(axis=1).max(initial=0.0))
    hit = cases.named == cases.truth
    right = _one_hot(np.where(hit, cases.truth, -1), n_causes)
    real, scale_p = _fixed_point(cases.probability, heaviest)
    losses, scale_l = _fixed_point(np.column_stack([cases.log_loss, cases.brier]), heaviest)
    features = np.hstack(
        [
            _one_hot(cases.truth, n_causes),
            _one_hot(cases.named, n_causes),
            right,
            real,
            losses,
            (cases.rank < 3)[:, None],
        ]
    )
    sums = w @ features
    true, named, correct, probability = (sums[:, k * n_causes : (k + 1) * n_causes] for k in range(4))
    total = w.sum(axis=1)
    rest = sums[:, 4 * n_causes :]
    probability = probability / scale_p
    return Totals(
        n=total,
        true=true,
        named=named,
        correct=correct,
        probability=probability,
        log_loss=rest[:, 0] / scale_l,
        brier=rest[:, 1] / scale_l,
        top3=rest[:, 2],
        csmf_model=(
            _moved(cases, named / total[:, None], probability / total[:, None])
            if csmf_model is None
            else np.asarray(csmf_model, dtype=np.float64)
        ),
    )


def _moved(cases: ScoredDeaths, csmf_top: Floats, csmf_mean: Floats) -> Floats:
    """Shift the model's CSMF by the change of the mean probability, or of the shares of the assigned causes."""
    if np.abs(cases.csmf - cases.csmf_top).max() < 1e-9:
        return csmf_top
    moved = np.maximum(csmf_mean + (cases.csmf - cases.probability.mean(axis=0)), 0)
    return moved / np.maximum(moved.sum(axis=1, keepdims=True), 1)
