"""InSilicoVA (McCormick, Li, Calvert, Crampin, Kahn and Clark 2016, JASA 111:1036) trained on labelled deaths."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from va_experiments import seeds
from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction
from va_experiments.models.empirical import CONVERSIONS, empirical_probabilities, to_levels

__all__ = ["InSilicoVA"]


class InSilicoVA(Model):
    """Bayesian hierarchical model of causes, CSMF and symptom probabilities, sampled on the test set.

    Parameters
    ----------
    n_iterations, burn_in, thin : int
        Iterations of each chain, those thrown away at its start, and how many to one draw that is kept.
    n_chains : int
        Chains from independent random streams.
    conversion : {"quantile", "fixed", "empirical"}
        How conditional probabilities become levels; ``empirical`` keeps them as they are, and fixed.
    update_cond_prob : bool
        Sample the probabilities of the levels; otherwise the empirical probabilities stay as they are.
    levels_strength : float or None
        Weight of the prior of the levels; None for 0.01 with ``quantile`` and 1 with ``fixed``.
    jump_scale : float
        Standard deviation of the original's proposals.
    subpopulations : {"none", "site"}
        ``site``: each site of the test set has its own CSMF.
    sampler : {"improved", "original"}
        How the CSMF moves; the posterior is the same.
    """

    joint: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_iterations: int = 1000,
        burn_in: int = 250,
        thin: int = 1,
        n_chains: int = 4,
        conversion: str = "quantile",
        update_cond_prob: bool = True,
        levels_strength: float | None = None,
        jump_scale: float = 0.1,
        subpopulations: str = "none",
        sampler: str = "improved",
    ) -> None:
        self.n_iterations = n_iterations
        self.burn_in = burn_in
        self.thin = thin
        self.n_chains = n_chains
        self.conversion = conversion
        self.update_cond_prob = update_cond_prob
        self.levels_strength = levels_strength
        self.jump_scale = jump_scale
        self.subpopulations = subpopulations
        self.sampler = sampler

    def check_parameters(self) -> None:
        """Check every parameter."""
        self._require_choice("conversion", CONVERSIONS)
        self._require_choice("subpopulations", ("none", "site"))
        self._require_choice("sampler", ("improved", "original"))
        self._require(
            [
                (self.n_iterations >= 2, f"n_iterations is {self.n_iterations!r}; expected at least 2"),
                (
                    0 <= self.burn_in < self.n_iterations,
                    f"burn_in is {self.burn_in!r}; expected 0 to n_iterations - 1 = {self.n_iterations - 1}",
                ),
                (
                    1 <= self.thin <= self.n_iterations - self.burn_in,
                    f"thin is {self.thin!r}; expected 1 to n_iterations - burn_in",
                ),
                (self.n_chains >= 1, f"n_chains is {self.n_chains!r}; expected at least 1"),
                (self.jump_scale > 0, f"jump_scale is {self.jump_scale!r}; expected a number above 0"),
                (
                    self.levels_strength is None or self.levels_strength > 0,
                    f"levels_strength is {self.levels_strength!r}; expected a number above 0 or null",
                ),
            ]
        )

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Estimate the conditional probabilities and turn them into levels."""
        self.check_parameters()
        labels = self._remember(train)
        rng = seeds.generator(seed, "conditional probabilities")
        self.conditional_ = empirical_probabilities(train.symptoms, labels, len(train.causes), rng=rng)
        empirical = self.conversion == "empirical"
        self.levels_ = None if empirical else to_levels(self.conditional_.probability, self.conversion)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Sample the posterior of causes and CSMF for these deaths."""
        from va_experiments.models.insilico_chain import Sampling, run_chains
        from va_experiments.models.insilico_problem import build_problem

        self._check_test(test)
        strength = self.levels_strength or (0.01 if self.conversion == "quantile" else 1.0)
        knowledge: dict[str, Any] = {"probability": self.conditional_.probability}
        if self.levels_ is not None and self.update_cond_prob:
            knowledge = {"level": self.levels_.index, "start": self.levels_.value, "levels_strength": strength}
        group = np.unique(test.site, return_inverse=True)[1] if self.subpopulations == "site" else None
        problem = build_problem(test.symptoms[:, self.conditional_.keep], group=group, **knowledge)
        sampling = Sampling(self.n_iterations, self.burn_in, self.thin, self.sampler == "original", self.jump_scale)
        chains = run_chains(problem, sampling, seed=seed, n_chains=self.n_chains)
        n_causes, width = len(test.causes), problem.n_causes
        columns = self.conditional_.causes
        probability = np.zeros((len(test), n_causes))
        total = np.sum([c.state.probability for c in chains], axis=0)[problem.cell][:, :width]
        row = total.sum(axis=1, keepdims=True)
        probability[:, columns] = np.divide(total, row, out=np.zeros_like(total), where=row > 0)
        weight = np.bincount(problem.arrays.group, problem.arrays.copies) / len(test)
        draws = np.concatenate([np.einsum("dgc,g->dc", c.state.csmf_draws, weight) for c in chains])
        csmf_draws = np.zeros((len(draws), n_causes))
        csmf_draws[:, columns] = draws[:, :width]
        return Prediction(
            probability,
            csmf_draws.mean(axis=0),
            csmf_draws=csmf_draws,
            diagnostics={"acceptance": [c.acceptance for c in chains], "n_iterations": self.n_iterations},
        )
