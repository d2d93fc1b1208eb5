"""Draw the deaths of a test set that are labelled: a random sample, or one with a biased cause mix."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError, shown

__all__ = ["LabelSample", "draw_labelled", "label_sample"]

_TEXT = re.compile(r"n=(\d+) (random|dirichlet) copies=(\d+)")
_LEAST_WEIGHT = 1e-9  # of a death of a cause that the biased mix all but leaves out


@dataclass(frozen=True)
class LabelSample:
    """How many deaths are labelled, how they are drawn, and how often each counts in training (0: not at all)."""

    n: int
    mix: str
    copies: int


def label_sample(text: str) -> LabelSample:
    """Return what ``"n=100 random copies=5"`` means, as `config.target_labels` writes it.

    Raises
    ------
    InputError
        For any other text.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise InputError(f"target_labels is {shown(text)}; expected a text such as 'n=100 random copies=0'")
    return LabelSample(int(match[1]), match[2], int(match[3]))


def draw_labelled(cause: npt.NDArray[np.integer], n: int, mix: str, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw `n` deaths without replacement; with the same generator a smaller sample is part of a larger one.

    Each death gets an exponential waiting time with a rate equal to its weight, and the first `n` are taken: successive
    sampling with probability proportional to weight (Efraimidis and Spirakis 2006, Information Processing Letters
    97:181). For ``random`` all weights are 1; for ``dirichlet`` the weights of a cause's deaths sum to its share in a
    mix drawn by Dirichlet(1) over the causes that occur.

    Returns
    -------
    int array, shape (n,)
        Positions in `cause`, sorted.
    """
    weight = np.ones(len(cause))
    if mix == "dirichlet":
        present, place, count = np.unique(cause, return_inverse=True, return_counts=True)
        share = rng.dirichlet(np.ones(len(present)))
        weight = np.maximum(share[place] / count[place], _LEAST_WEIGHT)
    waiting = rng.exponential(size=len(cause)) / weight
    return np.sort(np.argsort(waiting, kind="stable")[:n])
