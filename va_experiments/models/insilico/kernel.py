"""Run the iterations of InSilicoVA in compiled code: likelihoods, causes, CSMF, levels, without allocations.

Sums over causes run along memory, eight causes to a vector instruction. Nothing is reordered (no fast math) and every
rounding is spelled out, so the numbers are the same on every processor with IEEE arithmetic.

The compiler's cache notices a change of this file, not of the others whose functions are compiled in; so `advance`
carries a fingerprint of them.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

from va_experiments.models.insilico import arrays, draws
from va_experiments.models.insilico.draws import block_metropolis, draw_levels, slice_csmf

__all__ = ["WIDTH", "advance", "exp_negative", "fill_likelihood"]

WIDTH = 8
"""Causes are padded to a multiple of this: one vector register of float64."""

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
def _fma(typingctx, a, b, c):  # type: ignore[no-untyped-def]
    """Return a * b + c, rounded once: the same bits everywhere."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


def _vector_at(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Return the LLVM pointer to eight float64 that start at a flat index of a contiguous array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), ir.VectorType(ir.DoubleType(), WIDTH).as_pointer())


@intrinsic
def add_eight(typingctx, out, to, table, a, b):  # type: ignore[no-untyped-def]
    """out.flat[to:to+8] = table.flat[a:a+8] + table.flat[b:b+8], as one vector addition."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        x, y = (builder.load(_vector_at(context, builder, table, args[2], k), align=8) for k in args[3:])
        builder.store(builder.fadd(x, y), _vector_at(context, builder, out, args[0], args[1]), align=8)
        return context.get_dummy_value()

    return types.void(out, types.intp, table, types.intp, types.intp), codegen


@intrinsic
def largest_eight(typingctx, peak, table, a):  # type: ignore[no-untyped-def]
    """peak[:8] = maximum(peak[:8], table.flat[a:a+8])."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        zero = ir.Constant(ir.IntType(64), 0)
        at = _vector_at(context, builder, peak, args[0], zero)
        x, y = builder.load(at, align=8), builder.load(_vector_at(context, builder, table, args[1], args[2]), align=8)
        builder.store(builder.select(builder.fcmp_ordered(">", x, y), x, y), at, align=8)
        return context.get_dummy_value()

    return types.void(peak, table, types.intp), codegen


@intrinsic
def weigh_eight(typingctx, total, weight, to, share, a, likelihood, b):  # type: ignore[no-untyped-def]
    """weight[to:to+8] = share.flat[a:a+8] * likelihood.flat[b:b+8]; total[:8] += weight[to:to+8]."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        x = builder.load(_vector_at(context, builder, share, args[3], args[4]), align=8)
        y = builder.load(_vector_at(context, builder, likelihood, args[5], args[6]), align=8)
        at = _vector_at(context, builder, total, args[0], ir.Constant(ir.IntType(64), 0))
        product = builder.fmul(x, y)
        builder.store(product, _vector_at(context, builder, weight, args[1], args[2]), align=8)
        builder.store(builder.fadd(builder.load(at, align=8), product), at, align=8)
        return context.get_dummy_value()

    return types.void(total, weight, types.intp, share, types.intp, likelihood, types.intp), codegen


@njit(cache=True, inline="always")
def exp_negative(x):  # type: ignore[no-untyped-def]
    """e^x for x in [-708, 0] to 4e-16 relative: unlike the library's, a loop over it becomes vector code."""
    t = x * 1.4426950408889634 + _ROUND
    n = t - _ROUND
    r = _fma(n, -1.9082149292705877e-10, _fma(n, -0.6931471803691238, x))
    p = 1 / 479001600.0
    p = _fma(p, r, 1 / 39916800.0)
    p = _fma(p, r, 1 / 3628800.0)
    p = _fma(p, r, 1 / 362880.0)
    p = _fma(p, r, 1 / 40320.0)
    p = _fma(p, r, 1 / 5040.0)
    p = _fma(p, r, 1 / 720.0)
    p = _fma(p, r, 1 / 120.0)
    p = _fma(p, r, 1 / 24.0)
    p = _fma(p, r, 1 / 6.0)
    p = _fma(p, r, 0.5)
    p = _fma(p, r, 1.0)
    p = _fma(p, r, 1.0)
    return p * _from_bits((_bits(t) + 1023) << 52)


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
    largest = theta[0]
    for t in theta:
        largest = max(largest, t)
    total = 0.0
    for t in theta:
        total += math.exp(t - largest)
    share[:] = 0.0
    for k in range(len(theta)):
        share[active[k]] = math.exp(theta[k] - largest) / total


def _compile_advance(fingerprint: int) -> Any:
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
        if fingerprint < 0:  # never: it makes the fingerprint a part of the function
            return
        n_groups, width = state.share.shape
        n_levels, n_symptoms, n_deaths = len(state.value), arrays.symptoms.shape[1], 0
        for copies in arrays.copies:  # in loops throughout: whole-array statements take seconds more to compile
            n_deaths += copies
        count, weight, cause = np.empty((n_groups, width)), np.empty(width), np.empty(n_deaths, np.int64)
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
                for g in range(n_groups):
                    for c in range(width):
                        state.csmf_draws[at, g, c] = state.share[g, c]
                for h in range(n_levels):
                    state.level_draws[at, h] = state.value[h]
            _assign(rng, arrays, state, save, 0 if scheme.reference_compat else -1, count, cause, weight)
            for g in range(n_groups):
                n = arrays.n_active[g]
                ghosts = arrays.active.shape[1] - n if scheme.reference_compat else 0
                for k in range(n):
                    counted[k] = count[g, arrays.active[g, k]]
                theta = state.theta[g, :n]
                if scheme.original:
                    variance, accepted = block_metropolis(
                        rng, theta, state.sd[g] ** 2, counted[:n], scheme.jump, ghosts
                    )
                    state.sd[g] = math.sqrt(variance)
                    state.accepted[g] += accepted
                else:
                    state.sd[g] = slice_csmf(rng, theta, state.sd[g], counted[:n], scheme.sd_max, scheme.sweeps, ghosts)
                    state.accepted[g] += 1
                _softmax(theta, arrays.active[g], state.share[g])
            if scheme.update:
                _count_levels(arrays, cause, sums, parity, pending, present, known, yes, seen)
                draw_levels(rng, state.value, arrays, yes, seen, scheme)

    return advance


advance = _compile_advance(zlib.crc32(b"".join(Path(str(module.__file__)).read_bytes() for module in (arrays, draws))))
"""Run iterations `first` to `last` - 1 of a chain; see the function inside `_compile_advance`."""
