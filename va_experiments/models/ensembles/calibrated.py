"""Rescale a model's probabilities so that they match its accuracy at sites that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from va_experiments.models.ensembles.stacking import Stacking

__all__ = ["Calibrated"]


class Calibrated(Stacking):
    """Temperature scaling of another model, learned on predictions of each training site by models without it.

    The probabilities are raised to the power 1 / temperature and scaled to 1 (Guo et al. 2017, ICML; PMLR 70:1321).
    A model's probabilities are too extreme at a new site, so the folds are the training sites. Without biases the
    named causes stay the same. A stack of one member.

    Parameters
    ----------
    member : str
        Name of a model as in ``conf/model``.
    bias : bool
        Learn a bias for each cause too: the mean probabilities then match the training causes (Alexandari et al. 2020).
    ridge : float
        Penalty, in deaths, on a temperature away from 1 and on biases away from 0.
    balanced : bool
        Every training site weighs the same, however many deaths it has.
    adapt : {"none", "csmf", "posterior"}
        As for `Stacking`.
    member_parameters : mapping, optional
        Parameters of the member that are not to be the class's defaults.

    Attributes
    ----------
    weights_ : float64 array, shape (1,)
        1 / temperature.
    """

    pool: ClassVar[str] = "logarithmic"  # type: ignore[misc]

    def __init__(
        self,
        *,
        member: str = "nbc",
        bias: bool = False,
        ridge: float = 1.0,
        balanced: bool = True,
        adapt: str = "none",
        member_parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.member = member
        self.bias = bias
        self.ridge = ridge
        self.balanced = balanced
        self.adapt = adapt
        self.member_parameters = member_parameters

    @property
    def members(self) -> tuple[str, ...]:  # type: ignore[override]
        """The one member."""
        return (self.member,)

    def _parameters(self) -> Mapping[str, Mapping[str, Any]]:
        return {self.member: self.member_parameters or {}}
