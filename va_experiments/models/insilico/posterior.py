"""Sample the posterior of an InSilicoVA problem: probabilities, CSMF, draws and diagnostics."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from va_experiments.models.empirical import LETTERS
from va_experiments.models.insilico.chain import Run, Sampling
from va_experiments.models.insilico.convergence import Convergence, assess
from va_experiments.models.insilico.problem import Problem

__all__ = ["MAX_RHAT", "MIN_ESS", "Parameters", "Posterior", "check_sampling", "sample_posterior", "sample_posteriors"]

MAX_RHAT = 1.05
"""A run has converged when no cause's split R-hat exceeds this..."""

MIN_ESS = 100.0
"""...and every cause has at least this bulk effective sample size."""

_SD_MAX, _NO_LIMIT = 10.0, 1e6


class Parameters(Protocol):
    """The parameters that all InSilicoVA estimators share."""

    n_iterations: int
    burn_in: int
    thin: int
    n_chains: int
    jump_scale: float
    sampler: str
    auto_length: bool
    max_iterations: int
    checkpoint_every: int
    device: str
    progress: bool | None
    reference_compat: bool


@dataclass(frozen=True, eq=False)
class Posterior:
    """Summary of the draws over the causes of the problem.

    Parameters
    ----------
    probability : float64 array, shape (n_deaths, n_causes)
        Rao-Blackwellised: the mean of the conditional probabilities over the saved iterations.
    csmf_draws : float64 array, shape (n_draws, n_causes)
        Subpopulations weighted by their deaths.
    group_csmf : float64 array, shape (n_groups, n_causes)
        Posterior mean in each subpopulation.
    group_draws : float64 array, shape (n_draws, n_groups, n_causes)
    diagnostics : dict
        Plain data.
    """

    probability: npt.NDArray[np.float64]
    csmf_draws: npt.NDArray[np.float64]
    group_csmf: npt.NDArray[np.float64]
    group_draws: npt.NDArray[np.float64]
    diagnostics: dict[str, Any]


def check_sampling(p: Parameters) -> list[tuple[bool, str]]:
    """Return (holds, what is wrong otherwise) for each shared parameter."""
    whole = all(isinstance(v, int) for v in (p.n_iterations, p.burn_in, p.thin, p.n_chains, p.max_iterations))
    if not whole:
        return [(False, "n_iterations, burn_in, thin, n_chains and max_iterations must be whole numbers")]
    n_kept = p.n_iterations - p.burn_in
    return [
        (p.n_iterations >= 2, f"n_iterations is {p.n_iterations}; expected at least 2"),
        (0 <= p.burn_in < p.n_iterations, f"burn_in is {p.burn_in}; expected 0 to n_iterations - 1"),
        (1 <= p.thin <= max(n_kept, 1), f"thin is {p.thin}; expected 1 to n_iterations - burn_in = {n_kept}"),
        (p.n_chains >= 1, f"n_chains is {p.n_chains}; expected at least 1"),
        (p.jump_scale > 0, f"jump_scale is {p.jump_scale}; expected a number above 0"),
        (p.checkpoint_every >= 1, f"checkpoint_every is {p.checkpoint_every}; expected at least 1"),
        (
            not p.auto_length or p.max_iterations >= p.n_iterations,
            f"max_iterations is {p.max_iterations}; expected at least n_iterations = {p.n_iterations}",
        ),
    ]


def sample_posterior(problem: Problem, p: Parameters, *, seed: int, causes: tuple[str, ...]) -> Posterior:
    """Sample until converged or out of iterations, and summarise.

    Parameters
    ----------
    causes : tuple of str
        Names of the problem's causes, for messages.
    """
    if p.device == "cuda":
        return sample_posteriors([problem], p, seed=seed, causes=causes)[0]
    run = Run(problem, _sampling(p), seed)
    limit = p.max_iterations if p.auto_length else p.n_iterations
    seen: list[Convergence] = []

    def good_enough(run: Run) -> bool:
        seen.append(assess(_quantities(run.csmf_draws)))
        return _converged(seen[-1])

    with _bar(p.progress, p.n_chains * p.n_iterations) as watch:
        run.sample(good_enough, limit, watch)
    posterior = _summary(problem, run.csmf_draws, run.level_draws, run.probability, causes, seen[-1])
    posterior.diagnostics.update(
        acceptance=[round(chain.acceptance, 6) for chain in run.chains],
        n_iterations=run.total,
        lengthened=run.round,
        sampler=p.sampler,
    )
    if not posterior.diagnostics["converged"]:
        posterior.diagnostics["warning"] = (
            f"InSilicoVA has not converged after {run.total} iterations of {p.n_chains} chains: "
            + posterior.diagnostics["warning"]
        )
    return posterior


