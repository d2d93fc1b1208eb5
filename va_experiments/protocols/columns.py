"""Store many splits in little memory: common parts once, numbers in columns; a `Split` is made on access."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import overload

import numpy as np
import numpy.typing as npt

from va_experiments.protocols.split import Split

__all__ = ["Splits"]

_same = attrgetter(*(f.name for f in dataclasses.fields(Split) if f.name not in ("repeat", "fold", "replicate")))
"""What makes a kind of splits: all but the numbers in which repeats of one design differ."""


class Splits(Sequence[Split]):
    """A sequence of splits at 16 bytes each; objects would take ten times as much.

    Parameters
    ----------
    splits : iterable of Split
    """

    def __init__(self, splits: Iterable[Split] = ()) -> None:
        self._kinds: list[Split] = []
        self._known: dict[tuple[object, ...], int] = {}
        self._kind = array("i")
        self._repeat, self._fold, self._replicate = array("i"), array("i"), array("i")
        for split in splits:
            self.append(split)

    def append(self, split: Split) -> None:
        """Add a split at the end."""
        same = _same(split)
        if (number := self._known.setdefault(same, len(self._kinds))) == len(self._kinds):
            self._kinds.append(dataclasses.replace(split, repeat=0, fold=0, replicate=0))
        self._kind.append(number)
        self._repeat.append(split.repeat)
        self._fold.append(split.fold)
        self._replicate.append(split.replicate)

    @property
    def kinds(self) -> Sequence[Split]:
        """The distinct splits with repeat, fold and replicate set to 0; they are equally large and costly."""
        return tuple(self._kinds)

    @property
    def kind(self) -> npt.NDArray[np.int32]:
        """For each split, the number of its kind."""
        return np.frombuffer(self._kind, np.int32) if self._kind else np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self._kind)

    @overload
    def __getitem__(self, index: int) -> Split: ...

    @overload
    def __getitem__(self, index: slice) -> list[Split]: ...

    def __getitem__(self, index: int | slice) -> Split | list[Split]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        of = self._kinds[self._kind[index]]
        return Split(
            of.protocol,
            of.train_sites,
            of.test_site,
            self._repeat[index],
            self._fold[index],
            of.n_folds,
            of.train_size,
            of.seed,
            of.test_share,
            self._replicate[index],
            of.test_sites,
            of.stratified,
            of.target_labels,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]
