"""Define ``protocol.target_labels``: a few deaths of the test set whose causes are known."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, WithJsonSchema

from va_experiments.config.fields import Count, Expected, Group, Size
from va_experiments.errors import InputError, shown

__all__ = ["TargetLabels"]


def _check_numbers(value: Any) -> tuple[int, ...]:
    listed = list(value) if isinstance(value, list | tuple) else [value]
    problems = [
        f"n is {shown(n)} ({type(n).__name__}); expected a whole number of deaths of 1 or more, or a list of them"
        for n in listed
        if isinstance(n, bool) or not isinstance(n, int) or n < 1
    ]
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(listed))


class TargetLabels(Group):
    """Deaths of each test set whose causes are known: they leave the test set, and may be trained on."""

    n: Annotated[
        Any,
        AfterValidator(_check_numbers),
        Expected("a number of deaths, or a list of them"),
        WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}),
    ] = ()
    """How many: a number, or a list (a learning curve); none by default. Smaller samples are parts of larger ones."""
    replicates: Count = 3
    """Independent samples of each number."""
    mix: Literal["random", "dirichlet"] = "random"
    """random: a random sample of the test deaths; dirichlet: a biased one, its cause mix drawn by Dirichlet(1)."""
    copies: Size = 0
    """How often each labelled death counts among the training deaths; 0: models do not see them (one fit for all)."""

    def samples(self) -> tuple[str, ...]:
        """Return each sample size with its kind as canonical text: ``"n=100 random copies=0"``."""
        return tuple(f"n={n} {self.mix} copies={self.copies}" for n in self.n)
