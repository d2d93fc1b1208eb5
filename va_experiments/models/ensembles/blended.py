"""Average several models, and estimate the cause fractions partly by counting the causes that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.adaptive_count import AdaptiveCount, reweigh
from va_experiments.models.base import Prediction
from va_experiments.models.ensembles.stacking import MEMBER_PARAMETERS
from va_experiments.models.ensembles.voting import Voting

__all__ = ["Blended"]


class Blended(Voting):
    """Pool several models by fixed weights; the CSMF is a fixed blend of mean probability and counts.

    Mean probabilities are drawn towards the cause mix of the training sites; the shares of the most probable causes are
    not, but they exaggerate. A fixed share of each is better than either at a new site, and, unlike a share learned on
    a few sites, it cannot fail badly where the new site differs from all of them. Nothing is learned beside the
    members, so that a fit takes no inner folds.

    Parameters
    ----------
    members : tuple of str
        Names of models as in ``conf/model``; any other name has its class, as ``_target_``,
        in `member_parameters`.
    weights : tuple of float, optional
        One for each member, not negative; None: equal weights.
    pool : {"linear", "logarithmic"}
        Weighted mean of the probabilities, or of their logarithms.
    count_share : float
        Share of the counts in the CSMF, in [0, 1]; the rest is the mean probability.
    adapt : {"csmf", "posterior"}
        ``csmf``: the blend is the CSMF only. ``posterior``: the probabilities are moved to it as well
        (`va_experiments.models.adaptive_count.reweigh`), so that a death's depend on the deaths tested with it.
    member_parameters : mapping of str to mapping, optional
        Parameters of members that are not to be the class's defaults; ``covariates: all`` stands for all that the
        training data have.
    """

    def __init__(
        self,
        *,
        members: tuple[str, ...] = ("invariant_regression", "xgboost"),
        weights: tuple[float, ...] | None = None,
        pool: str = "linear",
        count_share: float = 0.25,
        adapt: str = "posterior",
        member_parameters: Mapping[str, Mapping[str, Any]] | None = MEMBER_PARAMETERS,
    ) -> None:
        super().__init__(members=members, weights=weights, pool=pool, member_parameters=member_parameters)
        self.count_share = count_share
        self.adapt = adapt

    @property
    def depends_on_test_set(self) -> bool:  # type: ignore[override]
        """Whether the prediction for one death depends on the others: by `adapt`, or because a member's does."""
        return self.adapt == "posterior" or super().depends_on_test_set

    @property
    def prediction_is_costly(self) -> bool:
        """Whether the prediction of a member is costly; adapting to a cause mix takes no time."""
        return super().depends_on_test_set

    def check_parameters(self) -> None:
        """Check the members, their parameters and the share."""
        super().check_parameters()
        self.check_choice("adapt", ("csmf", "posterior"))
        self.check([(0 <= self.count_share <= 1, f"count_share is {self.count_share!r}; expected 0 to 1")])

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the pooled probabilities, moved to the blend, and the blend."""
        return self._blended(super().predict(test, seed=seed))

    def predict_sets(
        self, test: Deaths, sets: Sequence[npt.NDArray[np.intp]], *, seed: int = 0
    ) -> Iterator[Prediction]:
        """Yield the prediction of each set; members that predict each death alone predict once for all sets."""
        if super().depends_on_test_set:
            yield from super().predict_sets(test, sets, seed=seed)
            return
        pooled = super().predict(test, seed=seed)
        for rows in sets:
            probability = pooled.probability[rows]
            csmf = probability.mean(axis=0) if len(rows) else pooled.csmf * 0
            yield self._blended(Prediction(probability, csmf, diagnostics=pooled.diagnostics))

    @property
    def _share(self) -> float:
        """The share of the counts in the CSMF of predictions."""
        return self.count_share

    @property
    def _posterior_share(self) -> float:
        """The share of the counts in the cause mix that probabilities are moved to."""
        return self._share

    def _blended(self, pooled: Prediction) -> Prediction:
        if not len(pooled.probability):
            return pooled
        csmf = self._mix(pooled.probability, self._share)
        probability = pooled.probability
        if self.adapt == "posterior":
            share = self._posterior_share
            probability = reweigh(probability, csmf if share == self._share else self._mix(probability, share))
        return Prediction(probability, csmf, diagnostics=pooled.diagnostics)

    @staticmethod
    def _mix(probability: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
        """Return the mean probability with a share of the counts of the most probable causes."""
        return AdaptiveCount(intercepts=(share,)).csmf(probability)[0]
