"""Draw, in compiled loops, LCVA's classes and profiles of training deaths, and causes and classes of test deaths.

Arrays run over causes c (those with training deaths), classes k, symptoms s and sites g. Only the present and the
missing symptoms of a death are visited: the log-likelihood of "all absent" is added up once for each class.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["assign_classes", "assign_targets", "class_likelihood", "draw_profiles", "draw_sticks"]

_TINY = 1e-300
_EDGE = 1e-6  # sticks are clipped to [_EDGE, 1 - _EDGE] where weights are made of them


@njit(cache=True)
def assign_classes(rng, answers, pattern, cause, site, log_weight, logit, absent, n_class, yes, gone):  # type: ignore[no-untyped-def]
    """Draw the class of every training death and count.

    Parameters
    ----------
    rng : Generator
    answers : Answers
    pattern, cause, site : int64 arrays, shape (n_deaths,)
    log_weight : float64 array, shape (n_causes, n_sites, n_classes)
        Logarithms of the class weights.
    logit : float64 array, shape (n_causes, n_symptoms, n_classes)
        Log-odds of each symptom.
    absent : float64 array, the same shape
        log(1 - p) of each symptom.
    n_class : int64 array, shape (n_causes, n_sites, n_classes)
        Filled with the deaths of each class.
    yes, gone : int64 arrays, shape (n_causes, n_symptoms, n_classes)
        Filled with the deaths that have the symptom, and those that did not answer.
    """
    n_causes, n_symptoms, n_classes = logit.shape
    base = np.zeros((n_causes, n_classes))
    for c in range(n_causes):
        for s in range(n_symptoms):
            for k in range(n_classes):
                base[c, k] += absent[c, s, k]
    n_class[:] = 0
    yes[:] = 0
    gone[:] = 0
    height = np.empty(n_classes)
    for i in range(len(cause)):
        c, g, u = cause[i], site[i], pattern[i]
        for k in range(n_classes):
            height[k] = log_weight[c, g, k] + base[c, k]
        for j in range(answers.present_from[u], answers.present_from[u + 1]):
            s = answers.present[j]
            for k in range(n_classes):
                height[k] += logit[c, s, k]
        for j in range(answers.missing_from[u], answers.missing_from[u + 1]):
            s = answers.missing[j]
            for k in range(n_classes):
                height[k] -= absent[c, s, k]
        largest = height[0]
        for k in range(1, n_classes):
            largest = max(largest, height[k])
        total = 0.0
        for k in range(n_classes):
            total += math.exp(height[k] - largest)
            height[k] = total
        r, drawn = rng.random() * total, 0
        while drawn < n_classes - 1 and height[drawn] <= r:
            drawn += 1
        n_class[c, g, drawn] += 1
        for j in range(answers.present_from[u], answers.present_from[u + 1]):
            yes[c, answers.present[j], drawn] += 1
        for j in range(answers.missing_from[u], answers.missing_from[u + 1]):
            gone[c, answers.missing[j], drawn] += 1


@njit(cache=True)
def draw_sticks(rng, counts, omega, a_omega, b_omega, weight):  # type: ignore[no-untyped-def]
    """Draw the weights of the classes of one cause at one site by stick breaking, in place; return the new omega."""
    n_classes = len(counts)
    later = 0
    for k in range(n_classes):
        later += counts[k]
    rest, logs, used = 1.0, 0.0, 0.0
    for k in range(n_classes - 1):
        later -= counts[k]
        a, b = rng.standard_gamma(1.0 + counts[k]), rng.standard_gamma(omega + later)
        v = a / max(a + b, _TINY)
        logs += math.log(max(b / max(a + b, _TINY), _TINY))
        v = min(max(v, _EDGE), 1 - _EDGE)
        weight[k] = v * rest
        rest *= 1 - v
        used += weight[k]
    weight[n_classes - 1] = max(1 - used, _EDGE)
    return rng.standard_gamma(a_omega + n_classes - 1) / (b_omega - logs)


@njit(cache=True)
def _log_beta_pair(x, y):  # type: ignore[no-untyped-def]
    """Return log(x / (x + y)) and log(y / (x + y)) of two gamma draws, bounded below."""
    total = max(x + y, _TINY)
    return math.log(max(x / total, _TINY)), math.log(max(y / total, _TINY))


@njit(cache=True)
def draw_profiles(rng, yes, no, priors, log_gamma, log_not_gamma, tau, tables, logit, absent):  # type: ignore[no-untyped-def]
    """Draw, in place, which cells of the profiles are free, the free ones, the sparsity and the causes' baselines.

    Parameters
    ----------
    rng : Generator
    yes, no : int64 arrays, shape (n_causes, n_symptoms, n_classes)
        Deaths of each class with and without the symptom.
    priors : (a_base, b_base, nu_phi, nu_tau)
    log_gamma, log_not_gamma : float64 arrays, shape (n_causes, n_symptoms)
        Logarithms of the baselines and of their complements.
    tau : float64 array, shape (n_causes,)
        Share of free cells.
    tables : float64 array, shape (3, n)
        lgamma(1 + n), lgamma(nu_phi + n) and lgamma(1 + nu_phi + n).
    logit, absent : float64 arrays, shape (n_causes, n_symptoms, n_classes)
        Filled with the log-odds and log(1 - p) of each symptom.
    """
    a_base, b_base, nu_phi, nu_tau = priors
    n_causes, n_symptoms, n_classes = yes.shape
    bound = tables[1, 0] - tables[2, 0]
    for c in range(n_causes):
        log_free, log_tied = math.log(max(tau[c], _TINY)), math.log(max(1 - tau[c], _TINY))
        n_free = 0
        for s in range(n_symptoms):
            tied_yes, tied_no = 0, 0
            p0, q0 = log_gamma[c, s], log_not_gamma[c, s]
            for k in range(n_classes):
                y, n = yes[c, s, k], no[c, s, k]
                tied = log_tied + y * p0 + n * q0 + bound
                free = log_free + tables[0, y] + tables[1, n] - tables[2, y + n]
                gap = tied - free
                chance = 1 / (1 + math.exp(gap)) if gap < 700 else 0.0
                if rng.random() < chance:
                    n_free += 1
                    p, q = _log_beta_pair(rng.standard_gamma(1.0 + y), rng.standard_gamma(nu_phi + n))
                    logit[c, s, k], absent[c, s, k] = p - q, q
                else:
                    tied_yes += y
                    tied_no += n
                    logit[c, s, k] = np.nan  # takes the new baseline below
            p0, q0 = _log_beta_pair(rng.standard_gamma(a_base + tied_yes), rng.standard_gamma(b_base + tied_no))
            log_gamma[c, s], log_not_gamma[c, s] = p0, q0
            for k in range(n_classes):
                if math.isnan(logit[c, s, k]):
                    logit[c, s, k], absent[c, s, k] = p0 - q0, q0
        x = rng.standard_gamma(1.0 + n_free)
        y = rng.standard_gamma(nu_tau + n_classes * n_symptoms - n_free)
        tau[c] = x / max(x + y, _TINY)


@njit(cache=True)
def class_likelihood(answers, logit, likelihood):  # type: ignore[no-untyped-def]
    """Fill the likelihood of every pattern under every class of every cause, each pattern's largest scaled to 1.

    Parameters
    ----------
    answers : Answers
    logit : float32 array, shape (n_symptoms, n_causes * n_classes)
    likelihood : float64 array, shape (n_patterns, n_causes * n_classes)
    """
    n_symptoms, width = logit.shape
    base, absent = np.zeros(width), np.empty((n_symptoms, width))
    for s in range(n_symptoms):
        for k in range(width):
            x = np.float64(logit[s, k])
            absent[s, k] = -x - math.log1p(math.exp(-x)) if x > 0 else -math.log1p(math.exp(x))
            base[k] += absent[s, k]
    for u in range(len(likelihood)):
        for k in range(width):
            likelihood[u, k] = base[k]
        for j in range(answers.present_from[u], answers.present_from[u + 1]):
            s = answers.present[j]
            for k in range(width):
                likelihood[u, k] += np.float64(logit[s, k])
        for j in range(answers.missing_from[u], answers.missing_from[u + 1]):
            s = answers.missing[j]
            for k in range(width):
                likelihood[u, k] -= absent[s, k]
        largest = likelihood[u, 0]
        for k in range(1, width):
            largest = max(largest, likelihood[u, k])
        for k in range(width):
            likelihood[u, k] = math.exp(likelihood[u, k] - largest)


@njit(cache=True)
def assign_targets(rng, likelihood, used, copies, pi, weight, eta, site_weight, by_cause, save, counts):  # type: ignore[no-untyped-def]
    """Draw cause, class and training site of every test death, and count.

    Parameters
    ----------
    rng : Generator
    likelihood : float64 array, shape (n_patterns, n_causes * n_classes)
    used, copies : int64 arrays, shape (n_used,)
        The patterns that occur in this test set, and how many deaths have each.
    pi : float64 array, shape (n_causes,)
    weight : float64 array, shape (n_causes, n_classes)
        Class weights in the target.
    eta : float64 array, shape (n_causes, n_sites)
        Weights of the training sites; n_sites is 0 where the target does not mix them.
    site_weight : float64 array, shape (n_causes, n_classes, n_sites)
        Class weights of the training sites.
    by_cause : float64 array, shape (n_used, n_causes)
        Cause probabilities are added here if `save`.
    save : bool
    counts : (by class, by site), int64 arrays of shapes (n_causes, n_classes) and (n_causes, n_sites)
        Filled with the numbers of deaths.
    """
    n_causes, n_classes = weight.shape
    n_sites, width = eta.shape[1], n_causes * n_classes
    by_class, by_site = counts
    by_class[:] = 0
    by_site[:] = 0
    prior, cumulative = np.empty(width), np.empty(width)
    for c in range(n_causes):
        for k in range(n_classes):
            prior[c * n_classes + k] = pi[c] * weight[c, k]
    mix = np.empty(max(n_sites, 1))
    for j in range(len(used)):
        u = used[j]
        total = 0.0
        for m in range(width):
            total += prior[m] * likelihood[u, m]
            cumulative[m] = total
        if save and total > 0:
            before = 0.0
            for c in range(n_causes):
                after = cumulative[(c + 1) * n_classes - 1]
                by_cause[j, c] += (after - before) / total
                before = after
        for _ in range(copies[j]):
            at = min(np.searchsorted(cumulative, rng.random() * total, side="right"), width - 1)
            c, k = at // n_classes, at % n_classes
            by_class[c, k] += 1
            if n_sites > 0:
                mass = 0.0
                for g in range(n_sites):
                    mass += eta[c, g] * site_weight[c, k, g]
                    mix[g] = mass
                r, g = rng.random() * mass, 0
                while g < n_sites - 1 and mix[g] <= r:
                    g += 1
                by_site[c, g] += 1
