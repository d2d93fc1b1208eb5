"""Sample InSilicoVA for many test sets or chains at once, as one array program with PyTorch.

It is meant for a GPU, on which a step of one test set would not fill the machine. Log-likelihoods come from the numbers
of present and missing symptoms of each profile at each level under each cause, which never change: one batched matrix
product an iteration. The posterior is that of `va_experiments.models.insilico.kernel`; the moves differ where a move
must serve all sets alike (Hamiltonian steps for the log-odds; odd, then even levels together).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments import callbacks, seeds
from va_experiments.errors import InputError
from va_experiments.models.devices import require_device
from va_experiments.models.insilico.chain import Sampling
from va_experiments.models.insilico.problem import LEVEL_BOUNDS, Problem

__all__ = ["Batch", "sample_batch"]

_LEAPS = 5  # leapfrog steps of a Hamiltonian move
_CANDIDATES = 6  # Beta draws from which the first that fits between its neighbours is taken
_SHRINKS = 16  # halvings at most of a slice where none fits
_REPORT_EVERY = 200


@dataclass(frozen=True, eq=False)
class Batch:
    """Draws of all sets.

    Parameters
    ----------
    csmf_draws : float64 array, shape (n_sets, n_saved, n_causes)
    level_draws : float64 array, shape (n_sets, n_saved, n_levels)
    probability : float64 array, shape (n_sets, n_cells, n_causes)
        Sums over the saved iterations; sets with fewer cells are padded with zeros.
    acceptance : float
        Of the Hamiltonian moves.
    """

    csmf_draws: npt.NDArray[np.float64]
    level_draws: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    acceptance: float


def sample_batch(problems: Sequence[Problem], sampling: Sampling, *, seed: int, device: str = "cuda") -> Batch:
    """Sample every problem with one chain.

    Parameters
    ----------
    problems : sequence of Problem
        With the same causes and levels, and without subpopulations. The same object given several times is stored once.
    sampling : Sampling
        Its `original` and `n_chains` play no part.
    device : {"cuda", "cpu"}
        Single precision on a GPU, double on the CPU.
    """
    if device != "cpu":
        require_device("InSilicoVA", device)
    try:
        import torch
    except ImportError as error:
        raise InputError("InSilicoVA: the batched sampler needs PyTorch; install the extra 'gpu'") from error
    if any(len(p.arrays.active) > 1 for p in problems):
        raise InputError("InSilicoVA: device=cuda does not take subpopulations; use device=cpu, or subpopulations=none")
    shapes = {(p.n_causes, tuple(p.levels)) for p in problems}
    if len(shapes) > 1:
        raise InputError(f"InSilicoVA: a batch needs the same causes and levels in all sets; got {len(shapes)} kinds")
    with torch.no_grad():
        return _Sampler(torch, list(problems), sampling, seed, device).run()


class _Sampler:
    def __init__(self, torch: Any, problems: list[Problem], sampling: Sampling, seed: int, device: str) -> None:
        self.torch, self.sampling, self.device = torch, sampling, device
        self.real = torch.float64 if device == "cpu" else torch.float32
        self.generator = torch.Generator(device=device)
        self.generator.manual_seed(seeds.integer_seed(int(seed), "insilico batch"))
        self.n_sets, self.n_causes = len(problems), problems[0].n_causes
        distinct = problems[:1] if all(p is problems[0] for p in problems) else problems
        self.update = problems[0].likelihood is None
        self.profiles = [p.arrays.profile for p in problems]
        n_profiles = max(len(p.arrays.symptoms) for p in distinct)
        n_deaths = max(int(p.arrays.copies.sum()) for p in distinct)
        owner = np.zeros((len(distinct), n_deaths), dtype=np.int64)
        real_death = np.zeros((len(distinct), n_deaths))
        allowed = np.zeros((len(distinct), n_profiles, self.n_causes))
        fixed = np.zeros((len(distinct), n_profiles, self.n_causes))
        n_levels = len(problems[0].levels)
        counts = np.zeros((len(distinct), n_profiles, self.n_causes, 2 * n_levels), dtype=np.float32)
        for k, p in enumerate(distinct):
            a = p.arrays
            u, rows = len(a.symptoms), np.repeat(a.profile, a.copies)
            owner[k, : len(rows)], real_death[k, : len(rows)] = rows, 1
            allowed[k, :u] = a.allowed[:, : self.n_causes]
            if self.update:
                counts[k, :u] = _level_counts(p)
            else:
                assert p.likelihood is not None
                fixed[k, :u] = p.likelihood[:, : self.n_causes]
        to = self._to
        self.owner = torch.as_tensor(owner, device=device).expand(self.n_sets, -1)
        self.real_death, self.allowed = to(real_death), to(allowed)
        self.counts, self.fixed = to(counts), to(fixed)
        self.cells = to(np.stack([p.arrays.cells[:, : self.n_causes] for p in distinct]))  # (sets, levels, causes)
        self.active = (self.allowed * self._has_death(owner, real_death, n_profiles)[:, :, None]).amax(dim=1) > 0
        self.active = self.active.expand(self.n_sets, -1)
        self.prior_a = to(np.stack([p.arrays.prior_a for p in distinct]))
        self.prior_b = to(np.array([p.arrays.prior_b for p in distinct]))[:, None]
        self.value = to(np.stack([p.value for p in problems]))
        self.theta = torch.log(100 * (1 - self._uniform(self.n_sets, self.n_causes)))
        self.theta = torch.where(self.active, self.theta - self.theta.mean(dim=1, keepdim=True), 0.0)
        self.n_active = self.active.sum(dim=1, keepdim=True).to(self.real)
        self.sd = torch.ones(self.n_sets, 1, dtype=self.real, device=device)
        self.step, self.accepted = 0.5, 0.0

    def _to(self, array: npt.NDArray[Any]) -> Any:
        return self.torch.as_tensor(array, dtype=self.real, device=self.device)

    def _has_death(self, owner: npt.NDArray[Any], real_death: npt.NDArray[Any], n_profiles: int) -> Any:
        has_death = np.zeros((len(owner), n_profiles))
        for k, (rows, weight) in enumerate(zip(owner, real_death, strict=True)):
            np.add.at(has_death[k], rows, weight)
        return self._to(np.minimum(has_death, 1))

    def _uniform(self, *shape: int) -> Any:
        u = self.torch.rand(*shape, generator=self.generator, dtype=self.real, device=self.device)
        return u.clamp(1e-7, 1 - 1e-7)

    def _normal(self, *shape: int) -> Any:
        return self.torch.randn(*shape, generator=self.generator, dtype=self.real, device=self.device)

    def _gamma(self, shape: Any) -> Any:
        return self.torch._standard_gamma(shape, generator=self.generator)

    def run(self) -> Batch:
        """Run all iterations."""
        s, torch = self.sampling, self.torch
        n_saved = (s.n_iterations - s.burn_in) // s.thin
        csmf = np.zeros((self.n_sets, n_saved, self.n_causes))
        levels = np.zeros((self.n_sets, n_saved, self.value.shape[1]))
        n_profiles = self.allowed.shape[1]
        total = torch.zeros(self.n_sets, n_profiles, self.n_causes, dtype=self.real, device=self.device)
        likelihood = self.fixed
        for iteration in range(s.n_iterations):
            if self.update:
                likelihood = self._likelihood()
            share = self._share()
            weight = share[:, None, :] * likelihood
            save = iteration >= s.burn_in and (iteration - s.burn_in + 1) % s.thin == 0
            if save:
                at = (iteration - s.burn_in + 1) // s.thin - 1
                csmf[:, at], levels[:, at] = share.cpu().numpy(), self.value.cpu().numpy()
                row = weight.sum(dim=2, keepdim=True)
                total += torch.where(row > 0, weight / row, 0.0)
            cause, counted = self._assign(weight)
            one_hot = torch.zeros(self.n_sets, self.n_causes, dtype=self.real, device=self.device)
            deaths = one_hot.scatter_add(1, cause, counted)
            self._move_theta(deaths, adapt=iteration < s.burn_in, iteration=iteration)
            self._move_scale(deaths)
            if self.update:
                self._move_levels(*self._tally(cause, counted))
            if (iteration + 1) % _REPORT_EVERY == 0 or iteration + 1 == s.n_iterations:
                callbacks.progress(iteration + 1, s.n_iterations, acceptance=round(self.accepted / (iteration + 1), 4))
        by_profile = total.cpu().numpy().astype(np.float64)
        probability = np.zeros_like(by_profile)
        for k, rows in enumerate(self.profiles):
            probability[k, : len(rows)] = by_profile[k, rows]
        return Batch(csmf, levels, probability, self.accepted / s.n_iterations)

    def _share(self) -> Any:
        return self.torch.softmax(self.theta.masked_fill(~self.active, -math.inf), dim=1)

    def _likelihood(self) -> Any:
        missing = -self.torch.log1p(-self.value)
        weights = self.torch.cat([self.torch.log(self.value) + missing, missing], dim=1)
        n_profiles = self.counts.shape[1]
        flat = self.counts.reshape(self.counts.shape[0], n_profiles * self.n_causes, -1)
        score = self.torch.matmul(flat, weights[:, :, None]).reshape(self.n_sets, n_profiles, self.n_causes)
        score = score - (self.cells * missing[:, :, None]).sum(dim=1)[:, None, :]
        score = score.masked_fill(self.allowed == 0, -math.inf)
        best = score.amax(dim=2, keepdim=True)
        return self.torch.exp(score - best.nan_to_num(neginf=0.0))

    def _assign(self, weight: Any) -> tuple[Any, Any]:
        """Return the cause of every death, and 1 where the death exists and some cause is possible."""
        cumulative = weight.cumsum(dim=2)
        index = self.owner[:, :, None].expand(-1, -1, self.n_causes)
        of_group = cumulative.gather(1, index)
        total = of_group[:, :, -1:]
        cause = (of_group <= self._uniform(*total.shape) * total).sum(dim=2).clamp(max=self.n_causes - 1)
        return cause, self.real_death * (total[:, :, 0] > 0)

    def _tally(self, cause: Any, counted: Any) -> tuple[Any, Any]:
        """Return the symptoms present and known at each level."""
        n_levels = self.value.shape[1]
        counts = self.counts.expand(self.n_sets, -1, -1, -1)
        sets = self.torch.arange(self.n_sets, device=self.device)[:, None]
        counted_levels = (counts[sets, self.owner, cause] * counted[:, :, None]).sum(dim=1)
        one_hot = self.torch.zeros(self.n_sets, self.n_causes, dtype=self.real, device=self.device)
        deaths = one_hot.scatter_add(1, cause, counted)
        every = (self.cells * deaths[:, None, :]).sum(dim=2)
        return counted_levels[:, :n_levels], every - counted_levels[:, n_levels:]

    def _log_density(self, theta: Any, deaths: Any) -> tuple[Any, Any]:
        """Return the log density of the log-odds given the counts, and its gradient; the prior mean integrated out."""
        total = deaths.sum(dim=1, keepdim=True)
        masked = theta.masked_fill(~self.active, -math.inf)
        centred = (theta - (theta * self.active).sum(dim=1, keepdim=True) / self.n_active) * self.active
        value = (deaths * theta).sum(dim=1, keepdim=True) - total * masked.logsumexp(dim=1, keepdim=True)
        value = value - (centred**2).sum(dim=1, keepdim=True) / (2 * self.sd**2)
        gradient = (deaths - total * masked.softmax(dim=1) - centred / self.sd**2) * self.active
        return value, gradient

    def _move_theta(self, deaths: Any, *, adapt: bool, iteration: int) -> None:
        """Hamiltonian move, preconditioned by the diagonal of the information at hand."""
        torch = self.torch
        scale = self.active / torch.sqrt(1 / self.sd**2 + deaths)  # set by what is fixed in this move
        momentum = self._normal(self.n_sets, self.n_causes) * self.active
        theta = self.theta
        value, gradient = self._log_density(theta, deaths)
        start = value - (momentum**2).sum(dim=1, keepdim=True) / 2
        step = self.step * (0.7 + 0.6 * float(self._uniform(1)[0]))
        for _ in range(_LEAPS):
            momentum = momentum + step / 2 * scale * gradient
            theta = theta + step * scale * momentum
            value, gradient = self._log_density(theta, deaths)
            momentum = momentum + step / 2 * scale * gradient
        end = value - (momentum**2).sum(dim=1, keepdim=True) / 2
        accept = torch.log(self._uniform(self.n_sets, 1)) <= end - start
        theta = torch.where(accept, theta, self.theta)
        mean = (theta * self.active).sum(dim=1, keepdim=True) / self.n_active
        self.theta = (theta - mean) * self.active
        rate = float(accept.to(self.real).mean())
        self.accepted += rate
        if adapt:
            self.step = min(max(self.step * math.exp((rate - 0.85) / math.sqrt(iteration + 1)), 0.02), 1.5)

    def _move_scale(self, deaths: Any) -> None:
        """Draw the prior standard deviation given the log-odds, then stretch both together."""
        torch, limit = self.torch, self.sampling.sd_max
        squares = (self.theta**2).sum(dim=1, keepdim=True)
        shape = ((self.n_active - 2) / 2).clamp(min=0.25).expand(-1, _CANDIDATES)
        drawn = torch.sqrt(squares / 2 / self._gamma(shape).clamp(min=1e-30))
        self.sd = _first(torch, drawn, (drawn <= limit) & (drawn > 1e-6) & (self.n_active > 2), self.sd)
        factor = torch.exp(0.3 * self._normal(self.n_sets, 1))
        total = deaths.sum(dim=1, keepdim=True)

        def height(theta: Any) -> Any:
            norm = theta.masked_fill(~self.active, -math.inf).logsumexp(dim=1, keepdim=True)
            return (deaths * theta).sum(dim=1, keepdim=True) - total * norm

        ratio = torch.log(factor) + height(self.theta * factor) - height(self.theta)
        accept = (torch.log(self._uniform(self.n_sets, 1)) <= ratio) & (self.sd * factor <= limit)
        factor = torch.where(accept, factor, 1.0)
        self.theta, self.sd = self.theta * factor, self.sd * factor

    def _move_levels(self, present: Any, known: Any) -> None:
        """Draw the odd, then the even levels, each between its neighbours."""
        torch = self.torch
        a = self.prior_a + present
        b = self.prior_b - self.prior_a + known - present
        n_levels = self.value.shape[1]
        low, high = (torch.full((self.n_sets, 1), v, dtype=self.real, device=self.device) for v in LEVEL_BOUNDS)
        for first in range(min(2, n_levels)):
            alternate = slice(first, None, 2)
            upper = torch.cat([high, self.value[:, :-1]], dim=1)[:, alternate]
            lower = torch.cat([self.value[:, 1:], low], dim=1)[:, alternate]
            new = self._between(a[:, alternate], b[:, alternate], lower, upper, self.value[:, alternate])
            self.value = self.value.clone()
            self.value[:, alternate] = new

    def _between(self, a: Any, b: Any, lower: Any, upper: Any, old: Any) -> Any:
        """Draw Betas within bounds: the first of some candidates that fits, else a slice step in the logit."""
        torch = self.torch
        shape = (*a.shape, _CANDIDATES)
        x = self._gamma(a[..., None].expand(shape).contiguous()).clamp(min=1e-30)
        candidates = x / (x + self._gamma(b[..., None].expand(shape).contiguous()).clamp(min=1e-30))
        fits = (candidates >= lower[..., None]) & (candidates <= upper[..., None])
        low, high, z = torch.logit(lower), torch.logit(upper), torch.logit(old)

        def height(z: Any) -> Any:
            return a * z - (a + b) * torch.nn.functional.softplus(z)

        level = height(z) + torch.log(self._uniform(*z.shape))
        accepted = z
        done = torch.zeros_like(z, dtype=torch.bool)
        for _ in range(_SHRINKS):
            trial = low + (high - low) * self._uniform(*z.shape)
            inside = height(trial) >= level
            accepted = torch.where(inside & ~done, trial, accepted)
            done = done | inside
            low, high = torch.where(trial < z, trial, low), torch.where(trial < z, high, trial)
        return _first(torch, candidates, fits, torch.sigmoid(accepted)).clamp(*LEVEL_BOUNDS)


def _first(torch: Any, values: Any, good: Any, otherwise: Any) -> Any:
    """Return the first good value along the last axis, keeping it where `otherwise` has that axis, or `otherwise`."""
    at = good.to(torch.int8).argmax(dim=-1, keepdim=True)
    picked = values.gather(-1, at)
    some = good.any(dim=-1, keepdim=True)
    if otherwise.dim() == picked.dim():
        return torch.where(some, picked, otherwise)
    return torch.where(some[..., 0], picked[..., 0], otherwise)


def _level_counts(problem: Problem) -> npt.NDArray[np.float32]:
    """Return the symptoms present, and missing, of each profile at each level under each cause.

    Shape (n_profiles, n_causes, 2 * n_levels).
    """
    arrays, n_levels = problem.arrays, len(problem.levels)
    level = arrays.level[:, : problem.n_causes]
    counts = np.zeros((len(arrays.symptoms), problem.n_causes, 2 * n_levels), dtype=np.float32)
    states = [(arrays.symptoms == code).astype(np.float32) for code in (1, -1)]
    for h in range(n_levels):
        at = (level == h).astype(np.float32)
        for k, state in enumerate(states):
            counts[:, :, k * n_levels + h] = state @ at
    return counts
