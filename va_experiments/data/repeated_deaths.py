"""Find deaths that occur twice in a table: rows with the same cells in every column but the id, and the site.

Rows are kept as one hash each, so that a million deaths take 8 MB.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import Block
from va_experiments.data.deaths import DOUBTFUL, SAME_ANSWERS, LedgerEntry
from va_experiments.data.text_source import TextSource
from va_experiments.errors import shown_path

__all__ = ["REPEATED", "RepeatedDeaths", "numbered_ids", "repeated_rows"]

REPEATED = "the death occurs before (data.duplicates=first)"
"""Why a row is left out."""

_MANY, _FEW = 20, 5
"""Times of what chance explains from which on repeats are a problem (and 1% of the deaths more), or doubtful."""
_NEAR, _FINE = 2, 0.01
"""Answers in which near deaths differ, and repeats by chance, among deaths with equal answers, that are none."""
_MOST_LOOKED_AT, _MOST_COMPARED = 100, 50_000
"""Repeats that are judged one by one, and deaths that are all compared."""
_MOST_DISTINCT = 20_000
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class RepeatedDeaths:
    """Hashes of the rows of a table, block by block.

    Parameters
    ----------
    columns : sequence of str
        Every column but the id.
    site : str, optional
        The one of them that holds the site: a death may be sent again by another.
    """

    def __init__(self, columns: Sequence[str], site: str | None = None) -> None:
        self._site = site
        self._counts: dict[str, Counter[str]] = {c: Counter() for c in sorted(columns, key=lambda c: c == site)}
        self._parts: list[npt.NDArray[np.uint64]] = []
        self._elsewhere: list[npt.NDArray[np.uint64]] = []

    @property
    def has_site(self) -> bool:
        """Whether deaths are compared with those of other sites too."""
        return self._site is not None

    def add(self, block: Block) -> None:
        """Add one block."""
        rows = np.zeros(block.n_rows, dtype=np.uint64)
        with np.errstate(over="ignore"):
            for name, counts in self._counts.items():
                if name == self._site:  # the last one
                    self._elsewhere.append(rows.copy())
                column = block.columns[name]
                hashes = np.array([_hash(v.strip()) for v in column.values] or [0], dtype=np.uint64)
                rows = (rows ^ hashes[column.codes]) * _FACTOR + (rows >> np.uint64(29))
                if len(counts) < _MOST_DISTINCT:
                    counted = np.bincount(column.codes, minlength=len(column.values)).tolist()
                    counts.update(dict(zip((v.strip() for v in column.values), counted, strict=False)))
        self._parts.append(rows)

    def values(self, column: str) -> list[str]:
        """Return the distinct cells of a column that are not empty."""
        return [v for v in self._counts[column] if v]

    def all_differ(self, column: str) -> bool:
        """Return whether no two cells of a column are equal."""
        return max(self._counts[column].values(), default=0) == 1

    def later(self, keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Return the rows that repeat an earlier one, also of another site, if chance does not explain so many.

        Parameters
        ----------
        keep : bool array, shape (n_rows,)
            Rows to look at.
        """
        return self._repeats(keep, many=True)

    def few_later(
        self, keep: npt.NDArray[np.bool_], answers: npt.NDArray[np.int8], symptoms: Sequence[str]
    ) -> npt.NDArray[np.intp]:
        """Return the rows that repeat an earlier one and are few, but more than chance explains; see `later`.

        Parameters
        ----------
        keep : bool array, shape (n_rows,)
        answers : int8 array, shape (n_rows, n_symptoms)
            Where other deaths have nearly the answers of a row, chance can explain equal ones.
        symptoms : sequence of str
            Columns of `answers`.
        """
        rows = self._repeats(keep, many=False)
        if not len(rows) or len(rows) > _MOST_LOOKED_AT:
            return rows[:0]
        answers = answers[keep]
        if len(answers) <= _MOST_COMPARED:
            _, times = np.unique(answers, axis=0, return_counts=True)
            by_chance = float((times * (times - 1) // 2).sum() - len(rows)) * self._agreement({*symptoms, self._site})
            if by_chance < _FINE:
                return rows
        at = np.flatnonzero(np.isin(np.flatnonzero(keep), rows))
        near = [int((np.count_nonzero(answers != answers[k], axis=1) <= _NEAR).sum()) for k in at.tolist()]
        return rows[np.array(near) <= 2]  # the row and its twin are two

    def _repeats(self, keep: npt.NDArray[np.bool_], *, many: bool) -> npt.NDArray[np.intp]:
        within = self._later(self._parts, keep, None, many)
        return np.union1d(within, self._later(self._elsewhere, keep, self._site, many)) if self._elsewhere else within

    def _later(
        self, parts: Sequence[npt.NDArray[np.uint64]], keep: npt.NDArray[np.bool_], without: str | None, many: bool
    ) -> npt.NDArray[np.intp]:
        """Return the rows that repeat an earlier one in every column but one."""
        rows = np.flatnonzero(keep)
        hashes = np.concatenate(parts)[rows]
        _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        later = rows[first[inverse.ravel()] != np.arange(len(rows))]
        n = len(rows)
        if not len(later):
            return later
        # Two deaths agree in a column with the sum of its squared shares. Columns are not independent: many more
        # repeats than their product gives are allowed.
        expected = n * (n - 1) / 2 * self._agreement({without})
        least = _MANY * expected + 0.01 * n if many else _FEW * expected
        return later if len(later) > least else later[:0]

    def _agreement(self, without: Collection[str | None]) -> float:
        """Return how probable it is that two deaths agree in all columns but these, if columns are independent."""
        agree = 1.0
        for name, counts in self._counts.items():
            total = sum(counts.values())
            if name not in without and total:
                agree *= sum(c * c for c in counts.values()) / (total * total)
        return agree


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def repeated_rows(
    ids: npt.NDArray[np.object_],
    keep: npt.NDArray[np.bool_],
    compared: RepeatedDeaths,
    source: TextSource,
    id: str | None,
    duplicates: str,
    ledger: list[LedgerEntry],
    *,
    labelled: bool = True,
    answers: npt.NDArray[np.int8] | None = None,
    symptoms: Sequence[str] = (),
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Return the rows to leave out because they repeat an earlier death, and the problems.

    Equal answers under another id are a problem only where causes are known (`labelled`). With the `answers` of all
    rows, single repeats are noticed too.
    """
    repeated = np.zeros(len(ids), dtype=bool)
    same_cells = compared.later(keep)
    few = same_cells[:0]
    if labelled and answers is not None and not len(same_cells):
        few = compared.few_later(keep, answers, symptoms)
    if duplicates != "refuse":
        same_cells = np.union1d(same_cells, few)
    same_id = np.zeros(0, dtype=np.intp)
    if id is not None:
        text = ids.astype(np.str_)
        _, first, inverse = np.unique(text, return_index=True, return_inverse=True)
        same_id = np.flatnonzero((first[inverse.ravel()] != np.arange(len(ids))) & keep & (ids != ""))
    if not len(same_cells) and not len(same_id) and not len(few):
        return repeated, []
    where = shown_path(source.path)
    if duplicates == "keep":
        ledger.append(
            LedgerEntry("noted", "*", len({*same_cells, *same_id}), "deaths occur twice; kept by data.duplicates")
        )
        return repeated, []
    if duplicates == "first":
        repeated[same_cells] = repeated[same_id] = True
        ledger.append(LedgerEntry("dropped row", "*", int(repeated.sum()), REPEATED))
        return repeated, []
    others = same_cells[~np.isin(same_cells, same_id)]
    if len(few := few[~np.isin(few, same_id)]):
        ledger.append(LedgerEntry(DOUBTFUL, "*", len(few), _few_sentence(few, source, compared.has_site)))
    if not len(others):
        return repeated, []  # rows that share an id are listed one by one, with the id
    lines = ", ".join(map(str, source.lines_of([int(r) + 2 for r in others[:5]])))
    elsewhere = " and the site" if compared.has_site else ""
    if not labelled:
        ledger.append(LedgerEntry("noted", "*", len(others), SAME_ANSWERS, (f"lines {lines}",)))
        return repeated, []
    return repeated, [
        f"{where}: {len(others)} deaths have the same cells as another in every column but the id{elsewhere} (lines "
        f"{lines}{', ...' if len(others) > 5 else ''}), many more than chance explains: the same deaths twice would be "
        "trained on and tested; say data.duplicates=first (leave the later ones out) or data.duplicates=keep"
    ]


def _few_sentence(rows: npt.NDArray[np.intp], source: TextSource, has_site: bool) -> str:
    lines = ", ".join(map(str, source.lines_of([int(r) + 2 for r in rows[:5]])))
    one = len(rows) == 1
    deaths = "a death has" if one else f"{len(rows)} deaths have"
    return (
        f"{deaths} the same cells as another in every column but the id{' and the site' if has_site else ''} "
        f"({'line' if one else 'lines'} {lines}{', ...' if len(rows) > 5 else ''}): the same death twice? "
        f"data.duplicates=first leaves the later {'one' if one else 'ones'} out"
    )


def numbered_ids(ids: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return the ids, those that occur again with .2, .3, ... behind them."""
    seen: dict[str, int] = {}
    numbered = []
    for value in ids:
        seen[value] = seen.get(value, 0) + 1
        numbered.append(value if seen[value] == 1 or not value else f"{value}.{seen[value]}")
    return np.array(numbered, dtype=object)
