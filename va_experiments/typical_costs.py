"""Typical costs of models, for the first estimate of a run's time before anything is recorded on this machine.

Seconds of one core for each fit and for each training or test death of it, for 34 causes and 168 symptoms (all sites of
the simulated deaths but one train, one is tested); rounded, as machines differ by more than that. Costs grow with the
parameters of `SIZES`, and an ensemble costs what the fits of its members do.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

__all__ = ["SIZES", "TRAINING_SITES", "TYPICAL", "Cost", "typical_cost", "usual_rate"]


EVERY_FIT = 0.01
"""Seconds of any fit, however small."""

EVERY_TEST = 0.01
"""Seconds of each further test of a fit: its scores with their bootstrap."""


@dataclass(frozen=True)
class Cost:
    """What one fit of a model costs.

    Parameters
    ----------
    by_death : float
        Seconds for each training or test death.
    by_fit : float
        Seconds of a fit, however small: loading, scoring with its bootstrap, and what does not depend on the deaths.
    start : float
        Seconds that the first fit of a process takes longer: libraries are imported and compiled.
    """

    by_death: float
    by_fit: float = EVERY_FIT
    start: float = 0.0

    def seconds(self, deaths: float, tests: int = 1) -> float:
        """Return the seconds of a fit over this many deaths that is tested so many times."""
        return self.by_fit + self.by_death * deaths + EVERY_TEST * (tests - 1)

    def deaths(self, seconds: float, tests: int = 1) -> float:
        """Return over how many deaths a fit takes so many seconds."""
        return (seconds - self.seconds(0, tests)) / self.by_death

    def rate(self, seconds: float, deaths: float, tests: int = 1) -> float:
        """Return the seconds for each death of a fit that has taken so many."""
        return max(seconds - self.seconds(0, tests), 0.1 * seconds) / max(deaths, 1)


OTHER = Cost(1e-3)
"""Of a model that is not listed."""

TRAINING_SITES = 5
"""Sites that are left out in turn inside a fit that learns from its training sites, about."""

TYPICAL: Mapping[str, Cost] = {
    "Prior": Cost(1e-6),
    "Uniform": Cost(1e-6),
    "Majority": Cost(1e-6),
    "Predictions": Cost(1e-5),
    "NaiveBayes": Cost(2e-6),
    "InterVA": Cost(3e-6),
    "InterVA5": Cost(2e-4),
    "EAVA": Cost(2e-4),
    "Tariff": Cost(6e-5, 0.07),
    "Tariff2": Cost(2e-4, 0.07),
    "LogisticRegression": Cost(3e-5),
    "InvariantRegression": Cost(5e-5),
    "TfidfRegression": Cost(3e-5),
    "RandomForest": Cost(1.6e-4, 0.05),
    "ExtraTrees": Cost(2e-4, 0.05),
    "XGBoost": Cost(1e-4, 0.06),
    "LightGBM": Cost(3.5e-4, 0.1),
    "InSilicoVA": Cost(1e-3),
    "InSilicoVAStandard": Cost(1e-3),
    "LCVA": Cost(5e-3),
    "Flaml": Cost(1e-2),
}
"""Class of a model, with its default parameters -> what a fit costs."""

STARTS: Mapping[str, float] = {
    **dict.fromkeys(("InSilicoVA", "InSilicoVAStandard"), 13.0),
    "LCVA": 6.0,
    "Flaml": 3.0,
}
"""Class of a model -> seconds that the first fit of a process takes longer, where nothing is compiled yet."""

SIZES: Mapping[str, Mapping[str, int]] = {
    "RandomForest": {"n_trees": 100},
    "ExtraTrees": {"n_trees": 100},
    "XGBoost": {"rounds": 40, "bags": 1},
    "LightGBM": {"rounds": 40},
    "InSilicoVA": {"n_iterations": 1000, "n_chains": 4},
    "InSilicoVAStandard": {"n_iterations": 1000, "n_chains": 4},
    "LCVA": {"n_iterations": 600, "n_chains": 1},
}
"""Class of a model -> parameters that its cost is proportional to, with their defaults."""


class Costed(Protocol):
    """A model with the fits that it makes inside of one of its own."""

    def inner_fits(self) -> Iterable[tuple[Self, float]]:
        """Return the models that a fit of this one fits, each with how many times."""


def usual_rate(rates: Sequence[float], workers: int) -> float:
    """Return the median of the seconds for each death, without the slowest fits, one for each worker.

    The first fit of a process imports libraries and compiles. Where no more fits than workers ran, it is the smallest.
    """
    return statistics.median_low(sorted(rates)[: max(len(rates) - workers, 1)])


def typical_cost(model: Costed) -> Cost:
    """Return what a fit of a model costs; of an ensemble, what the fits of its members do."""
    if inner := [(typical_cost(member), times) for member, times in model.inner_fits()]:
        return Cost(
            sum(times * cost.by_death for cost, times in inner),
            sum(times * cost.by_fit for cost, times in inner),
            sum(cost.start for cost, times in inner if times),
        )
    name = type(model).__name__
    typical, size = TYPICAL.get(name, OTHER), 1.0
    for parameter, usual in SIZES.get(name, {}).items():
        size *= max(float(getattr(model, parameter, usual) or usual), 0.0) / usual
    return Cost(typical.by_death * size, EVERY_FIT + (typical.by_fit - EVERY_FIT) * size, STARTS.get(name, 0.0))
