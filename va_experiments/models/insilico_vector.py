"""Eight float64 at a time: the few operations that the compiler would not turn into vector code by itself.

Nothing is reordered and every rounding is spelled out, so the numbers are the same on every processor.
"""

from __future__ import annotations

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["WIDTH", "add_eight", "exp_negative", "largest_eight", "weigh_eight"]

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


def _vector_at(context, builder, array_type, array, index):  # type: ignore[no-untyped-def]
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
