"""A property: what is drawn, and what must hold of it; tried with a limit on the time of one example."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

__all__ = ["Hang", "Property", "limited"]

EXAMPLE_SECONDS = 20.0
"""CPU time after which an example counts as hanging; the slowest honest ones take about two."""


class Hang(BaseException):
    """An example did not come to an end. No handler of `Exception` is to take it for an error of its own."""


@contextmanager
def limited(seconds: float = EXAMPLE_SECONDS) -> Iterator[None]:
    """Raise `Hang` after so much CPU time; the clock is not the one that pytest-timeout uses."""

    def ring(*_: object) -> None:
        raise Hang(f"no end after {seconds:g} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@dataclass(frozen=True)
class Property:
    """One property.

    Parameters
    ----------
    holds : callable
        Takes what is drawn, by name; raises where the property does not hold.
    drawn : mapping
        Name -> strategy.
    examples : int
        How many are tried in CI: a few seconds' worth.
    """

    holds: Callable[..., object]
    drawn: Mapping[str, SearchStrategy[Any]]
    examples: int

    def check(self, *, examples: int | None = None, number: int | None = None) -> None:
        """Try it; `number` fixes what is drawn."""

        def example(**values: object) -> None:
            with limited():
                self.holds(**values)

        test = given(**self.drawn)(example)
        if number is not None:
            test = seed(number)(test)
        settings(
            max_examples=examples or self.examples,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=False,
        )(test)()
