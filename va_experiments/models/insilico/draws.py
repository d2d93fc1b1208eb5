"""Draw truncated Beta numbers and the parameters of the CSMF's logistic-normal prior, in compiled code."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["beta_mass", "block_metropolis", "draw_levels", "slice_csmf", "truncated_beta"]

_STEPS_OUT = 50
_STEPS_IN = 200  # after so many shrinks a slice is a point: the value stays


@njit(cache=True)
def truncated_beta(rng, a, b, lower, upper):  # type: ignore[no-untyped-def]
    """Return an exact draw of Beta(a, b) restricted to [lower, upper].

    Proposals alternate between the Beta itself and an envelope in the logit z, where the log density
    ``a z - (a + b) log(1 + e^z)`` is concave: its tangent at the end nearest to the mode, or a constant where the mode
    lies inside. Each accepted proposal has exactly the wanted distribution; at least one of the two kinds is always
    accepted often.
    """
    low, high = math.log(lower / (1 - lower)), math.log(upper / (1 - upper))
    mode = math.log(a / b)
    at = min(max(mode, low), high)
    top = a * at - (a + b) * math.log1p(math.exp(at))
    slope = a - (a + b) / (1 + math.exp(-at))
    if low <= mode <= high:
        slope = 0.0
    while True:
        g, h = rng.standard_gamma(a), rng.standard_gamma(b)
        if g + h > 0:
            x = g / (g + h)
            if lower <= x <= upper:
                return x
        u = rng.random()
        width = high - low
        if abs(slope) * width < 1e-12:
            z = low + u * width
        elif slope < 0:
            z = low + math.log1p(u * math.expm1(slope * width)) / slope
        else:
            z = high + math.log1p(u * math.expm1(-slope * width)) / slope
        z = min(max(z, low), high)
        height = a * z - (a + b) * math.log1p(math.exp(z)) - top - slope * (z - at)
        if math.log(1 - rng.random()) <= height:
            return min(max(1 / (1 + math.exp(-z)), lower), upper)


@njit(cache=True)
def draw_levels(rng, value, arrays, present, known, scheme):  # type: ignore[no-untyped-def]
    """Draw every level's probability in place, from high to low, between its neighbours (McCormick 2016, eq. 8)."""
    n = len(value)
    for k in range(n):
        lower = scheme.smallest if k == n - 1 else max(value[k + 1], scheme.smallest)
        upper = scheme.largest if k == 0 else min(value[k - 1], scheme.largest)
        if lower >= upper:
            value[k] = upper
            continue
        a = arrays.prior_a[k] + present[k]
        b = arrays.prior_b - arrays.prior_a[k] + known[k] - present[k]
        if scheme.reference_compat and beta_mass(a, b, lower, upper) < 1e-8:
            value[k] = (lower + upper) / 2
        else:
            value[k] = truncated_beta(rng, a, b, lower, upper)


@njit(cache=True)
def beta_mass(a, b, lower, upper):  # type: ignore[no-untyped-def]
    """Return P(lower < x < upper) for x ~ Beta(a, b)."""
    return _beta_below(a, b, upper) - _beta_below(a, b, lower)


@njit(cache=True)
def _beta_below(a, b, x):  # type: ignore[no-untyped-def]
    """Regularised incomplete beta function by its continued fraction (DLMF 8.17.22), evaluated by Lentz's method."""
    swapped = x > (a + 1) / (a + b + 2)
    if swapped:
        a, b, x = b, a, 1 - x
    if x <= 0:
        return 1.0 if swapped else 0.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 5000):
        for odd in range(2):
            if odd:
                term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            else:
                term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    below = math.exp(front) * fraction / a
    return 1 - below if swapped else below


@njit(cache=True)
def _coordinate(rng, theta, c, count, total, rest, mean, variance):  # type: ignore[no-untyped-def]
    """Slice-sample one log-odds: density exp(count t - total log(rest + e^t) - (t - mean)^2 / (2 variance))."""
    t = theta[c]
    share = math.exp(t) / (rest + math.exp(t))
    width = 3 / math.sqrt(1 / variance + total * share * (1 - share))
    height = count * t - total * math.log(rest + math.exp(t)) - (t - mean) ** 2 / (2 * variance)
    height += math.log(1 - rng.random())
    low = t - width * rng.random()
    high = low + width
    for _ in range(_STEPS_OUT):
        if count * low - total * math.log(rest + math.exp(low)) - (low - mean) ** 2 / (2 * variance) < height:
            break
        low -= width
    for _ in range(_STEPS_OUT):
        if count * high - total * math.log(rest + math.exp(high)) - (high - mean) ** 2 / (2 * variance) < height:
            break
        high += width
    for _ in range(_STEPS_IN):
        x = low + (high - low) * rng.random()
        if count * x - total * math.log(rest + math.exp(x)) - (x - mean) ** 2 / (2 * variance) >= height:
            return x
        if x < t:
            low = x
        else:
            high = x
    return t


@njit(cache=True)
def _scale_height(theta, count, total, mean, factor):  # type: ignore[no-untyped-def]
    """Log-likelihood of the counts when the log-odds are stretched about their mean."""
    height, norm = 0.0, 0.0
    for c in range(len(theta)):
        t = (theta[c] - mean) * factor
        height += count[c] * t
        norm += math.exp(t)
    return height - total * math.log(norm)


