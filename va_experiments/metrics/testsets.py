"""Design test sets: the natural cause mix, or resamples with other mixes, the same for every model.

A natural test set rewards a method that copies the training cause mix. Drawing a new mix for each of many test sets
removes that reward (Murray 2011, Popul Health Metr 9:28), but the mixes are unlike those of any real population.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.config.testsets import (
    TESTSETS,
    Dirichlet,
    DirichletAround,
    Natural,
    Target,
    TestsetOptions,
    testset_options,
)
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.seeds import generator

__all__ = [
    "TESTSETS",
    "Dirichlet",
    "DirichletAround",
    "Natural",
    "Target",
    "TestSets",
    "TestsetOptions",
    "check_causes",
    "draw_test_sets",
    "testset_options",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TestSets:
    """Resampled test sets, as weights of the deaths of one test set."""

    __test__ = False  # pytest: this is not a test case, although its name begins with Test

    weights: npt.NDArray[np.int32]
    """How often each test set holds each death, shape (n_sets, n_deaths)."""
    csmf: Floats
    """Cause mix that was aimed at, shape (n_sets, n_causes)."""

    @property
    def hash(self) -> str:
        """SHA-256 of the weights: equal for models that were tested on the same sets."""
        return hashlib.sha256(np.ascontiguousarray(self.weights.astype("<i4")).tobytes()).hexdigest()

    def rows(self, k: int) -> npt.NDArray[np.intp]:
        """Return the rows of the k-th test set, with repeats, for models that predict a set jointly."""
        return np.repeat(np.arange(self.weights.shape[1]), self.weights[k])


def check_causes(options: TestsetOptions, causes: Sequence[str]) -> None:
    """Raise `InputError` for a cause mix that names causes which are not in the cause list."""
    if isinstance(options, DirichletAround | Target):
        _named_csmf(options.name, options.csmf, causes)


def _mixes(
    options: Dirichlet | DirichletAround | Target,
    natural: Floats,
    train: Floats | None,
    causes: Sequence[str],
    rng: np.random.Generator,
) -> Floats:
    """Return the cause mixes that test sets are drawn for, shape (n_sets, n_causes)."""
    if isinstance(options, Dirichlet):
        return _dirichlet(np.where(natural > 0, float(options.alpha), 0.0), options.n_resamples, rng)
    centre = _centre(options.name, options.csmf, natural, train, causes)
    if isinstance(options, DirichletAround):
        return _dirichlet(options.concentration * centre, options.n_resamples, rng)
    return np.tile(centre, (options.n_resamples, 1))


def draw_test_sets(
    options: Mapping[str, Any] | TestsetOptions,
    truth: npt.ArrayLike,
    causes: Sequence[str],
    *,
    seed: int,
    train_cause: npt.ArrayLike | None = None,
) -> TestSets:
    """Draw the test sets of a design from the deaths of one test set.

    Each set of n deaths has ``floor(n p_j)`` deaths of each cause j; the remaining deaths come from a multinomial draw
    with probabilities p. Inside a cause deaths are drawn with replacement. Causes without test deaths get nothing, and
    the mix is scaled to the others. The sets depend on the truth, the options and the seed, not on a model.

    Parameters
    ----------
    options : mapping or design
    truth : int array, shape (n,)
    causes : sequence of str
        The declared list.
    seed : int
        From the split's specification and the options, never from the model.
    train_cause : int array, optional
        For ``csmf: train``.

    Raises
    ------
    InputError
        If the target mix names unknown causes, needs training causes that are missing, or is zero for all causes
        that have test deaths.
    """
    design = testset_options(options)
    cause = np.asarray(truth, dtype=np.intp)
    members = np.bincount(cause, minlength=len(causes))
    if not isinstance(design, Dirichlet | DirichletAround | Target):
        return TestSets(np.ones((1, len(cause)), dtype=np.int32), (members / len(cause))[None])
    train = (
        None
        if train_cause is None
        else np.bincount(np.asarray(train_cause), minlength=len(causes)) / np.size(train_cause)
    )
    rng = generator(seed, "testset")
    target_mixes = _mixes(design, members / len(cause), train, causes, rng)
    mixes = np.where(members > 0, target_mixes, 0.0)
    total = mixes.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise InputError(f"testset {design.name}: none of the causes of the target mix has test deaths")
    mixes = mixes / total
    n = len(cause) if design.n_test is None else design.n_test
    counts = np.floor(n * mixes + 1e-9).astype(np.int64)
    counts += rng.multinomial(np.maximum(n - counts.sum(axis=1), 0), mixes)
    return TestSets(_draw_inside_causes(cause, counts, rng), mixes)


def _draw_inside_causes(
    cause: npt.NDArray[np.intp], counts: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Draw weights so that each set holds `counts` deaths of each cause, with replacement inside causes."""
    n_sets, n_causes = counts.shape
    rows = np.argsort(cause, kind="stable")
    start = np.searchsorted(cause[rows], np.arange(n_causes))
    members = np.bincount(cause, minlength=n_causes)
    slots = np.repeat(np.tile(np.arange(n_causes), n_sets), counts.ravel())
    owner = np.repeat(np.arange(n_sets), counts.sum(axis=1))
    drawn = rows[start[slots] + rng.integers(0, members[slots])]
    flat = np.bincount(owner * len(cause) + drawn, minlength=n_sets * len(cause))
    return flat.reshape(n_sets, len(cause)).astype(np.int32)


def _dirichlet(alpha: Floats, n_sets: int, rng: np.random.Generator) -> Floats:
    """Draw Dirichlet mixes; a parameter of 0 means a share of 0."""
    mixes = np.zeros((n_sets, len(alpha)))
    mixes[:, alpha > 0] = rng.dirichlet(alpha[alpha > 0], size=n_sets)
    return mixes


def _named_csmf(design: str, csmf: object, causes: Sequence[str]) -> Floats | None:
    if not isinstance(csmf, Mapping):
        return None
    place = {c: j for j, c in enumerate(causes)}
    if unknown := [c for c in csmf if c not in place]:
        raise InputError([f"testset {design}: unknown cause {shown(c)}{did_you_mean(c, causes)}" for c in unknown])
    shares = np.zeros(len(causes))
    shares[[place[c] for c in csmf]] = list(csmf.values())
    return shares


def _centre(design: str, csmf: object, natural: Floats, train: Floats | None, causes: Sequence[str]) -> Floats:
    named = _named_csmf(design, csmf, causes)
    if named is not None:
        return named
    if csmf == "uniform":
        return np.full(len(causes), 1 / len(causes))
    if csmf == "test":
        return natural
    if train is None:
        raise InputError(f"testset {design}: csmf 'train' needs training deaths; this split has none")
    return train
