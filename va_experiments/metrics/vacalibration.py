"""Calibrate cause fractions by a misclassification matrix that is known with uncertainty (VA-calibration).

In: deaths counted by the cause that one or several algorithms name, and for each algorithm a Dirichlet distribution of
each row of its misclassification matrix (rows: true cause, columns: named cause). Out: draws of the true fractions.

The named causes of the deaths are ``a ~ Multinomial(n, M^T p)``. Causes that say little (their column of the matrix
hardly depends on the true cause) or of which no death was named are not calibrated: they keep their fraction. The
matrix is shrunk to the identity by the least weight ``lambda`` with which the plain solution for p lies between 0 and
1. With ``lambda`` of .9 or more hardly anything is calibrated, and no interval is given.

Sources: Datta et al. 2021, Biostatistics (kxaa001); Pramanik et al. 2025, Annals of Applied Statistics 19(2):1214.
Instead of Hamiltonian Monte Carlo, the posterior is sampled by Gibbs sampling: named causes are divided over true
causes, after which matrix and fractions have Dirichlet distributions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["STALLED", "Calibration", "calibrate", "little_informed", "path_weight", "refit_shapes"]

Floats = npt.NDArray[np.float64]

STALLED = 0.9
"""From this weight of the identity on, no interval is given."""

_PRIOR_DRAWS = 1000
_CHAINS = 4


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibrated fractions of all deaths, undetermined ones among them."""

    uncalibrated: Floats
    """Shape (n_causes,): shares of the named causes; of several algorithms, of all their deaths together."""
    mean: Floats
    """Shape (n_causes,): posterior means; sums to 1 less the undetermined share."""
    low: Floats
    """Shape (n_causes,): 2.5% quantile; NaN where no interval is valid."""
    high: Floats
    draws: Floats
    """Shape (n_draws, n_causes)."""
    calibrated: npt.NDArray[np.bool_]
    """Shape (n_causes,)."""
    without_deaths: npt.NDArray[np.bool_]
    """Causes left as they are because an algorithm named them for no death, though they could be calibrated."""
    weights: tuple[float | None, ...]
    """Lambda of each algorithm; None if it calibrates nothing."""
    matrix: Floats
    """Mean misclassification matrix as given, shape (n_algorithms, n_causes, n_causes)."""
    matrix_used: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))
    """The same after mixing with the identity, which does not make its diagonal sensitivities."""
    rhat: float = float("nan")
    """Largest split R-hat over the calibrated fractions."""

    @property
    def stalled(self) -> bool:
        """Whether an algorithm's matrix had to be mixed with the identity so much that no interval is valid."""
        return any(w is not None and w >= STALLED for w in self.weights)


def little_informed(matrix: Floats, threshold: float) -> npt.NDArray[np.bool_]:
    """Find the causes whose column differs by at most `threshold` between true causes: their rate hardly depends on it.

    Parameters
    ----------
    matrix : float array, shape (n_causes, n_causes)
        Rows: true cause.
    """
    return np.ptp(matrix, axis=0) <= threshold


def path_weight(share: Floats, matrix: Floats, *, fixed: bool = False) -> float:
    """Return the least weight of the identity, in steps of .01, with which the plain solution is a set of fractions.

    From .99 (a fixed matrix: 1) downwards ``(w I + (1 - w) M)^T p = q`` is solved, until a component is below 0 or
    above 1; the weight before that is the answer.
    """
    size = len(share)
    for step in range(100 if fixed else 99, -1, -1):
        w = step / 100
        solution = np.linalg.pinv((w * np.eye(size) + (1 - w) * matrix).T) @ share
        if solution.min() < 0 or solution.max() > 1:
            return min(w + 0.01, 1.0 if fixed else 0.99)
    return 0.0


def refit_shapes(draws: Floats) -> Floats:
    """Fit Dirichlet shapes ``t m`` to draws of fractions: their mean m, and the t of greatest likelihood.

    Parameters
    ----------
    draws : float array, shape (n_draws, k)
    """
    from scipy.optimize import brentq
    from scipy.special import digamma

    mean = draws.mean(axis=0)
    moved = draws + 1e-5
    logs = np.log(moved / moved.sum(axis=1, keepdims=True)).mean(axis=0)

    def slope(log_t: float) -> float:
        t = float(np.exp(log_t))
        return float(digamma(t) - mean @ digamma(t * mean) + mean @ logs)

    if slope(20.0) > 0:
        return mean * np.exp(20.0)
    return mean * float(np.exp(brentq(slope, -10.0, 20.0)))


