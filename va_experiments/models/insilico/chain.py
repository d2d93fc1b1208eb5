"""Run the chains of InSilicoVA: start, advance, lengthen, report, save the state, continue from a saved state."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments import callbacks, seeds
from va_experiments.models.insilico.arrays import Scheme, State
from va_experiments.models.insilico.problem import LEVEL_BOUNDS, Problem

__all__ = ["Chain", "Run", "Sampling"]

_REPORT_EVERY = 250  # iterations of one chain between reports of progress


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    Parameters
    ----------
    n_iterations, burn_in, thin : int
        Iterations of each chain, those thrown away at the start, and how many to one that is saved.
    n_chains : int
    original : bool
        The original's block Metropolis step for the CSMF.
    jump_scale : float
        Its standard deviation.
    sd_max : float
        Upper limit of the prior standard deviation of the log-odds.
    sweeps : int
        Sweeps of slice sampling for each assignment of causes (improved sampler).
    checkpoint_every : int
        Iterations of one chain between states that are offered for keeping.
    reference_compat : bool
        The original's rules for what its arithmetic cannot handle.
    """

    n_iterations: int
    burn_in: int
    thin: int = 1
    n_chains: int = 1
    original: bool = False
    jump_scale: float = 0.1
    sd_max: float = 10.0
    sweeps: int = 1
    checkpoint_every: int = 2000
    reference_compat: bool = False


