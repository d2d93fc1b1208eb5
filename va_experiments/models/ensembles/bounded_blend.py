"""Average several models, and count the named causes only as far as no training site loses by it."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from va_experiments.callbacks import Parts
from va_experiments.data.deaths import Deaths
from va_experiments.models.adaptive_count import AdaptiveCount
from va_experiments.models.base import Model, Prediction
from va_experiments.models.ensembles.blended import Blended
from va_experiments.models.ensembles.ensemble_members import make_member
from va_experiments.models.ensembles.pooling import pool
from va_experiments.models.ensembles.site_cross_validation import by_id, out_of_site, site_folds
from va_experiments.models.ensembles.stacking import MEMBER_PARAMETERS
from va_experiments.seeds import integer_seed
from va_experiments.typical_costs import TRAINING_SITES

__all__ = ["BoundedBlend", "largest_safe_share"]

_STEP = 0.05


class BoundedBlend(Blended):
    """Blend mean probability and counts, with a share of counts at which no training site loses much.

    As `Blended`, but `count_share` is the most that is taken: each training site is predicted by members fitted to the
    others, and the share is the largest one, in steps of .05, at which the CSMF accuracy of no training site is lower
    than that of the mean probability by more than `largest_loss`.

    Parameters
    ----------
    members, weights, pool, adapt, member_parameters
        As for `Blended`.
    count_share : float
        Largest share of the counts in the CSMF, in [0, 1].
    largest_loss : float
        CSMF accuracy that a training site may lose, at least 0.
    """

    def __init__(
        self,
        *,
        members: tuple[str, ...] = ("invariant_regression", "xgboost"),
        weights: tuple[float, ...] | None = None,
        pool: str = "linear",
        count_share: float = 0.25,
        largest_loss: float = 0.02,
        adapt: str = "posterior",
        member_parameters: Mapping[str, Mapping[str, Any]] | None = MEMBER_PARAMETERS,
    ) -> None:
        super().__init__(
            members=members,
            weights=weights,
            pool=pool,
            count_share=count_share,
            adapt=adapt,
            member_parameters=member_parameters,
        )
        self.largest_loss = largest_loss

    def check_parameters(self) -> None:
        """Check the members, their parameters, the share and the loss."""
        super().check_parameters()
        self.check(
            [(self.largest_loss >= 0, f"largest_loss is {self.largest_loss!r}; expected a number of at least 0")]
        )

    def inner_fits(self) -> list[tuple[Model, float]]:
        """Return the members: fitted once without each training site, and once to all."""
        parameters = self.member_parameters or {}
        fits = dict.fromkeys(self.members, 1.0)
        for name in self._judges:
            fits[name] = fits.get(name, 0) + TRAINING_SITES
        return [(make_member(name, parameters.get(name)), times) for name, times in fits.items()]

    @property
    def _judges(self) -> tuple[str, ...]:
        """The members that are fitted without each training site, to choose the share."""
        return self.members

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Choose the share out of site, then fit the members to all deaths."""
        self.check_parameters()
        self.validate_train(train)
        ordered, start = by_id(train), time.perf_counter()
        fold = site_folds(ordered, seed=seed)
        parts = Parts([float(len(np.unique(fold))), 1.0])
        with parts.next():
            self.share_ = self._chosen_share(ordered, fold, seed)
        self.tuning_seconds_ = time.perf_counter() - start
        with parts.next():
            return super().fit(train, seed=seed)

    def _chosen_share(self, train: Deaths, fold: npt.NDArray[np.intp], seed: int) -> float:
        assert train.cause is not None
        if len(np.unique(fold)) < 2 or self.count_share == 0:
            return self.count_share
        parameters = self.member_parameters or {}
        seen = [
            out_of_site(
                functools.partial(make_member, name, parameters.get(name), train),
                train,
                fold,
                seed=integer_seed([seed, name], "bounded blend"),
            )
            for name in self._judges
        ]
        every = dict(zip(self.members, self.weights or (1.0,) * len(self.members), strict=True))
        weights = np.array([every[name] for name in self._judges], dtype=np.float64)
        pooled = pool(seen, weights / weights.sum(), self.pool)
        return largest_safe_share(pooled, train.cause, fold, most=self.count_share, largest_loss=self.largest_loss)

    @property
    def _share(self) -> float:
        return self.share_

    def _blended(self, pooled: Prediction) -> Prediction:
        diagnostics = {**pooled.diagnostics, "count_share": self.share_}
        return super()._blended(dataclasses.replace(pooled, diagnostics=diagnostics))


def largest_safe_share(
    probability: npt.NDArray[np.float64],
    cause: npt.NDArray[np.integer],
    fold: npt.NDArray[np.intp],
    *,
    most: float,
    largest_loss: float,
) -> float:
    """Return the largest share of the counts, in steps of .05 and at most `most`, at which no fold loses much.

    Parameters
    ----------
    probability : float array, shape (n_deaths, n_causes)
        Of each death by a model fitted without its fold.
    cause, fold : int array, shape (n_deaths,)
    most : float
    largest_loss : float
        Of CSMF accuracy against the mean probability.
    """
    shares = np.append(np.arange(0.0, most - 1e-9, _STEP), most)
    worst = np.zeros(len(shares))
    for number in np.unique(fold):
        in_fold = fold == number
        true = np.bincount(cause[in_fold], minlength=probability.shape[1]) / in_fold.sum()
        estimates = [AdaptiveCount(intercepts=(float(a),)).csmf(probability[in_fold])[0] for a in shares]
        error = np.abs(np.array(estimates) - true).sum(axis=1) / max(2 * (1 - true.min()), 1e-12)
        worst = np.maximum(worst, error - error[0])  # CSMF accuracy (Murray et al. 2011) is 1 less this error
    return float(shares[worst <= largest_loss + 1e-12].max())