def calibrate(
    counts: npt.ArrayLike,
    shapes: npt.ArrayLike,
    *,
    undetermined: int | npt.ArrayLike = 0,
    keep: npt.ArrayLike | None = None,
    threshold: float | None = 0.1,
    path_correction: bool = True,
    shrinkage: float = 4.0,
    fixed: bool = False,
    n_draws: int = 5000,
    sweeps: int = 20_000,
    rng: np.random.Generator,
) -> Calibration:
    """Calibrate the causes named by one algorithm, or by several for the same deaths.

    Parameters
    ----------
    counts : int array, shape (n_causes,) or (n_algorithms, n_causes)
        Deaths by named cause.
    shapes : float array, shape (n_causes, n_causes) or (n_algorithms, n_causes, n_causes)
        Dirichlet shapes of each row (true cause); with `fixed`, the matrix itself.
    undetermined : int, or int array of shape (n_algorithms,)
        Deaths without a named cause: they stay in the denominator.
    keep : bool array, as `counts`, optional
        Causes that are not to be calibrated.
    threshold : float or None
        See `little_informed`; None: only `keep` is left as it is.
    path_correction : bool
        Mix the matrix with the identity (`path_weight`); otherwise the fractions are shrunk to the uncalibrated ones.
    shrinkage : float
        Weight of that: the prior is Dirichlet(1 + n_causes * shrinkage * q).
    fixed : bool
        The matrix is known exactly.
    n_draws : int
        Draws that are kept, of four chains together.
    sweeps : int
        Of each chain, after a tenth as many that are discarded: fractions and matrix mix slowly.
    rng : Generator

    Raises
    ------
    ValueError
        If no death has a named cause.
    """
    a = np.atleast_2d(np.asarray(counts, dtype=np.int64))
    b = np.asarray(shapes, dtype=np.float64).reshape(len(a), a.shape[1], a.shape[1])
    missing = np.broadcast_to(np.asarray(undetermined, dtype=np.int64), (len(a),))
    n_algorithms, n_causes = a.shape
    if not (a.sum(axis=1) > 0).all():
        raise ValueError("an algorithm names no cause for any death: there is nothing to calibrate")
    total = b.sum(axis=2, keepdims=True)
    matrix = b / np.where(total > 0, total, 1)
    held = np.zeros(a.shape, dtype=bool) if keep is None else np.atleast_2d(np.asarray(keep, dtype=bool)).copy()
    held |= total[:, :, 0] <= 0
    if threshold is not None:
        rows = total[:, :, 0] > 0
        held |= np.array([little_informed(m[r], threshold) for m, r in zip(matrix, rows, strict=True)])
    nobody = (a == 0) & ~held
    free = ~(held | nobody)
    free[free.sum(axis=1) <= 1] = False
    known = free.any(axis=0)
    determined = float(a.sum() / (a.sum() + missing.sum()))
    share = a.sum(axis=0) / a.sum()
    unpredicted = nobody.any(axis=0) & ~known
    if not known.any():
        whole = share * determined
        nan = np.full(n_causes, np.nan)
        none: tuple[float | None, ...] = (None,) * n_algorithms
        return Calibration(whole, whole.copy(), nan, nan, whole[None], known, unpredicted, none, matrix, matrix)
    places = np.flatnonzero(known)
    prepared = [
        _prepare(a[k], b[k], free[k], path_correction=path_correction, fixed=fixed, rng=rng)
        for k in range(n_algorithms)
    ]
    used = np.stack([p[0] for p in prepared])[:, places][:, :, places]
    prior = np.ones(len(places)) + (0.0 if path_correction else n_causes * shrinkage) * share[places]
    if fixed and not path_correction:
        prior = 1 + len(places) * shrinkage * share[places] / share[places].sum()
    chains = _sample(a[:, places], used, prior, free[:, places], fixed=fixed, n_draws=n_draws, sweeps=sweeps, rng=rng)
    part = chains.reshape(-1, len(places))
    draws = np.repeat((share * determined)[None], len(part), axis=0)
    draws[:, places] = part * share[places].sum() * determined
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    weights = tuple(p[1] for p in prepared)
    invalid = ~known | any(w is not None and w >= STALLED for w in weights)
    low[invalid] = high[invalid] = np.nan
    mixed = np.stack([p[0] for p in prepared])
    mixed /= np.maximum(mixed.sum(axis=2, keepdims=True), 1e-300)
    return Calibration(
        share * determined,
        draws.mean(axis=0),
        low,
        high,
        draws,
        known,
        unpredicted,
        weights,
        matrix,
        mixed,
        _rhat(chains),
    )


