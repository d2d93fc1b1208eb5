"""Find out how a table of causes from another program is laid out, from its header and a few options.

In: the names of the columns. Out: a `Layout`: which column is the id, which hold causes, and which probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from va_experiments.data.csv_blocks import missing_columns
from va_experiments.errors import InputError, shown

__all__ = ["Columns", "Layout", "layout_of"]

_RANKED = r"(?:{words})[ ._]?([1-9]\d?)"
_OF_RANKED = r"(?:(?:cause|cod)[ ._]?([1-9]\d?)[ ._](?:{words})|(?:{words})[ ._](?:cause|cod)[ ._]?([1-9]\d?))"
"""Probabilities that are named after their cause: cause1_prob, prob_cause1."""
_CAUSE = "cause|cod"
_PROBABILITY = "probability|prob|p|lik|likelihood|propensity"
_RANK = "rank"


@dataclass(frozen=True)
class Columns:
    """Names of columns as a person gave them; None or empty: to be found.

    Parameters
    ----------
    id : str
        The id of the death; case is ignored where only one column fits. Where none does, the row names that R writes
        (a first column without a name) are the ids.
    cause : tuple of str
        One column, or one for each rank in order.
    probability : tuple of str
        Beside `cause`: the probability of each. Without `cause`: columns that are named by a cause.
    rank : str, optional
        The rank of the cause, where a death has several rows.
    trained_on : str, optional
        Whether the program had seen the death, or which sites it had seen.
    """

    id: str = "id"
    cause: tuple[str, ...] = ()
    probability: tuple[str, ...] = ()
    rank: str | None = None
    trained_on: str | None = None


@dataclass(frozen=True)
class Layout:
    """How a table of causes is laid out."""

    id: str
    trained_on: str | None
    cause: tuple[str, ...] = ()
    """Columns that hold causes, the first rank first; empty if the columns are the causes."""
    probability: tuple[str, ...] = ()
    """With `cause`: the probability of each, or none. Without: one column for each cause."""
    rank: str | None = None
    ignored: tuple[str, ...] = field(default=())
    """Columns that say nothing about causes."""

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that are read."""
        others = (self.rank, self.trained_on)
        return (self.id, *self.cause, *self.probability, *(c for c in others if c is not None))


def layout_of(header: Sequence[str], chosen: Columns, where: str) -> Layout:
    """Return the layout of a table.

    Parameters
    ----------
    header : sequence of str
    given : Columns
        What a person said; it is taken before anything that the header suggests.
    where : str
        The file, as messages name it.

    Raises
    ------
    InputError
        For columns that are not there, and for a header in which no column names a cause.
    """
    names = {name.casefold(): name for name in header}
    identity = chosen.id if chosen.id in header else names.get(chosen.id.casefold(), "" if "" in header else chosen.id)
    seen = chosen.trained_on or names.get("trained_on")
    named = [identity, *chosen.cause, *chosen.probability, *(c for c in (chosen.rank, seen) if c)]
    if problems := missing_columns(header, named, where):
        hint = f"; the column of the id is named with model.id=COLUMN (the file has {', '.join(header[:6])}, ...)"
        raise InputError([p + (hint if shown(identity) in p else "") for p in problems])
    free = [c for c in header if c not in named]
    cause = chosen.cause or tuple(_ranked(free, _CAUSE)) or tuple(_single(free, _CAUSE)[:1])
    if not cause:
        columns = chosen.probability or tuple(free)
        if not columns:
            raise InputError(f"{where}: has no column of a cause beside the id; name it with model.cause=COLUMN")
        return Layout(identity, seen, (), columns, None, tuple(c for c in free if c not in columns))
    free = [c for c in free if c not in cause]
    probability = chosen.probability or tuple(_ranked(free, _PROBABILITY)) or tuple(_single(free, _PROBABILITY)[:1])
    if probability and len(probability) != len(cause):
        raise InputError(
            f"{where}: {len(cause)} columns of causes ({', '.join(cause[:4])}) and {len(probability)} of probabilities "
            f"({', '.join(probability[:4])}); name both, in the order of the ranks, with model.cause=[...] and "
            "model.probability=[...]"
        )
    rank = chosen.rank or next(iter(_single(free, _RANK)), None)
    used = {*cause, *probability, rank}
    return Layout(identity, seen, cause, probability, rank, tuple(c for c in free if c not in used))


def _ranked(columns: Sequence[str], words: str) -> list[str]:
    """Return the columns that are such a word with a number, by number; none unless they count from 1."""
    forms = [_RANKED] if words == _CAUSE else [_RANKED, _OF_RANKED]
    ranked: dict[int, str] = {}
    for form in forms:
        pattern = re.compile(form.format(words=words), re.IGNORECASE)
        ranked |= {int(next(filter(None, m.groups()))): c for c in columns if (m := pattern.fullmatch(c.strip()))}
    return [ranked[k] for k in sorted(ranked)] if sorted(ranked) == list(range(1, len(ranked) + 1)) else []


def _single(columns: Sequence[str], words: str) -> list[str]:
    return [c for c in columns if re.fullmatch(words, c.strip(), re.IGNORECASE)]
