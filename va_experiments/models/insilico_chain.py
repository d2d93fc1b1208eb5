"""Run the chains of InSilicoVA: start, advance, report, save the state, go on from a saved state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments import hooks, seeds
from va_experiments.models.insilico_problem import LEVEL_BOUNDS, Problem

__all__ = ["Chain", "Sampling", "run_chains"]


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    Parameters
    ----------
    n_iterations, burn_in, thin : int
        Iterations in all, those thrown away at the start, and how many to one that is saved.
    original : bool
        The original's block Metropolis step for the CSMF.
    jump_scale : float
        Its standard deviation.
    sd_max : float
        Upper limit of the prior standard deviation of the log-odds of the CSMF.
    sweeps : int
        Sweeps of slice sampling for each assignment of causes (improved sampler).
    """

    n_iterations: int
    burn_in: int
    thin: int
    original: bool = False
    jump_scale: float = 0.1
    sd_max: float = 10.0
    sweeps: int = 2

    @property
    def n_saved(self) -> int:
        """Draws saved by one chain."""
        return (self.n_iterations - self.burn_in) // self.thin


class Chain:
    """One chain: its random stream and its state. The problem's arrays are shared, not copied."""

    def __init__(self, problem: Problem, sampling: Sampling, seed: int, number: int) -> None:
        from va_experiments.models.insilico_kernel import State

        arrays = problem.arrays
        n_groups, n_causes = arrays.active.shape
        n_padded = arrays.allowed.shape[1]
        self.problem, self.sampling, self.done = problem, sampling, 0
        self.rng = seeds.generator(seed, f"chain {number}")
        theta = np.log(100 * (1 - self.rng.random((n_groups, n_causes))))
        theta[:, 0] = 1.0
        fixed = problem.likelihood
        self.table = _aligned((len(arrays.leaf_symptom) + len(arrays.left) + 1, 8))
        self.state = State(
            theta=theta,
            sd=np.ones(n_groups),
            value=problem.value.copy(),
            share=np.zeros((n_groups, n_padded)),
            likelihood=np.zeros((len(arrays.symptoms), n_padded)) if fixed is None else fixed,
            probability=np.zeros((len(arrays.profile), n_padded)),
            csmf_draws=np.zeros((sampling.n_saved, n_groups, n_padded)),
            level_draws=np.zeros((sampling.n_saved, len(problem.value))),
            accepted=np.zeros(n_groups, dtype=np.int64),
        )

    def run(self, until: int) -> None:
        """Advance to iteration `until`."""
        from va_experiments.models.insilico_kernel import advance

        s = self.sampling
        update = self.problem.likelihood is None
        advance(
            self.rng,
            self.problem.arrays,
            self.state,
            self.table,
            self.done,
            until,
            s.burn_in,
            s.thin,
            update,
            s.original,
            s.jump_scale,
            s.sd_max,
            s.sweeps,
            *LEVEL_BOUNDS,
        )
        self.done = until

    @property
    def acceptance(self) -> float:
        """Share of the proposals accepted so far, over the subpopulations."""
        return float(self.state.accepted.sum() / max(self.done * len(self.state.accepted), 1))


def _aligned(shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return zeros that start at a multiple of 64 bytes, as vector loads like it."""
    size = shape[0] * shape[1]
    raw = np.zeros(size + 8)
    start = -raw.ctypes.data // 8 % 8
    return raw[start : start + size].reshape(shape)


def run_chains(problem: Problem, sampling: Sampling, *, seed: int, n_chains: int) -> list[Chain]:
    """Return `n_chains` finished chains from independent streams."""
    chains = []
    total = n_chains * sampling.n_iterations
    for k in range(n_chains):
        chain = Chain(problem, sampling, seed, k)
        while chain.done < sampling.n_iterations:
            chain.run(min(chain.done + 500, sampling.n_iterations))
            hooks.progress(k * sampling.n_iterations + chain.done, total, acceptance=chain.acceptance)
        chains.append(chain)
    return chains