@njit(cache=True)
def _spread(theta):  # type: ignore[no-untyped-def]
    """Return the mean and the sum of squared deviations."""
    mean = 0.0
    for t in theta:
        mean += t
    mean /= len(theta)
    squares = 0.0
    for t in theta:
        squares += (t - mean) ** 2
    return mean, squares


@njit(cache=True)
def slice_csmf(rng, theta, sd, count, sd_max, sweeps, ghosts):  # type: ignore[no-untyped-def]
    """Move the log-odds in place given the deaths assigned to each cause; return the new prior standard deviation.

    The mean of the prior is integrated out (flat prior). One sweep: each log-odds by slice sampling, then the standard
    deviation given the log-odds, then both together along the ray on which the standardised log-odds stay the same
    (interweaving: Yu and Meng 2011, JCGS 20:531).

    With `ghosts` (causes that the original has removed but still counts, e^0 each, in the normalising sum) the model is
    no longer the same when all log-odds move together: the first one is then fixed, as it is in the original.
    """
    n = len(theta)
    total = 0.0
    for c in range(n):
        total += count[c]
    if n < 2:
        return sd
    if sd >= sd_max:
        sd = sd_max / 2
    for _ in range(sweeps):
        sum_theta, norm = 0.0, 0.0
        for c in range(n):
            sum_theta += theta[c]
            norm += math.exp(theta[c])
        norm += ghosts
        for c in range(1 if ghosts > 0 else 0, n):
            old = theta[c]
            rest = norm - math.exp(old)
            if rest < 1e-9 * norm:  # cancellation: add up again
                rest = float(ghosts)
                for d in range(n):
                    if d != c:
                        rest += math.exp(theta[d])
            mean = (sum_theta - old) / (n - 1)
            theta[c] = _coordinate(rng, theta, c, count[c], total, rest, mean, sd * sd * n / (n - 1))
            sum_theta += theta[c] - old
            norm = rest + math.exp(theta[c])
        mean, squares = _spread(theta)
        sd = _draw_sd(rng, n, squares, sd, sd_max)
        if ghosts > 0:
            continue
        for c in range(n):
            theta[c] -= mean  # it does not change the softmax, and keeps exp in range
        factor = _draw_factor(rng, theta, count, total, sd, sd_max)
        sd *= factor
        for c in range(n):
            theta[c] *= factor
    return sd


@njit(cache=True)
def _draw_sd(rng, n, squares, sd, sd_max):  # type: ignore[no-untyped-def]
    """Draw the standard deviation given the log-odds: flat prior on (0, sd_max)."""
    if n > 2:
        for _ in range(100):
            new = math.sqrt(squares / 2 / rng.standard_gamma((n - 2) / 2))
            if new <= sd_max:
                return new
    # Two causes, or nearly all of the mass beyond the limit: a slice step on the log scale.
    x = math.log(sd)
    height = -(n - 2) * x - squares / 2 * math.exp(-2 * x) + math.log(1 - rng.random())
    low, high = x - 10.0, min(x + 10.0, math.log(sd_max))
    for _ in range(_STEPS_IN):
        y = low + (high - low) * rng.random()
        if -(n - 2) * y - squares / 2 * math.exp(-2 * y) >= height:
            return math.exp(y)
        if y < x:
            low = y
        else:
            high = y
    return sd


@njit(cache=True)
def _draw_factor(rng, theta, count, total, sd, sd_max):  # type: ignore[no-untyped-def]
    """Draw the factor by which log-odds (centred) and standard deviation are stretched together, on the log scale."""
    height = _scale_height(theta, count, total, 0.0, 1.0) + math.log(1 - rng.random())
    low = -0.5 * rng.random()
    high = low + 0.5
    limit = math.log(sd_max / sd)
    for _ in range(_STEPS_OUT):
        if low + _scale_height(theta, count, total, 0.0, math.exp(low)) < height:
            break
        low -= 0.5
    for _ in range(_STEPS_OUT):
        if high >= limit or high + _scale_height(theta, count, total, 0.0, math.exp(high)) < height:
            break
        high += 0.5
    high = min(high, limit)
    for _ in range(_STEPS_IN):
        x = low + (high - low) * rng.random()
        if x + _scale_height(theta, count, total, 0.0, math.exp(x)) >= height:
            return math.exp(x)
        if x < 0:
            low = x
        else:
            high = x
    return 1.0


@njit(cache=True)
def block_metropolis(rng, theta, variance, count, jump, ghosts):  # type: ignore[no-untyped-def]
    """Do the original sampler's step in place: all log-odds but the first at once; return (variance, accepted)."""
    n = len(theta)
    mean, squares = _spread(theta)
    mean += rng.standard_normal() * math.sqrt(variance / n)
    squares = 0.0
    total = 0.0
    for c in range(n):
        squares += (theta[c] - mean) ** 2
        total += count[c]
    variance = squares / 2 / rng.standard_gamma((n - 1) / 2)
    new = np.empty(n)
    ratio, old_norm, new_norm = 0.0, float(ghosts), float(ghosts)
    for c in range(n):
        new[c] = theta[c] if c == 0 else theta[c] + jump * rng.standard_normal()
        old_norm += math.exp(theta[c])
        new_norm += math.exp(new[c])
        ratio += count[c] * (new[c] - theta[c])
        ratio -= ((new[c] - mean) ** 2 - (theta[c] - mean) ** 2) / (2 * variance)
    ratio -= total * (math.log(new_norm) - math.log(old_norm))
    accepted = ratio >= math.log(1 - rng.random())
    if accepted:
        for c in range(n):
            theta[c] = new[c]
    return variance, accepted
