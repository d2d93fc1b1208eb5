"""The compiled loop of InSilicoVA: likelihoods, causes, CSMF, levels, over and over, with no allocation inside.

Sums over causes run along memory, eight causes to a vector instruction; nothing is reordered (no fast math), so the
numbers are the same on every processor with IEEE arithmetic.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from va_experiments.models.insilico_draws import block_metropolis, draw_levels, slice_csmf
from va_experiments.models.insilico_vector import WIDTH, add_eight, exp_negative, largest_eight, weigh_eight

__all__ = ["advance", "fill_likelihood"]


@njit(cache=True)
def fill_likelihood(arrays, value, table, likelihood):  # type: ignore[no-untyped-def]
    """Fill ``likelihood[u, c]``, scaled so that each profile's largest is 1; 0 for impossible causes.

    Parameters
    ----------
    arrays : Arrays
    value : float64 array, shape (n_levels,)
        Strictly between 0 and 1.
    table : float64 array, shape (n_rows + 1, 8)
        Scratch.
    likelihood : float64 array, shape (n_profiles, n_padded)
    """
    n_levels, n_leaves, width = len(value), len(arrays.leaf_symptom), likelihood.shape[1]
    present, missing, peak = np.empty(n_levels), np.empty(n_levels), np.empty(WIDTH)
    for h in range(n_levels):
        missing[h] = -math.log1p(-value[h])
        present[h] = math.log(value[h]) + missing[h]
    base = len(table) - 1
    for start in range(0, width, WIDTH):
        for k in range(WIDTH):
            table[0, k] = 0.0
            total = 0.0
            for h in range(n_levels):
                total -= arrays.cells[h, start + k] * missing[h]
            # A cause that no death may have must not set the scale.
            table[base, k] = total if arrays.allowed.shape[0] > 1 or arrays.allowed[0, start + k] != 0 else -1e300
        for r in range(1, n_leaves):
            s = arrays.leaf_symptom[r]
            part = present if arrays.leaf_present[r] else missing
            for k in range(WIDTH):
                table[r, k] = part[arrays.level[s, start + k]]
        for r in range(len(arrays.left)):
            left, right = np.intp(arrays.left[r]), np.intp(arrays.right[r])
            add_eight(table, np.intp(n_leaves + r) * WIDTH, table, left * WIDTH, right * WIDTH)
        for u in range(len(arrays.row)):
            add_eight(likelihood, u * width + start, table, np.intp(arrays.row[u]) * WIDTH, base * WIDTH)
    one_rule = arrays.allowed.shape[0] == 1
    for u in range(likelihood.shape[0]):
        rule = 0 if one_rule else u
        peak[:] = -np.inf
        for start in range(0, width, WIDTH):
            largest_eight(peak, likelihood, u * width + start)
        largest = -np.inf
        for k in range(WIDTH):
            largest = max(largest, peak[k])
        if not one_rule:
            largest = -np.inf
            for c in range(width):
                if arrays.allowed[u, c] != 0:
                    largest = max(largest, likelihood[u, c])
        for c in range(width):
            x = likelihood[u, c] - largest
            x = x if x > -708.0 else -708.0
            x = x if x < 0.0 else 0.0
            likelihood[u, c] = arrays.allowed[rule, c] * exp_negative(x)


@njit(cache=True)
def _assign(rng, arrays, state, save, stray, count, cause, weight):  # type: ignore[no-untyped-def]
    """Draw the cause of every death (`stray` where none is possible; -1: left out) and count deaths by cause."""
    count[:] = 0.0
    width, at = len(weight), 0
    lane = np.empty(WIDTH)
    for j in range(len(arrays.profile)):
        u, g = arrays.profile[j], arrays.group[j]
        lane[:] = 0.0
        for start in range(0, width, WIDTH):
            weigh_eight(lane, weight, start, state.share, g * width + start, state.likelihood, u * width + start)
        for k in range(1, WIDTH):
            lane[k] += lane[k - 1]
        total = lane[WIDTH - 1]
        possible = total > 0.0
        if save and possible:
            scale = 1.0 / total
            for c in range(width):
                state.probability[j, c] += weight[c] * scale
        for _ in range(arrays.copies[j]):
            if not possible:
                cause[at] = stray
                at += 1
                if stray >= 0:
                    count[g, stray] += 1.0
                continue
            # Inverse distribution function over the causes in the order 0, 8, 16, ..., 1, 9, 17, ...
            r = rng.random() * total
            k = 0
            for d in range(WIDTH - 1):
                k += lane[d] <= r
            r -= lane[k - 1] if k > 0 else 0.0
            c, cumulative = k, 0.0
            for d in range(k, width - WIDTH, WIDTH):
                cumulative += weight[d]
                c += WIDTH * (cumulative <= r)
            while not weight[c] > 0.0:  # rounding led past the last possible cause
                c -= 1 if c > 0 else 1 - width
            count[g, c] += 1.0
            cause[at] = c
            at += 1


@njit(cache=True)
def _flush(c, sums, parity, present, known):  # type: ignore[no-untyped-def]
    """Empty one cause's byte counters: sums hold present minus missing, parity present plus missing."""
    for s in range(sums.shape[1]):
        difference, either = np.int32(sums[c, s]), np.int32(parity[c, s])
        present[c, s] += (either + difference) >> 1
        known[c, s] -= (either - difference) >> 1
        sums[c, s] = 0
        parity[c, s] = 0