def sample_posteriors(
    problems: Sequence[Problem], p: Parameters, *, seed: int, causes: tuple[str, ...]
) -> list[Posterior]:
    """Sample several test sets as one array program, those of the same levels together, and summarise each.

    The chains have the length of `p`; they are not lengthened.
    """
    from va_experiments.models.insilico.batch import sample_batch

    alike: dict[tuple[int, ...], list[int]] = {}
    for k, problem in enumerate(problems):
        alike.setdefault((problem.n_causes, *problem.levels.tolist()), []).append(k)
    posteriors: dict[int, Posterior] = {}
    for places in alike.values():
        chains = [problems[k] for k in places for _ in range(p.n_chains)]
        batch = sample_batch(chains, _sampling(p), seed=seed, device=p.device)
        for number, k in enumerate(places):
            own_chains = slice(number * p.n_chains, (number + 1) * p.n_chains)
            draws = batch.csmf_draws[own_chains, :, None]
            total = batch.probability[own_chains, : len(problems[k].arrays.profile)].sum(axis=0)
            posteriors[k] = _summary(
                problems[k], draws, batch.level_draws[own_chains], total, causes, assess(_quantities(draws))
            )
    return [posteriors[k] for k in range(len(problems))]


def _sampling(p: Parameters) -> Sampling:
    return Sampling(
        n_iterations=p.n_iterations,
        burn_in=p.burn_in,
        thin=p.thin,
        n_chains=p.n_chains,
        original=p.sampler == "original",
        jump_scale=p.jump_scale,
        sd_max=_NO_LIMIT if p.reference_compat else _SD_MAX,
        checkpoint_every=p.checkpoint_every,
        reference_compat=p.reference_compat,
    )


def _quantities(draws: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the CSMF draws of all subpopulations side by side, shape (n_chains, n_draws, n_groups * n_causes)."""
    return draws.reshape(*draws.shape[:2], -1)


def _converged(convergence: Convergence) -> bool:
    return bool(convergence.rhat.max() <= MAX_RHAT and convergence.ess.min() >= MIN_ESS)


def _summary(
    problem: Problem,
    draws: npt.NDArray[np.float64],
    level_draws: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
    causes: tuple[str, ...],
    convergence: Convergence,
) -> Posterior:
    """Summarise draws of shape (n_chains, n_draws, n_groups, n_causes) and summed probabilities of the cells."""
    n_groups, n_causes = draws.shape[2:]
    total = total[:, :n_causes]
    row = total.sum(axis=1, keepdims=True)
    probability = np.divide(total, row, out=np.zeros_like(total), where=row > 0)[problem.cell]
    assessed = problem.arrays.copies * (row[:, 0] > 0)
    weight = np.bincount(problem.arrays.group, assessed, minlength=n_groups)
    weight = weight / weight.sum() if weight.sum() > 0 else np.full(n_groups, 1 / n_groups)
    pooled = np.einsum("kdgc,g->kdc", draws, weight)
    worst = int(convergence.rhat.argmax()) % n_causes
    slowest = int(convergence.ess.argmin()) % n_causes
    rhat, ess = float(convergence.rhat.max()), float(convergence.ess.min())
    n_draws = draws.shape[0] * draws.shape[1]
    converged = _converged(convergence)
    failed = sorted({causes[k % n_causes] for k in np.flatnonzero(~convergence.stationary)})
    diagnostics: dict[str, Any] = {
        "converged": bool(converged),
        "rhat_max": round(rhat, 6),
        "rhat_max_cause": causes[worst],
        "ess_min": round(ess, 3),
        "ess_min_cause": causes[slowest],
        "n_chains": draws.shape[0],
        "n_draws": n_draws,
        "heidelberger_welch_failed": failed,
        "geweke_max": round(float(convergence.geweke.max(initial=0)), 6),
        "contradictory_deaths": int((problem.arrays.copies * (row[:, 0] == 0)).sum()),
    }
    if level_draws.shape[2]:
        mean = level_draws.mean(axis=(0, 1))
        diagnostics["levels"] = {LETTERS[k]: float(v) for k, v in zip(problem.levels, mean, strict=True)}
        diagnostics["levels_rhat_max"] = round(float(assess(level_draws).rhat.max()), 6)
    if not converged:
        diagnostics["warning"] = (
            f"split R-hat is {rhat:.3f} for {causes[worst]} (at most {MAX_RHAT} wanted), the effective sample size "
            f"{ess:.0f} for {causes[slowest]} (at least {MIN_ESS:.0f} wanted); raise n_iterations or "
            f"max_iterations"
        )
    return Posterior(
        probability,
        pooled.reshape(-1, n_causes),
        draws.mean(axis=(0, 1)).reshape(n_groups, n_causes),
        draws.reshape(-1, n_groups, n_causes),
        diagnostics,
    )


@contextlib.contextmanager
def _bar(show: bool | None, total: int) -> Iterator[Callable[[int, float], None] | None]:
    """Show a tqdm bar if asked to, or (None) in a notebook."""
    if show is None:
        shell = sys.modules.get("IPython")
        show = shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
    if not show:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc="InSilicoVA", unit="iteration") as bar:

        def watch(step: int, acceptance: float) -> None:
            if bar.n + step > (bar.total or 0):  # lengthened
                bar.total = 2 * (bar.total or 1)
            bar.set_postfix(acceptance=f"{acceptance:.2f}", refresh=False)
            bar.update(step)

        yield watch
