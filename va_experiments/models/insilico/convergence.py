"""Test whether draws have converged: split R-hat, effective sample size, Heidelberger-Welch, Geweke."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Convergence", "assess", "geweke", "heidelberger_welch", "spectral_density_at_zero"]

_GRID = np.linspace(0, 0.5, 6)  # share of the draws discarded by successive Heidelberger-Welch tests
_LEAST_DRAWS = 20


@dataclass(frozen=True)
class Convergence:
    """Convergence diagnostics of draws.

    Parameters
    ----------
    rhat : float64 array, shape (n_quantities,)
        Rank-normalised split R-hat (Vehtari et al. 2021); 1 for a quantity that does not vary.
    ess : float64 array, shape (n_quantities,)
        Bulk effective sample size over all chains; the number of draws for a quantity that does not vary.
    stationary : bool array, shape (n_quantities,)
        Every chain passes the Heidelberger-Welch stationarity test, at 5% over the tests of one run together.
    geweke : float64 array, shape (n_quantities,)
        Largest absolute z-score over the chains.
    """

    rhat: npt.NDArray[np.float64]
    ess: npt.NDArray[np.float64]
    stationary: npt.NDArray[np.bool_]
    geweke: npt.NDArray[np.float64]


def assess(draws: npt.NDArray[np.float64]) -> Convergence:
    """Return the diagnostics of each quantity.

    Parameters
    ----------
    draws : float64 array, shape (n_chains, n_draws, n_quantities)
    """
    n_chains, n_draws, n = draws.shape
    rhat, ess = np.ones(n), np.full(n, float(n_chains * n_draws))
    stationary, z = np.ones(n, bool), np.zeros(n)
    varies = np.flatnonzero(np.ptp(draws, axis=(0, 1)) > 1e-12 * np.abs(draws).max(axis=(0, 1), initial=0))
    if n_draws < _LEAST_DRAWS:  # too few draws to judge convergence
        rhat[varies], ess[varies], stationary[varies] = 99.0, 1.0, False
        return Convergence(rhat, ess, stationary, z)
    from arviz_stats.base import array_stats

    level = 0.05 / max(len(varies) * n_chains, 1)
    series = np.ascontiguousarray(draws[:, :, varies].transpose(2, 0, 1))
    for k, values in zip(varies, series, strict=True):
        halves = values if n_chains > 1 else values[:, : n_draws // 2 * 2].reshape(2, -1)  # one chain is split here
        rhat[k] = _finite(array_stats.rhat(halves, chain_axis=0, draw_axis=1), 99.0)
        ess[k] = _finite(array_stats.ess(values, chain_axis=0, draw_axis=1), 1.0)
    passed = cramer_von_mises(_bridge(series, spectral_density_at_zero(series[..., n_draws // 2 :]))) < 1 - level
    for k, chain in np.argwhere(~passed):  # few: the test goes on without the first draws
        passed[k, chain] = heidelberger_welch(series[k, chain], level=level)[0]
    stationary[varies] = passed.all(axis=1)
    z[varies] = np.abs(geweke(series)).max(axis=1)
    return Convergence(rhat, ess, stationary, z)


def _finite(value: object, otherwise: float) -> float:
    number = float(np.asarray(value))
    return number if math.isfinite(number) else otherwise


def spectral_density_at_zero(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the spectral density at frequency 0 of autoregressions fitted to series along the last axis.

    Yule-Walker by the Levinson-Durbin recursion, order (at most 10 log10(n)) by AIC, as Plummer et al. (2006,
    R News 6:7) describe for coda. The variance of the mean of n values is this over n; 0 for a constant series.
    """
    n = x.shape[-1]
    centred = x - x.mean(axis=-1, keepdims=True)
    largest = min(n - 1, int(10 * math.log10(n))) if n > 1 else 0
    covariance = np.stack([(centred[..., : n - k] * centred[..., k:]).sum(axis=-1) for k in range(largest + 1)]) / n
    constant = covariance[0] <= 0
    covariance = np.where(constant, np.eye(1, largest + 1)[0].reshape(-1, *(1,) * (x.ndim - 1)), covariance)
    variance, phi = covariance[0].copy(), np.zeros((0, *x.shape[:-1]))
    best_aic, best = n * np.log(variance), variance * n / max(n - 1, 1)
    for order in range(1, largest + 1):
        reflection = (covariance[order] - (phi * covariance[order - 1 : 0 : -1]).sum(axis=0)) / variance
        phi = np.concatenate([phi - reflection * phi[::-1], reflection[None]])
        variance = np.maximum(variance * (1 - reflection**2), 1e-300)
        aic = n * np.log(variance) + 2 * order
        density = variance * n / max(n - order - 1, 1) / (1 - phi.sum(axis=0)) ** 2
        best, best_aic = np.where(aic < best_aic, density, best), np.minimum(aic, best_aic)
    return np.where(constant, 0.0, best)


def _bridge(x: npt.NDArray[np.float64], density: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the Cramer-von Mises statistic of the Brownian bridge made of the partial sums along the last axis."""
    n = x.shape[-1]
    bridge = np.cumsum(x - x.mean(axis=-1, keepdims=True), axis=-1)
    return (bridge**2).sum(axis=-1) / np.where(density > 0, density, np.inf) / n**2


def heidelberger_welch(
    x: npt.NDArray[np.float64], *, level: float = 0.05, accuracy: float = 0.1
) -> tuple[bool, bool, int]:
    """Test one series for stationarity and its mean for accuracy (Heidelberger and Welch 1983, Oper. Res. 31:1109).

    The Cramer-von Mises statistic of the Brownian bridge made of the partial sums is compared with its `level`
    quantile, on the whole series and, while it fails, without its first 10%, ..., 50%.

    Returns
    -------
    stationary : bool
    accurate : bool
        The 95% half-width of the mean is at most `accuracy` times the mean.
    start : int
        Draws discarded.
    """
    n = len(x)
    density = spectral_density_at_zero(x[n // 2 :])
    for start in (_GRID * n).astype(int):
        y = x[start:]
        if cramer_von_mises(_bridge(y, density)) < 1 - level:
            half_width = 1.96 * math.sqrt(spectral_density_at_zero(y) / len(y))
            return True, bool(half_width <= accuracy * abs(y.mean())), int(start)
    return False, False, int(n)


def cramer_von_mises(statistic: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the limiting distribution function of the statistic (Csorgo and Faraway 1996, JRSS B 58:221)."""
    from scipy.special import gammaln, kv

    x = np.maximum(np.asarray(statistic, dtype=np.float64), 1e-10)
    total = np.zeros_like(x)
    for k in range(10):
        u = (4 * k + 1) ** 2 / (16 * x)
        weight = np.exp(gammaln(k + 0.5) - gammaln(k + 1) - u) * math.sqrt(4 * k + 1)
        total += weight * kv(0.25, u) / (math.pi**1.5 * np.sqrt(x))
    return np.minimum(total, 1.0)


def geweke(x: npt.NDArray[np.float64], *, first: float = 0.1, last: float = 0.5) -> npt.NDArray[np.float64]:
    """Return the z-score of the mean of the first 10% less that of the last half, along the last axis (Geweke 1992)."""
    n = x.shape[-1]
    a, b = x[..., : max(int(first * n), 2)], x[..., n - max(int(last * n), 2) :]
    variance = spectral_density_at_zero(a) / a.shape[-1] + spectral_density_at_zero(b) / b.shape[-1]
    difference = a.mean(axis=-1) - b.mean(axis=-1)
    return np.divide(difference, np.sqrt(variance), out=np.zeros_like(difference), where=variance > 0)
