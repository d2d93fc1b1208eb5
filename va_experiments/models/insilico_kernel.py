"""The compiled loop of InSilicoVA: likelihoods, causes, CSMF, levels, over and over, with no allocation inside.

Sums over causes run along memory, eight causes to a vector instruction; nothing is reordered (no fast math), so the
numbers are the same on every processor with IEEE arithmetic.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

from va_experiments.models.insilico_draws import block_metropolis, draw_levels, slice_csmf

__all__ = ["WIDTH", "Arrays", "State", "advance", "fill_likelihood"]

WIDTH = 8
"""Causes are padded to a multiple of this: one vector register of float64."""


class Arrays(NamedTuple):
    """What never changes during a chain; shared by all chains.

    A *profile* is a distinct pattern of symptoms and impossible causes; a *cell* is a profile in a subpopulation.
    Causes are padded to ``n_padded``, a multiple of 8.
    """

    symptoms: npt.NDArray[np.int8]
    """(n_profiles, n_symptoms): 1 present, 0 absent, -1 missing."""
    allowed: npt.NDArray[np.float64]
    """(n_profiles, n_padded), or (1, n_padded) where one rule serves all: 0 for impossible causes and for padding."""
    profile: npt.NDArray[np.int64]
    """(n_cells,): profile of each cell."""
    group: npt.NDArray[np.int64]
    """(n_cells,): subpopulation of each cell."""
    copies: npt.NDArray[np.int64]
    """(n_cells,): deaths in each cell."""
    active: npt.NDArray[np.int64]
    """(n_groups, n_causes): the causes that are possible in the subpopulation, then unused."""
    n_active: npt.NDArray[np.int64]
    """(n_groups,): how many."""
    level: npt.NDArray[np.uint8]
    """(n_symptoms, n_padded): level of each symptom given each cause; 0 is the highest."""
    cells: npt.NDArray[np.float64]
    """(n_levels, n_padded): symptoms of each cause at each level."""
    prior_a: npt.NDArray[np.float64]
    """(n_levels,): first parameter of each level's Beta prior."""
    prior_b: float
    """Sum of both parameters."""
    leaf_symptom: npt.NDArray[np.int32]
    leaf_present: npt.NDArray[np.bool_]
    left: npt.NDArray[np.uint32]
    right: npt.NDArray[np.uint32]
    row: npt.NDArray[np.uint32]
    """The plan of additions (`insilico_sums`)."""


class State(NamedTuple):
    """What one chain changes; every array is updated in place."""

    theta: npt.NDArray[np.float64]
    """(n_groups, n_causes): log-odds of the active causes."""
    sd: npt.NDArray[np.float64]
    """(n_groups,): prior standard deviation of the log-odds."""
    value: npt.NDArray[np.float64]
    """(n_levels,): probability of each level, from high to low."""
    share: npt.NDArray[np.float64]
    """(n_groups, n_padded): the CSMF."""
    likelihood: npt.NDArray[np.float64]
    """(n_profiles, n_padded), scaled so that each row's largest is 1."""
    probability: npt.NDArray[np.float64]
    """(n_cells, n_padded): sum of the cause probabilities over the saved iterations."""
    csmf_draws: npt.NDArray[np.float64]
    """(n_saved, n_groups, n_padded)."""
    level_draws: npt.NDArray[np.float64]
    """(n_saved, n_levels)."""
    accepted: npt.NDArray[np.int64]
    """(n_groups,): accepted proposals."""


_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the nearest integer in the low bits


@intrinsic
def _bits(typingctx, x):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(args[0], context.get_value_type(types.int64))

    return types.int64(types.float64), codegen


@intrinsic
def _from_bits(typingctx, i):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(args[0], context.get_value_type(types.float64))

    return types.float64(types.int64), codegen


@intrinsic
def _add_eight(typingctx, table, to, a, b):  # type: ignore[no-untyped-def]
    """table.flat[to:to+8] = table.flat[a:a+8] + table.flat[b:b+8], as one vector addition."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        vector = ir.VectorType(ir.DoubleType(), WIDTH).as_pointer()
        at = [builder.bitcast(builder.gep(data, [index]), vector) for index in args[1:]]
        total = builder.fadd(builder.load(at[1], align=8), builder.load(at[2], align=8))
        builder.store(total, at[0], align=8)
        return context.get_dummy_value()

    return types.void(table, types.intp, types.intp, types.intp), codegen


@njit(cache=True, inline="always")
def _exp(x):  # type: ignore[no-untyped-def]
    """e^x for x in [-708, 0] to 4e-16 relative: unlike the library's, a loop over it becomes vector code."""
    t = x * 1.4426950408889634 + _ROUND
    n = t - _ROUND
    r = x - n * 0.6931471803691238 - n * 1.9082149292705877e-10
    p = 1 / 479001600.0
    p = p * r + 1 / 39916800.0
    p = p * r + 1 / 3628800.0
    p = p * r + 1 / 362880.0
    p = p * r + 1 / 40320.0
    p = p * r + 1 / 5040.0
    p = p * r + 1 / 720.0
    p = p * r + 1 / 120.0
    p = p * r + 1 / 24.0
    p = p * r + 1 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * _from_bits((_bits(t) + 1023) << 52)