class Chain:
    """One chain: its random stream and its state. Everything else is shared with the other chains.

    Attributes
    ----------
    theta : float64 array, shape (n_groups, n_causes)
        Log-odds of the CSMF.
    sd : float64 array, shape (n_groups,)
        Their prior standard deviation.
    value : float64 array, shape (n_levels,)
        Probability of each level.
    accepted : int64 array, shape (n_groups,)
    csmf_draws : float64 array, shape (n_saved, n_groups, n_padded)
    level_draws : float64 array, shape (n_saved, n_levels)
    done : int
        Iterations done in this round.
    """

    def __init__(self, problem: Problem, seed: int, number: int) -> None:
        n_groups, n_causes = problem.arrays.active.shape
        self.rng = seeds.generator(seed, f"chain {number}")
        self.theta = np.log(100 * (1 - self.rng.random((n_groups, n_causes))))
        self.theta[:, 0] = 1.0
        self.sd = np.ones(n_groups)
        self.value = problem.value.copy()
        self.accepted = np.zeros(n_groups, dtype=np.int64)
        self.csmf_draws = self.level_draws = np.zeros(0)
        self.done = self.earlier = 0

    @property
    def acceptance(self) -> float:
        """Share of the proposals accepted so far, over the subpopulations."""
        return float(self.accepted.sum() / max((self.earlier + self.done) * len(self.accepted), 1))

    def new_round(self, problem: Problem, n_saved: int) -> None:
        """Drop the draws and keep the state."""
        self.csmf_draws = np.zeros((n_saved, len(problem.arrays.active), problem.arrays.allowed.shape[1]))
        self.level_draws = np.zeros((n_saved, len(problem.value)))
        self.earlier, self.done = self.earlier + self.done, 0

    def state(self) -> dict[str, Any]:
        """Return everything from which the chain goes on bit-identically, as plain data."""
        bits = self.rng.bit_generator.state
        return {
            "theta": self.theta.copy(),
            "sd": self.sd.copy(),
            "value": self.value.copy(),
            "accepted": self.accepted.copy(),
            "csmf_draws": self.csmf_draws.copy(),
            "level_draws": self.level_draws.copy(),
            "done": self.done,
            "earlier": self.earlier,
            "rng_counter": bits["state"]["counter"].copy(),
            "rng_key": bits["state"]["key"].copy(),
            "rng_buffer": bits["buffer"].copy(),
            "rng_buffer_pos": int(bits["buffer_pos"]),
            "rng_has_uint32": int(bits["has_uint32"]),
            "rng_uinteger": int(bits["uinteger"]),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a saved state."""
        for name in ("theta", "sd", "value", "csmf_draws", "level_draws"):
            setattr(self, name, np.array(state[name], dtype=np.float64))
        self.accepted = np.array(state["accepted"], dtype=np.int64)
        self.done, self.earlier = int(state["done"]), int(state["earlier"])
        words = {k: np.array(state[f"rng_{k}"], dtype=np.uint64) for k in ("counter", "key", "buffer")}
        self.rng.bit_generator.state = {
            "bit_generator": "Philox",
            "state": {"counter": words["counter"], "key": words["key"]},
            "buffer": words["buffer"],
            "buffer_pos": int(state["rng_buffer_pos"]),
            "has_uint32": int(state["rng_has_uint32"]),
            "uinteger": int(state["rng_uinteger"]),
        }


class Run:
    """All chains of one posterior, with the scratch space that they share.

    A run has rounds. The first is ``n_iterations`` long. Where it has not converged and there is time left, another
    round as long as all before goes on from where the chains stand; the draws of earlier rounds are thrown away.

    Parameters
    ----------
    problem : Problem
    sampling : Sampling
    seed : int

    Attributes
    ----------
    chains : list of Chain
    probability : float64 array, shape (n_cells, n_padded)
        Sum of the cause probabilities over all saved iterations of all chains.
    total : int
        Iterations of each chain so far.
    """

    def __init__(self, problem: Problem, sampling: Sampling, seed: int) -> None:
        arrays = problem.arrays
        n_padded = arrays.allowed.shape[1]
        self.problem, self.sampling, self.round = problem, sampling, 0
        self.chains = [Chain(problem, seed, k) for k in range(sampling.n_chains)]
        self.probability = np.zeros((len(arrays.profile), n_padded))
        self._table = _aligned((len(arrays.leaf_symptom) + len(arrays.left) + 1, 8))
        fixed = problem.likelihood
        self._likelihood = _aligned((len(arrays.symptoms), n_padded)) if fixed is None else fixed
        self._key = _key(problem, sampling, seed)
        self._start_round()

    @property
    def length(self) -> int:
        """Iterations of this round."""
        return self.sampling.n_iterations * (1 << max(self.round - 1, 0))

    @property
    def burn_in(self) -> int:
        """Iterations of this round that are discarded."""
        return self.sampling.burn_in if self.round == 0 else 0

    @property
    def total(self) -> int:
        """Iterations of each chain up to the end of this round."""
        return self.sampling.n_iterations << self.round

    @property
    def acceptance(self) -> float:
        """Share of accepted proposals over all chains."""
        return float(np.mean([chain.acceptance for chain in self.chains]))

    @property
    def csmf_draws(self) -> npt.NDArray[np.float64]:
        """Draws of this round, shape (n_chains, n_saved, n_groups, n_causes)."""
        return np.stack([chain.csmf_draws[..., : self.problem.n_causes] for chain in self.chains])

    @property
    def level_draws(self) -> npt.NDArray[np.float64]:
        """Draws of this round, shape (n_chains, n_saved, n_levels)."""
        return np.stack([chain.level_draws for chain in self.chains])

    def sample(
        self, converged: Callable[[Run], bool], max_iterations: int, watch: Callable[[int, float], None] | None = None
    ) -> None:
        """Run rounds until `converged` says so or another would exceed `max_iterations` for each chain.

        Parameters
        ----------
        converged : callable
            Looks at the draws at the end of a round.
        max_iterations : int
        watch : callable, optional
            Told the iterations just done and the acceptance so far.
        """
        self._resume()
        while True:
            self._finish_round(watch)
            if converged(self) or 2 * self.total > max_iterations:
                return
            self.round += 1
            self._start_round()

    def _start_round(self) -> None:
        self.probability[:] = 0
        n_saved = (self.length - self.burn_in) // self.sampling.thin
        for chain in self.chains:
            chain.new_round(self.problem, n_saved)

    def _finish_round(self, watch: Callable[[int, float], None] | None) -> None:
        every = self.sampling.checkpoint_every
        for k, chain in enumerate(self.chains):
            while chain.done < self.length:
                stop = min(chain.done + _REPORT_EVERY, self.length, (chain.done // every + 1) * every)
                step = stop - chain.done
                self._advance(chain, stop)
                done = (self.total - self.length) * len(self.chains) + k * self.length + chain.done
                callbacks.progress(done, self.total * len(self.chains), acceptance=round(chain.acceptance, 4), chain=k)
                if watch is not None:
                    watch(step, chain.acceptance)
                if chain.done % every == 0 and (chain.done < self.length or k + 1 < len(self.chains)):
                    callbacks.checkpoint(self.state())

    def _advance(self, chain: Chain, until: int) -> None:
        from va_experiments.models.insilico.kernel import advance

        state = State(
            theta=chain.theta,
            sd=chain.sd,
            value=chain.value,
            share=np.zeros((len(chain.theta), self.probability.shape[1])),
            likelihood=self._likelihood,
            probability=self.probability,
            csmf_draws=chain.csmf_draws,
            level_draws=chain.level_draws,
            accepted=chain.accepted,
        )
        s, update = self.sampling, self.problem.likelihood is None
        scheme = Scheme(
            burn_in=self.burn_in,
            thin=s.thin,
            update=update,
            original=s.original,
            jump=s.jump_scale,
            sd_max=s.sd_max,
            sweeps=s.sweeps,
            smallest=LEVEL_BOUNDS[0],
            largest=LEVEL_BOUNDS[1],
            reference_compat=s.reference_compat,
        )
        advance(chain.rng, self.problem.arrays, state, scheme, self._table, chain.done, until)
        chain.done = until

    def state(self) -> dict[str, Any]:
        """Return the complete state of all chains as plain data."""
        state = {"insilico_key": self._key, "round": self.round, "probability": self.probability.copy()}
        for k, chain in enumerate(self.chains):
            state |= {f"chain_{k}_{name}": value for name, value in chain.state().items()}
        return state

    def _resume(self) -> None:
        """Continue from the state that an interrupted attempt left, if it belongs to the same posterior."""
        state = callbacks.resume()
        if state is None or state.get("insilico_key") != self._key:
            return
        self.round = int(state["round"])
        self.probability[:] = state["probability"]
        for k, chain in enumerate(self.chains):
            prefix = f"chain_{k}_"
            chain.restore({name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)})


def _key(problem: Problem, sampling: Sampling, seed: int) -> str:
    """Return a hash of all that the draws depend on."""
    settings = {**dataclasses.asdict(sampling), "checkpoint_every": 0, "seed": int(seed)}
    digest = hashlib.sha256(seeds.canonical_json(settings).encode())
    for array in (*problem.arrays, problem.value, problem.likelihood):
        digest.update(np.ascontiguousarray(0.0 if array is None else array).tobytes())
    return digest.hexdigest()


def _aligned(shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return zeros that start at a multiple of 64 bytes, as vector loads like it."""
    size = shape[0] * shape[1]
    raw = np.zeros(size + 8)
    start = -raw.ctypes.data // 8 % 8
    return raw[start : start + size].reshape(shape)
