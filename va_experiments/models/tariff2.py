"""Tariff 2.0 (Serina et al. 2015, BMC Medicine 13:291), by the documented behaviour of SmartVA-Analyze."""

from __future__ import annotations

from typing import Self

import numpy as np

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction
from va_experiments.models.tariff import (
    endorsement,
    keep_largest,
    ranks,
    resample_evenly,
    scores,
    significant,
    tariffs,
    weights_from,
)
from va_experiments.seeds import generator

__all__ = ["Tariff2"]


class Tariff2(Model):
    """Tariff with significance, the largest tariffs only, ranks in an even training set, and cut-offs.

    A cause is ruled out for a death whose rank for it is worse than that of most training deaths of the cause, whose
    rank is worse than a share of the whole baseline, or whose score is too low. The best rank among the causes left is
    named; a death with none left is undetermined.

    Parameters
    ----------
    n_bootstrap : int
        Bootstrap samples by which a tariff is judged, as in `Tariff`; 0 keeps all.
    top : int
        Largest tariffs (in size) kept for each cause, chosen before rounding to steps of 0.5.
    cause_cutoff : float
        A cause is ruled out beyond the rank at this share of its own baseline deaths.
    overall_cutoff : float
        A cause is ruled out beyond this share of the whole baseline.
    minimum_score : float
        A cause is ruled out up to this score.

    Attributes
    ----------
    tariff_ : float64 array, shape (n_present, n_symptoms)
    baseline_ : float64 array, shape (n_present, n_baseline)
        Scores of the even training set for each cause, ascending.
    cutoff_ : float64 array, shape (n_present,)
        The worst rank allowed for each cause.

    Notes
    -----
    The tariffs come from the training deaths, where SmartVA carries fixed ones; its age, sex and region masks, its
    lists of implausible symptom-cause pairs and its expert rules belong to its questionnaire and are left out, and the
    undetermined deaths are not redistributed. The baseline has the same number of deaths of each cause, N/C, drawn
    with replacement. Weights take the place of probabilities as in `Tariff`; a cause that is ruled out has the rank
    after the last.
    """

    def __init__(
        self,
        *,
        n_bootstrap: int = 500,
        top: int = 40,
        cause_cutoff: float = 0.89,
        overall_cutoff: float = 0.18,
        minimum_score: float = 0.7,
    ) -> None:
        self.n_bootstrap = n_bootstrap
        self.top = top
        self.cause_cutoff = cause_cutoff
        self.overall_cutoff = overall_cutoff
        self.minimum_score = minimum_score

    def check_parameters(self) -> None:
        """Check the numbers."""
        shares = [
            (0 < getattr(self, p) <= 1, f"{p} is {getattr(self, p)!r}; expected a share in (0, 1]")
            for p in ("cause_cutoff", "overall_cutoff")
        ]
        self.check(
            [
                (self.n_bootstrap >= 0, f"n_bootstrap is {self.n_bootstrap!r}; expected 0 (keep all tariffs) or more"),
                (self.top >= 1, f"top is {self.top!r}; expected at least 1"),
                *shares,
            ]
        )

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Compute the tariffs, score the even baseline, and find the cut-offs."""
        self.check_parameters()
        labels = self.validate_train(train)
        by_id = np.argsort(train.id, kind="stable")
        present = train.symptoms[by_id] == 1
        self.order_, cause = np.unique(labels[by_id], return_inverse=True)
        share = endorsement(present, cause)
        exact = tariffs(share, rounded=False)
        if self.n_bootstrap:
            rng = generator(seed, "significance")
            exact = np.where(significant(present, cause, self.n_bootstrap, rng, touching=False), exact, 0.0)
        self.tariff_ = np.rint(2 * keep_largest(exact, self.top)) / 2
        size = max(len(cause) // len(self.order_), 1)
        rows = resample_evenly(cause, size, generator(seed, "baseline"))
        score = scores(present[rows], self.tariff_)
        self.baseline_ = np.sort(score.T, axis=1)
        place = ranks(score, self.baseline_) - 0.5  # the baseline deaths are compared with themselves too
        places_of_cause = np.stack([np.sort(place[cause[rows] == c, c]) for c in range(len(self.order_))])
        self.cutoff_ = np.minimum(
            places_of_cause[:, min(int(size * self.cause_cutoff), size - 1)], self.overall_cutoff * len(rows)
        )
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the best-ranked cause that is not ruled out, -1 where none is left."""
        self.validate_test(test)
        score = scores(test.symptoms == 1, self.tariff_)
        place = ranks(score, self.baseline_) - 0.5
        allowed = (place <= self.cutoff_) & (score > self.minimum_score)
        place = np.where(allowed, place, self.baseline_.shape[1] + 0.5)
        has_cause = allowed.any(axis=1)
        best = np.where(allowed, place, np.inf).argmin(axis=1)
        named = np.where(has_cause, self.order_[best], -1).astype(np.int16)
        probability = np.zeros((len(test), len(self.causes_)))
        probability[np.ix_(has_cause, self.order_)] = weights_from(place[has_cause])
        csmf = np.bincount(named[has_cause], minlength=len(self.causes_)) / max(len(test), 1)
        share = float((~has_cause).mean()) if len(test) else 1.0
        return Prediction(probability, csmf, top_cause=named, diagnostics={"undetermined": share})
