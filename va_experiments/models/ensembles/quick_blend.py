"""Average several models, with a share of counts that one quick member judges, and assign causes by a larger share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.models.ensembles.bounded_blend import BoundedBlend
from va_experiments.models.ensembles.stacking import MEMBER_PARAMETERS

__all__ = ["QuickBlend"]


class QuickBlend(BoundedBlend):
    """Blend mean probability and counts, with one share for the fractions and another for the deaths.

    As `BoundedBlend`, but only the `judges` are fitted without each training site: the share of the counts at which no
    training site loses much is that of their predictions, so that slow members are fitted once. The probabilities of
    deaths move to a cause mix with the share `posterior_share`: an estimated mix that errs costs cause fractions much,
    and the assignment of single deaths little, since only deaths between two causes change.

    Parameters
    ----------
    members, weights, pool, count_share, adapt, member_parameters
        As for `BoundedBlend`.
    judges : tuple of str, optional
        Members by which the share in the CSMF is chosen; None: the first.
    largest_loss : float
        CSMF accuracy that a training site may lose by the judges' predictions, at least 0.
    posterior_share : float
        Share of the counts in the cause mix that probabilities are moved to, in [0, 1].
    """

    def __init__(
        self,
        *,
        members: tuple[str, ...] = ("invariant_regression", "xgboost"),
        weights: tuple[float, ...] | None = None,
        pool: str = "linear",
        judges: tuple[str, ...] | None = None,
        count_share: float = 0.25,
        largest_loss: float = 0.015,
        posterior_share: float = 0.75,
        adapt: str = "posterior",
        member_parameters: Mapping[str, Mapping[str, Any]] | None = MEMBER_PARAMETERS,
    ) -> None:
        super().__init__(
            members=members,
            weights=weights,
            pool=pool,
            count_share=count_share,
            largest_loss=largest_loss,
            adapt=adapt,
            member_parameters=member_parameters,
        )
        self.judges = judges
        self.posterior_share = posterior_share

    def check_parameters(self) -> None:
        """Check what `BoundedBlend` has, that the judges are members, and the share."""
        super().check_parameters()
        unknown = [name for name in self._judges if name not in self.members]
        if unknown or not self._judges:
            wrong = shown(unknown[0]) if unknown else "empty"
            hint = did_you_mean(str(unknown[0]), self.members) if unknown else ""
            raise InputError(f"QuickBlend: judges is {wrong}; expected members: {', '.join(self.members)}{hint}")
        share = self.posterior_share
        self.check([(0 <= share <= 1, f"posterior_share is {share!r}; expected 0 to 1")])

    @property
    def _judges(self) -> tuple[str, ...]:
        return self.members[:1] if self.judges is None else self.judges

    @property
    def _posterior_share(self) -> float:
        return self.posterior_share
