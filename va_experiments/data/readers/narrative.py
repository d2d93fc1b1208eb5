"""Turn a column of narratives into words, each present or absent at each death (``data.narrative=COLUMN``)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import Block
from va_experiments.data.deaths import ABSENT, PRESENT

__all__ = ["LARGEST_SHARE", "LEAST_DEATHS", "MOST_WORDS", "Narrative"]

LEAST_DEATHS = 10
"""Deaths that must have a word in their narrative."""

LARGEST_SHARE = 0.5
"""Share of the deaths that may have a word; a more frequent one says little."""

MOST_WORDS = 1000
"""Words that are kept, the most frequent first."""

_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass
class Narrative:
    """Words of a text column, of three letters or more, in lower case.

    The words are chosen by the number of deaths alone, never by causes or sites.
    """

    column: str
    rows: list[frozenset[str]] = field(default_factory=list)
    """Words of each row so far."""

    def add(self, block: Block) -> None:
        """Read a block of the table."""
        cells = block.columns[self.column]
        words = [frozenset(_WORD.findall(value.casefold())) for value in cells.values]
        self.rows += [words[code] for code in cells.codes]

    def finish(self, rows: npt.NDArray[np.intp], used_names: set[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int8]]:
        """Return the names of the columns, sorted, and their answers.

        Parameters
        ----------
        rows : int array, shape (n_deaths,)
            Rows of the deaths, in their order.
        used_names : set of str
            Names of other columns.

        Returns
        -------
        names : tuple of str
            ``word_fever``; a name that is taken gets underscores at its end.
        symptoms : int8 array, shape (n_deaths, n_words)
        """
        count = Counter(word for row in rows for word in self.rows[row])
        most = LARGEST_SHARE * len(rows)
        often = sorted((-n, word) for word, n in count.items() if LEAST_DEATHS <= n <= most)
        words = sorted(word for _, word in often[:MOST_WORDS])
        place = {word: k for k, word in enumerate(words)}
        symptoms = np.full((len(rows), len(words)), ABSENT, dtype=np.int8)
        for k, row in enumerate(rows):
            symptoms[k, [place[word] for word in self.rows[row] if word in place]] = PRESENT
        names = []
        for word in words:
            name = f"word_{word}"
            while name in used_names:
                name += "_"
            names.append(name)
        return tuple(names), symptoms