@njit(cache=True)
def _count_levels(arrays, cause, sums, parity, pending, present, known, yes, seen):  # type: ignore[no-untyped-def]
    """Count the symptoms present and known at each level, given every death's cause.

    Symptoms are counted by cause in bytes, 64 to a vector, which are emptied before they can overflow.
    """
    n_symptoms, at = arrays.symptoms.shape[1], 0
    present[:] = 0
    known[:] = 0
    pending[:] = 0
    for j in range(len(arrays.profile)):
        u = arrays.profile[j]
        for _ in range(arrays.copies[j]):
            c = cause[at]
            at += 1
            if c < 0:
                continue
            for s in range(n_symptoms):
                x = arrays.symptoms[u, s]
                sums[c, s] = np.int8(sums[c, s] + x)
                parity[c, s] = np.int8(parity[c, s] + (x & 1))
            pending[c] += 1
            if pending[c] % 127 == 0:
                _flush(c, sums, parity, present, known)
    yes[:] = 0.0
    seen[:] = 0.0
    for c in range(len(pending)):
        if pending[c] > 0:
            _flush(c, sums, parity, present, known)
            for s in range(n_symptoms):
                yes[arrays.level[s, c]] += present[c, s]
                seen[arrays.level[s, c]] += known[c, s] + pending[c]


@njit(cache=True)
def _softmax(theta, active, share):  # type: ignore[no-untyped-def]
    """Fill the CSMF of one subpopulation."""
    largest = theta.max()
    total = 0.0
    for t in theta:
        total += math.exp(t - largest)
    share[:] = 0.0
    for k in range(len(theta)):
        share[active[k]] = math.exp(theta[k] - largest) / total


@njit(cache=True)
def advance(rng, arrays, state, scheme, table, first, last):  # type: ignore[no-untyped-def]
    """Run iterations `first` to `last` - 1 of a chain, saving every `thin`-th after `burn_in`.

    Parameters
    ----------
    rng : Generator
    arrays : Arrays
    state : State
    scheme : Scheme
    table : float64 array, shape (n_rows + 1, 8)
        Scratch for the sums; faster where it starts at a multiple of 64 bytes.

    References
    ----------
    McCormick et al. 2016, JASA 111:1036, section 3.
    """
    n_groups, width = state.share.shape
    n_levels, n_symptoms = len(state.value), arrays.symptoms.shape[1]
    count, weight, cause = np.empty((n_groups, width)), np.empty(width), np.empty(arrays.copies.sum(), np.int64)
    counted = np.empty(arrays.active.shape[1])
    tracked = n_symptoms if scheme.update else 0
    present, known = np.empty((width, tracked), np.int32), np.empty((width, tracked), np.int32)
    sums, parity = np.zeros((width, tracked), np.int8), np.zeros((width, tracked), np.int8)
    pending, yes, seen = np.empty(width, np.int64), np.empty(n_levels), np.empty(n_levels)
    for g in range(n_groups):
        _softmax(state.theta[g, : arrays.n_active[g]], arrays.active[g], state.share[g])
    for iteration in range(first, last):
        save = iteration >= scheme.burn_in and (iteration - scheme.burn_in + 1) % scheme.thin == 0
        if scheme.update:
            fill_likelihood(arrays, state.value, table, state.likelihood)
        if save:
            at = (iteration - scheme.burn_in + 1) // scheme.thin - 1
            state.csmf_draws[at] = state.share
            state.level_draws[at] = state.value
        _assign(rng, arrays, state, save, 0 if scheme.compat else -1, count, cause, weight)
        for g in range(n_groups):
            n = arrays.n_active[g]
            ghosts = arrays.active.shape[1] - n if scheme.compat else 0
            for k in range(n):
                counted[k] = count[g, arrays.active[g, k]]
            theta = state.theta[g, :n]
            if scheme.original:
                variance, accepted = block_metropolis(rng, theta, state.sd[g] ** 2, counted[:n], scheme.jump, ghosts)
                state.sd[g] = math.sqrt(variance)
                state.accepted[g] += accepted
            else:
                state.sd[g] = slice_csmf(rng, theta, state.sd[g], counted[:n], scheme.sd_max, scheme.sweeps, ghosts)
                state.accepted[g] += 1
            _softmax(theta, arrays.active[g], state.share[g])
        if scheme.update:
            _count_levels(arrays, cause, sums, parity, pending, present, known, yes, seen)
            draw_levels(rng, state.value, arrays, yes, seen, scheme)
