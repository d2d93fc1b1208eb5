"""Apply the data consistency check of InterVA-5 and InSilicoVA to all deaths at once.

Answers are kept as two planes of bits for each indicator (yes, no; neither: missing), 64 deaths to a word, so that one
rule costs a handful of word operations for all deaths of a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from va_experiments.data.probbase import Probbase, Rule

__all__ = ["CheckedData", "check_consistency"]

_BLOCK = 1 << 16
_PASSES = 2


@dataclass(frozen=True, eq=False)
class CheckedData:
    """Answers after the check.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_indicators)
        1 yes, 0 no, -1 missing.
    removed, filled : int64 array, shape (n_indicators,)
        Answers of each indicator that were deleted, and set or changed.
    """

    symptoms: npt.NDArray[np.int8]
    removed: npt.NDArray[np.int64]
    filled: npt.NDArray[np.int64]


def check_consistency(
    symptoms: npt.NDArray[np.int8], probbase: Probbase, *, only_substantive: bool = True
) -> CheckedData:
    """Return the answers after two passes over the rules, indicator by indicator in order.

    For each indicator in turn: (a) an answer is deleted if one of its "don't ask" indicators has the value that rules
    it out; (b) a substantive answer sets the indicator that it presupposes; (c) a substantive answer to a question on
    neonates is deleted for anybody else.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_indicators)
        1 yes, 0 no, -1 missing, in the order of the probbase.
    probbase : Probbase
    only_substantive : bool
        Whether (a) spares answers that are not substantive, as in InterVA-5; InSilicoVA deletes any answer.

    Source: the InterVA-5 user guide, "Data checking"; specification in docs/models/interva5.md.
    """
    n, n_indicators = symptoms.shape
    checked = np.empty_like(symptoms)
    removed = np.zeros(n_indicators, dtype=np.int64)
    filled = np.zeros(n_indicators, dtype=np.int64)
    steps = _steps(probbase)
    for start in range(0, n, _BLOCK):
        block = symptoms[start : start + _BLOCK]
        by_indicator = np.ascontiguousarray(block.T)
        planes = {True: _pack(by_indicator == 1), False: _pack(by_indicator == 0)}
        for _ in range(_PASSES):
            for indicator, dont_ask, ask_if, neonates_only in steps:
                _apply(planes, probbase, indicator, dont_ask, ask_if, neonates_only, only_substantive)
        yes, no = (np.unpackbits(planes[v].view(np.uint8), axis=1, count=len(block)) for v in (True, False))
        after = yes.view(np.int8) * 2 + no.view(np.int8) - 1
        removed += ((by_indicator >= 0) & (after < 0)).sum(axis=1)
        filled += ((after >= 0) & (by_indicator != after)).sum(axis=1)
        checked[start : start + _BLOCK] = after.T
    return CheckedData(checked, removed, filled)


_Step = tuple[int, list[Rule], list[Rule], list[Rule]]


def _steps(probbase: Probbase) -> list[_Step]:
    """Return for each indicator that has rules, in order, its rules of the three kinds."""
    by_kind = [
        {j: list(rules) for j, rules in groupby(kind, key=lambda rule: rule.indicator)}
        for kind in (probbase.dont_ask, probbase.ask_if, probbase.neonates_only)
    ]
    concerned = sorted(set().union(*by_kind))
    return [(j, by_kind[0].get(j, []), by_kind[1].get(j, []), by_kind[2].get(j, [])) for j in concerned]


def _pack(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Return the bits of each row, padded with zeros to whole words."""
    packed = np.packbits(mask, axis=1)
    padded = np.zeros((len(mask), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


def _apply(
    planes: dict[bool, npt.NDArray[np.uint64]],
    probbase: Probbase,
    indicator: int,
    dont_ask: list[Rule],
    ask_if: list[Rule],
    neonates_only: list[Rule],
    only_substantive: bool,
) -> None:
    answer = bool(probbase.substantive[indicator])
    substantive, other_answer = planes[answer][indicator], planes[not answer][indicator]
    for rule in dont_ask:
        ruled_out = planes[rule.yes][rule.other].copy()
        substantive &= ~ruled_out
        if not only_substantive:
            other_answer &= ~ruled_out
    for rule in ask_if:
        agreeing, unwanted = planes[rule.yes][rule.other], planes[not rule.yes][rule.other]
        # The original leaves an opposite answer alone where it equals this indicator's substantive answer.
        spared = np.uint64(0) if rule.yes == answer else agreeing | unwanted
        changed = substantive & ~spared
        agreeing |= changed
        unwanted &= ~changed
    for rule in neonates_only:
        substantive &= planes[True][rule.other]
