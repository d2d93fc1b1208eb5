"""Leave the variations of a test to ``make test``: ``make test-fast`` runs one case of each kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import pytest

__all__ = ["first_of_each_kind"]


def first_of_each_kind(cases: Iterable[Any], kind: Callable[[Any], Hashable]) -> list[Any]:
    """Return the cases with all but the first of each kind marked as slow.

    Parameters
    ----------
    cases : iterable
        Arguments of a parametrised test; a tuple stands for several arguments.
    kind : callable
        Returns what a case has in common with those that are like it.
    """
    kinds: set[Hashable] = set()
    parameters = []
    for case in cases:
        name = kind(case)
        values = case if isinstance(case, tuple) else (case,)
        parameters.append(pytest.param(*values, marks=pytest.mark.slow) if name in kinds else case)
        kinds.add(name)
    return parameters
