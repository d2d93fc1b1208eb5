"""Score at another level of causes: truth and prediction are mapped to a coarser list before the metrics.

In: a prediction over a model's own list, true causes over that of the data. Out: both over the list of the level.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.models.base import Prediction

__all__ = ["CauseLevel", "at_level", "truth_at_level"]


@dataclass(frozen=True)
class CauseLevel:
    """A list of causes, and how the causes of the data and those of a model map to it.

    Parameters
    ----------
    name : str
    causes : tuple of str
        The list.
    truth : tuple of str
        For each cause of the data, the cause of the list.
    model_causes : tuple of str
        The causes that the model predicts; empty: those of the data.
    prediction : tuple of str
        For each of them, the cause of the list; empty: as `truth`.
    """

    name: str
    causes: tuple[str, ...]
    truth: tuple[str, ...]
    model_causes: tuple[str, ...] = ()
    prediction: tuple[str, ...] = ()

    @property
    def content(self) -> dict[str, Any]:
        """What of it takes part in a cell's key: its name does not."""
        return {k: list(v) for k, v in dataclasses.asdict(self).items() if k != "name"}

    def tree(self) -> dict[str, Any]:
        """Return it as plain data; `from_tree` reads it back."""
        return {"name": self.name, **self.content}

    @classmethod
    def from_tree(cls, tree: dict[str, Any]) -> CauseLevel:
        """Make the level of plain data."""
        lists = {k: tuple(map(str, v)) for k, v in tree.items() if k != "name"}
        return cls(str(tree["name"]), **lists)


def truth_at_level(cause: npt.NDArray[np.int16], level: CauseLevel) -> npt.NDArray[np.int16]:
    """Return true causes as places in the list of the level."""
    place = {c: k for k, c in enumerate(level.causes)}
    return np.array([place[t] for t in level.truth], dtype=np.int16)[cause]


def at_level(prediction: Prediction, level: CauseLevel) -> Prediction:
    """Return a prediction over the list of the level: probabilities and fractions of a group are added up.

    The group that is named is that of the cause that the model names.
    """
    place = {c: k for k, c in enumerate(level.causes)}
    targets: Sequence[str] = level.prediction or level.truth
    to = np.array([place[t] for t in targets], dtype=np.intp)
    matrix = np.zeros((len(to), len(level.causes)))
    matrix[np.arange(len(to)), to] = 1
    assert prediction.top_cause is not None
    top = np.asarray(prediction.top_cause)
    named = np.where(top >= 0, to[np.maximum(top, 0)], -1).astype(np.int16)
    draws = None if prediction.csmf_draws is None else prediction.csmf_draws @ matrix
    return Prediction(
        np.minimum(prediction.probability @ matrix, 1),
        np.minimum(prediction.csmf @ matrix, 1),
        draws,
        top_cause=named,
        diagnostics=prediction.diagnostics,
    )
