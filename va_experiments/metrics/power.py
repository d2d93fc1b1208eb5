"""Find the smallest difference between two models that a design can show, and the sites that show a given one.

A difference at a site is the sum of what the site adds (variance ``between``) and of the noise of one split (variance
``within``, which falls with more splits and with more test deaths). The test is the two-sided paired t-test over sites.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Variance", "detectable_difference", "sites_needed", "t_test_power", "variance_components"]


@dataclass(frozen=True)
class Variance:
    """Variances of a paired difference: see `variance_components`."""

    between: float
    """Of the sites' expected differences."""
    within: float
    """Of one split at a site; NaN where every site has one split, so that ``between`` holds both."""
    n_sites: int

    def of_mean_at_site(self, splits: float, deaths: float = 1.0) -> float:
        """Return the variance of a site's mean difference.

        Parameters
        ----------
        splits : float
            Splits of each site.
        deaths : float
            Test deaths, as a multiple of those that were observed; all of ``within`` is taken to fall with them.
        """
        return self.between + (0.0 if math.isnan(self.within) else self.within / (splits * deaths))


def variance_components(differences: npt.ArrayLike, site: npt.ArrayLike) -> Variance:
    """Estimate the variance between sites and within them, by the method of moments (one-way random effects).

    Parameters
    ----------
    differences : float array, shape (n,)
        One for each split.
    site : array, shape (n,)
        The site of each.

    References
    ----------
    Searle, Casella and McCulloch (1992), Variance components, section 3.6: unbalanced data; a negative estimate of the
    variance between sites is set to 0.
    """
    d, group = np.asarray(differences, dtype=np.float64), np.unique(np.asarray(site), return_inverse=True)[1]
    n = np.bincount(group).astype(float)
    k, total = len(n), len(d)
    if k < 2:
        raise ValueError(f"{k} site: the variance between sites needs at least 2")
    means = np.bincount(group, weights=d) / n
    if total == k:
        return Variance(float(means.var(ddof=1)), math.nan, k)
    within = float(((d - means[group]) ** 2).sum() / (total - k))
    between = float((n * (means - d.mean()) ** 2).sum() / (k - 1))
    size = (total - (n**2).sum() / total) / (k - 1)
    return Variance(max(0.0, (between - within) / size), within, k)


def t_test_power(difference: float, sd: float, n: int, *, level: float = 0.05) -> float:
    """Return the power of the two-sided one-sample t-test, by the noncentral t distribution.

    Parameters
    ----------
    difference : float
        True mean difference.
    sd : float
        Standard deviation of the units' differences.
    n : int
        Units (sites).
    level : float
        Of significance.
    """
    from scipy import stats

    if n < 2:
        return math.nan
    if sd == 0:
        return 1.0 if difference else level
    critical = float(stats.t.ppf(1 - level / 2, n - 1))
    shift = abs(difference) / sd * math.sqrt(n)
    opposite = float(stats.nct.cdf(-critical, n - 1, shift))  # SciPy gives NaN at some shifts where it is below 1e-10
    return float(stats.nct.sf(critical, n - 1, shift)) + (0.0 if math.isnan(opposite) else opposite)


def detectable_difference(sd: float, n: int, *, power: float = 0.8, level: float = 0.05) -> float:
    """Return the smallest true difference that the t-test over `n` units finds with this power; NaN below 2 units."""
    from scipy import optimize

    if n < 2:
        return math.nan
    if sd == 0:
        return 0.0
    most = 1.0
    while t_test_power(most, 1.0, n, level=level) < power:
        most *= 2
    standardised = optimize.brentq(lambda d: t_test_power(d, 1.0, n, level=level) - power, 0.0, most, xtol=1e-10)
    return sd * float(standardised)


def sites_needed(
    difference: float, sd: float, *, power: float = 0.8, level: float = 0.05, most: int = 10_000
) -> int | None:
    """Return the fewest units with which the t-test finds `difference` with this power; None above `most`."""
    low, high = 2, 2
    while t_test_power(difference, sd, high, level=level) < power:
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if t_test_power(difference, sd, middle, level=level) >= power else (middle + 1, high)
    return low