def _prepare(
    counts: npt.NDArray[np.int64],
    shapes: Floats,
    free: npt.NDArray[np.bool_],
    *,
    path_correction: bool,
    fixed: bool,
    rng: np.random.Generator,
) -> tuple[Floats, float | None]:
    """Return the shapes (or the matrix) that are sampled, identity rows where nothing is calibrated, and lambda."""
    used = np.eye(len(counts))
    s = np.flatnonzero(free)
    if not len(s):
        return used, None
    inside = np.ix_(s, s)
    block, share = shapes[inside], counts[s] / counts[s].sum()
    if fixed:
        block = block / block.sum(axis=1, keepdims=True)
        weight = path_weight(share, block, fixed=True) if path_correction else 0.0
        used[inside] = weight * np.eye(len(s)) + (1 - weight) * block
        return used, weight
    used[inside] = block
    if not path_correction:
        return used, 0.0
    drawn = rng.standard_gamma(block, size=(_PRIOR_DRAWS, len(s), len(s)))
    drawn /= np.maximum(drawn.sum(axis=2, keepdims=True), 1e-300)
    weight = path_weight(share, drawn.mean(axis=0))
    mixed = weight * np.eye(len(s)) + (1 - weight) * drawn
    used[inside] = np.stack([refit_shapes(mixed[:, i]) for i in range(len(s))])
    return used, weight


def _sample(
    counts: npt.NDArray[np.int64],
    shapes: Floats,
    prior: Floats,
    free: npt.NDArray[np.bool_],
    *,
    fixed: bool,
    n_draws: int,
    sweeps: int,
    rng: np.random.Generator,
) -> Floats:
    """Run the chains side by side; shape (n_chains, n_saved, n_causes).

    Counts of a cause that an algorithm does not calibrate inform the fraction of that cause alone: its row and its
    column of the matrix are those of the identity.
    """
    size = counts.shape[1]
    n_saved = min(-(-n_draws // _CHAINS), sweeps)
    burn_in, thin = sweeps // 10, sweeps // n_saved
    p = rng.dirichlet(np.ones(size), size=_CHAINS)
    matrix = np.broadcast_to(shapes / shapes.sum(axis=2, keepdims=True), (_CHAINS, *shapes.shape)).copy()
    saved = np.empty((_CHAINS, n_saved, size))
    for sweep in range(-burn_in, n_saved * thin):
        chance = np.swapaxes(p[:, None, :, None] * matrix, 2, 3)  # chain, algorithm, named, true
        total = chance.sum(axis=3, keepdims=True)
        chance = np.where(total > 0, chance / np.where(total > 0, total, 1), np.eye(size))
        true = rng.multinomial(counts, chance)
        if not fixed:
            drawn = rng.standard_gamma(shapes + np.swapaxes(true, 2, 3))
            matrix = drawn / np.maximum(drawn.sum(axis=3, keepdims=True), 1e-300)
        drawn = rng.standard_gamma(prior + true.sum(axis=(1, 2)))
        p = drawn / drawn.sum(axis=1, keepdims=True)
        if sweep >= 0 and (sweep + 1) % thin == 0:
            saved[:, sweep // thin] = p
    return saved


def _rhat(chains: Floats) -> float:
    """Return the largest split R-hat (Gelman et al. 2013, Bayesian Data Analysis, section 11.4)."""
    n_chains, n, size = chains.shape
    half = chains[:, : n // 2 * 2].reshape(2 * n_chains, n // 2, size)
    within = half.var(axis=1, ddof=1).mean(axis=0)
    between = half.mean(axis=1).var(axis=0, ddof=1)
    return float(np.sqrt(((n // 2 - 1) / (n // 2) * within + between) / np.maximum(within, 1e-300)).max())