@njit(cache=True)
def fill_likelihood(arrays, value, table, likelihood):  # type: ignore[no-untyped-def]
    """Fill ``likelihood[u, c]``, scaled so that each profile's largest is 1; 0 for impossible causes.

    Parameters
    ----------
    arrays : Arrays
    value : float64 array, shape (n_levels,)
        Strictly between 0 and 1.
    table : float64 array, shape (n_rows, 8)
        Scratch.
    likelihood : float64 array, shape (n_profiles, n_padded)
    """
    n_levels, n_leaves = len(value), len(arrays.leaf_symptom)
    present, missing, base = np.empty(n_levels), np.empty(n_levels), np.empty(WIDTH)
    for h in range(n_levels):
        missing[h] = -math.log1p(-value[h])
        present[h] = math.log(value[h]) + missing[h]
    for start in range(0, likelihood.shape[1], WIDTH):
        for k in range(WIDTH):
            table[0, k] = 0.0
            base[k] = 0.0
            for h in range(n_levels):
                base[k] -= arrays.cells[h, start + k] * missing[h]
        for r in range(1, n_leaves):
            s = arrays.leaf_symptom[r]
            part = present if arrays.leaf_present[r] else missing
            for k in range(WIDTH):
                table[r, k] = part[arrays.level[s, start + k]]
        for r in range(len(arrays.left)):
            left, right = np.intp(arrays.left[r]), np.intp(arrays.right[r])
            _add_eight(table, np.intp(n_leaves + r) * WIDTH, left * WIDTH, right * WIDTH)
        for u in range(len(arrays.row)):
            for k in range(WIDTH):
                likelihood[u, start + k] = table[arrays.row[u], k] + base[k]
    one_rule = arrays.allowed.shape[0] == 1
    for u in range(likelihood.shape[0]):
        rule = arrays.allowed[0 if one_rule else u]
        largest = -np.inf
        for c in range(likelihood.shape[1]):
            if rule[c] != 0:
                largest = max(largest, likelihood[u, c])
        for c in range(likelihood.shape[1]):
            likelihood[u, c] = rule[c] * _exp(min(max(likelihood[u, c] - largest, -708.0), 0.0))


@njit(cache=True)
def _assign(rng, arrays, state, save, count, present, known, cumulative):  # type: ignore[no-untyped-def]
    """Draw the cause of every death; count deaths by cause, and symptoms by cause."""
    count[:] = 0.0
    present[:] = 0
    known[:] = 0
    width, n_symptoms = len(cumulative), arrays.symptoms.shape[1]
    for j in range(len(arrays.profile)):
        u, g = arrays.profile[j], arrays.group[j]
        total = 0.0
        for c in range(width):
            total += state.share[g, c] * state.likelihood[u, c]
            cumulative[c] = total
        if not total > 0.0:  # no cause is possible: the death is left out
            continue
        if save:
            scale = 1.0 / total
            for c in range(width):
                state.probability[j, c] += state.share[g, c] * state.likelihood[u, c] * scale
        for _ in range(arrays.copies[j]):
            r = rng.random() * total
            c = 0
            for d in range(width):
                c += cumulative[d] <= r
            count[g, c] += 1.0
            for s in range(n_symptoms):
                present[c, s] += arrays.symptoms[u, s] == 1
                known[c, s] += arrays.symptoms[u, s] >= 0


@njit(cache=True)
def _by_level(present, known, level, yes, seen):  # type: ignore[no-untyped-def]
    """Add up the symptoms of all causes by level."""
    yes[:] = 0.0
    seen[:] = 0.0
    for c in range(present.shape[0]):
        for s in range(present.shape[1]):
            yes[level[s, c]] += present[c, s]
            seen[level[s, c]] += known[c, s]


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
def advance(rng, arrays, state, first, last, burn_in, thin, update, original, jump, sd_max, sweeps, smallest, largest):  # type: ignore[no-untyped-def]
    """Run iterations `first` to `last` - 1 of a chain, saving every `thin`-th after `burn_in`.

    Parameters
    ----------
    rng : Generator
    arrays : Arrays
    state : State
    update : bool
        Draw the levels; otherwise ``state.likelihood`` is taken as given.
    original : bool
        The original's block Metropolis step with standard deviation `jump` instead of `sweeps` of slice sampling.
    sd_max : float
        Upper limit of the prior standard deviation of the log-odds.
    smallest, largest : float
        Bounds of the levels.
    """
    n_groups, width = state.share.shape
    n_symptoms, n_levels = arrays.symptoms.shape[1], len(state.value)
    table = np.empty((len(arrays.leaf_symptom) + len(arrays.left), WIDTH))
    count, cumulative = np.empty((n_groups, width)), np.empty(width)
    tracked = n_symptoms if update else 0
    present, known = np.empty((width, tracked), np.int32), np.empty((width, tracked), np.int32)
    yes, seen = np.empty(n_levels), np.empty(n_levels)
    counted = np.empty(arrays.active.shape[1])
    for g in range(n_groups):
        _softmax(state.theta[g, : arrays.n_active[g]], arrays.active[g], state.share[g])
    for iteration in range(first, last):
        save = iteration >= burn_in and (iteration - burn_in + 1) % thin == 0
        if update:
            fill_likelihood(arrays, state.value, table, state.likelihood)
        if save:
            at = (iteration - burn_in + 1) // thin - 1
            state.csmf_draws[at] = state.share
            state.level_draws[at] = state.value
        _assign(rng, arrays, state, save, count, present, known, cumulative)
        for g in range(n_groups):
            n = arrays.n_active[g]
            for k in range(n):
                counted[k] = count[g, arrays.active[g, k]]
            theta = state.theta[g, :n]
            if original:
                variance, accepted = block_metropolis(rng, theta, state.sd[g] ** 2, counted[:n], jump)
                state.sd[g] = math.sqrt(variance)
                state.accepted[g] += accepted
            else:
                state.sd[g] = slice_csmf(rng, theta, state.sd[g], counted[:n], sd_max, sweeps)
                state.accepted[g] += 1
            _softmax(theta, arrays.active[g], state.share[g])
        if update:
            _by_level(present, known, arrays.level, yes, seen)
            draw_levels(rng, state.value, arrays.prior_a, arrays.prior_b, yes, seen, smallest, largest)
