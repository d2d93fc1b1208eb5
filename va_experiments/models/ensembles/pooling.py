"""Pool several models' probabilities for the same deaths into one, by given or learned weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["FLOOR", "POOLS", "linear_weights", "logarithmic_weights", "pool"]

Floats = npt.NDArray[np.float64]

POOLS = ("linear", "logarithmic")
"""``linear``: the weighted mean of the probabilities. ``logarithmic``: the product of their powers, scaled to 1."""

FLOOR = 1e-6
"""Least probability that a logarithmic pool takes from a member: none can veto a cause alone."""


def pool(
    probabilities: Sequence[Floats], weights: npt.ArrayLike, kind: str, bias: npt.ArrayLike | float = 0.0
) -> Floats:
    """Return the pooled probabilities, shape (n_deaths, n_causes), each row summing to 1.

    Parameters
    ----------
    probabilities : for each member, float array of shape (n_deaths, n_causes)
        A death that a member leaves undetermined (an all-zero row) is pooled from the others; one that all leave is
        undetermined. A cause to which no member gives any probability gets none.
    weights : float array, shape (n_members,)
        Not negative. They need not sum to 1: a logarithmic pool whose weights sum to less is less sure.
    kind : str
        One of `POOLS`.
    bias : float array, shape (n_causes,)
        Added to the logarithms of a logarithmic pool.

    References
    ----------
    Genest and Zidek (1986), Statistical Science 1:114-135.
    """
    weight = np.asarray(weights, dtype=np.float64)
    if kind == "linear":
        pooled = sum(w * p for w, p in zip(weight, probabilities, strict=True))
    else:
        possible = sum(p > 0 for p in probabilities) > 0
        score = np.zeros(probabilities[0].shape) + np.asarray(bias, dtype=np.float64)
        for w, p in zip(weight, probabilities, strict=True):
            score += w * np.where(p.any(axis=1, keepdims=True), np.log(np.maximum(p, FLOOR)), 0.0)
        score = np.where(possible, score, -np.inf)
        top = score.max(axis=1, keepdims=True, initial=-np.inf)
        pooled = np.exp(score - np.where(np.isfinite(top), top, 0.0))
    total = pooled.sum(axis=1, keepdims=True)
    return pooled / np.where(total > 0, total, 1.0)


def linear_weights(
    probabilities: Sequence[Floats], truth: npt.NDArray[np.integer], death_weight: Floats, *, rounds: int = 500
) -> Floats:
    """Return the weights, summing to 1, of the linear pool with the greatest likelihood of these true causes, by EM.

    The weights of a mixture whose components are fixed: each round shares every death out among the members by what
    they gave its true cause (Dempster, Laird and Rubin 1977, section 4.3). Deaths to whose cause no member gave any
    probability say nothing; without any other the weights are equal.
    """
    at = np.arange(len(truth))
    likelihood = np.column_stack([p[at, truth] for p in probabilities])
    keep = likelihood.any(axis=1)
    likelihood, weight = likelihood[keep], death_weight[keep]
    n = likelihood.shape[1]
    w = np.full(n, 1 / n)
    if not len(likelihood):
        return w
    for _ in range(rounds):
        share = likelihood * w
        new = weight @ (share / share.sum(axis=1, keepdims=True)) / weight.sum()
        if float(np.abs(new - w).sum()) < 1e-9:
            return new
        w = new
    return w


def logarithmic_weights(
    probabilities: Sequence[Floats],
    truth: npt.NDArray[np.integer],
    death_weight: Floats,
    *,
    bias: bool = False,
    ridge: float = 1.0,
) -> tuple[Floats, Floats]:
    """Return the weights and biases of the logarithmic pool with the least log loss on these true causes.

    With one member its weight is 1 over the temperature of Guo et al. (2017, ICML; PMLR 70:1321). Convex, solved by
    L-BFGS-B with weights of at least 0.

    Parameters
    ----------
    probabilities, truth, death_weight
        As for `pool`; weights of the deaths have mean 1.
    bias : bool
        Learn a bias for each cause too.
    ridge : float
        Penalty in deaths: on the squared distance of the weights from 1 / n_members, and on the squared biases.

    Returns
    -------
    weights : shape (n_members,)
    bias : shape (n_causes,)
    """
    from scipy.optimize import minimize

    n_causes, n_members = probabilities[0].shape[1], len(probabilities)
    total = np.sum(probabilities, axis=0)
    rows = np.flatnonzero(total[np.arange(len(truth)), truth] > 0)
    start = np.full(n_members, 1 / n_members)
    if not len(rows):
        return start, np.zeros(n_causes)
    cause, weight = truth[rows].astype(np.intp), death_weight[rows]
    possible = total[rows] > 0
    logs = np.stack([np.where(possible, np.log(np.maximum(p[rows], FLOOR)), 0.0) for p in probabilities])
    at, n = np.arange(len(rows)), weight.sum()
    members = np.bincount(cause, weights=weight, minlength=n_causes)
    free = (members > 0) if bias else np.zeros(n_causes, dtype=bool)

    def loss(x: Floats) -> tuple[float, Floats]:
        shift = np.zeros(n_causes)
        shift[free] = x[n_members:]
        z = np.where(possible, np.tensordot(x[:n_members], logs, axes=1) + shift, -np.inf)
        top = z.max(axis=1, keepdims=True)
        q = np.exp(z - top)
        sums = q.sum(axis=1, keepdims=True)
        q /= sums
        away = x[:n_members] - start
        penalty = ridge / n * float(away @ away + x[n_members:] @ x[n_members:])
        value = float(weight @ (np.log(sums[:, 0]) + top[:, 0] - z[at, cause])) / n + penalty
        by_weight = [weight @ ((q * log).sum(axis=1) - log[at, cause]) / n for log in logs]
        by_bias = ((weight @ q) - members)[free] / n
        return value, np.concatenate([by_weight + 2 * ridge / n * away, by_bias + 2 * ridge / n * x[n_members:]])

    bounds = [(0.0, 20.0)] * n_members + [(None, None)] * int(free.sum())
    x0 = np.concatenate([start, np.zeros(int(free.sum()))])
    solution = minimize(loss, x0, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x
    shift = np.zeros(n_causes)
    shift[free] = solution[n_members:]
    return solution[:n_members], shift
