"""Design test sets: the natural cause mix, or resamples with other mixes, the same for every model.

A natural test set rewards a method that copies the training cause mix. Drawing a new mix for each of many test sets
removes that reward (Murray 2011, Popul Health Metr 9:28), but the mixes are unlike those of any real population.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.seeds import generator

__all__ = [
    "TESTSETS",
    "Dirichlet",
    "DirichletAround",
    "Natural",
    "Target",
    "TestSets",
    "draw_test_sets",
    "testset_options",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TestSets:
    """Resampled test sets, as weights of the deaths of one test set."""

    __test__ = False  # not a test case, whatever its name begins with

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


@dataclass(frozen=True, kw_only=True)
class Natural:
    """The test deaths as they are, once."""

    name: ClassVar[str] = "natural"

    def check(self, causes: Sequence[str]) -> None:
        """Raise `InputError` for a cause mix that does not fit the cause list."""

    def mixes(self, natural: Floats, train: Floats | None, causes: Sequence[str], rng: np.random.Generator) -> Floats:
        """Draw the target cause mixes, shape (n_sets, n_causes)."""
        return natural[None]


@dataclass(frozen=True, kw_only=True)
class Dirichlet(Natural):
    """Cause mixes from the Dirichlet distribution with all parameters `alpha`; 1: uniform over all mixes (Murray 2011).

    Parameters
    ----------
    n_resamples : int
    alpha : float
    n_test : int or None
        Deaths of each test set; None: as many as there are.
    """

    name: ClassVar[str] = "dirichlet"
    n_resamples: int = 500
    alpha: float = 1.0
    n_test: int | None = None

    def __post_init__(self) -> None:
        problems = _counts(self.n_resamples, self.n_test) + _positive("alpha", self.alpha)
        if problems:
            raise InputError([f"testset {self.name}: {p}" for p in problems])

    def mixes(self, natural: Floats, train: Floats | None, causes: Sequence[str], rng: np.random.Generator) -> Floats:
        """Draw the target cause mixes, shape (n_sets, n_causes)."""
        return _dirichlet(np.where(natural > 0, float(self.alpha), 0.0), self.n_resamples, rng)


@dataclass(frozen=True, kw_only=True)
class DirichletAround(Natural):
    """Cause mixes scattered around a given one: Dirichlet(concentration * csmf).

    Parameters
    ----------
    csmf : "test", "train", "uniform", or mapping of cause to share
        The centre.
    concentration : float
        Large: near the centre. The variance of share p is p (1 - p) / (concentration + 1).
    n_resamples : int
    n_test : int or None
    """

    name: ClassVar[str] = "dirichlet_around"
    csmf: Any = "test"
    concentration: float = 50.0
    n_resamples: int = 500
    n_test: int | None = None

    def __post_init__(self) -> None:
        problems = _counts(self.n_resamples, self.n_test) + _positive("concentration", self.concentration)
        problems += _csmf_problems(self.csmf)
        if problems:
            raise InputError([f"testset {self.name}: {p}" for p in problems])

    def check(self, causes: Sequence[str]) -> None:
        """Raise `InputError` for a cause mix that does not fit the cause list."""
        _named_csmf(self.name, self.csmf, causes)

    def mixes(self, natural: Floats, train: Floats | None, causes: Sequence[str], rng: np.random.Generator) -> Floats:
        """Draw the target cause mixes, shape (n_sets, n_causes)."""
        centre = _centre(self.name, self.csmf, natural, train, causes)
        return _dirichlet(self.concentration * centre, self.n_resamples, rng)


@dataclass(frozen=True, kw_only=True)
class Target(Natural):
    """One fixed cause mix, drawn many times.

    Parameters
    ----------
    csmf : "uniform", "train", "test", or mapping of cause to share
        Causes that are not named get 0.
    n_resamples : int
    n_test : int or None
    """

    name: ClassVar[str] = "target"
    csmf: Any = "uniform"
    n_resamples: int = 500
    n_test: int | None = None

    def __post_init__(self) -> None:
        if problems := _counts(self.n_resamples, self.n_test) + _csmf_problems(self.csmf):
            raise InputError([f"testset {self.name}: {p}" for p in problems])

    def check(self, causes: Sequence[str]) -> None:
        """Raise `InputError` for a cause mix that does not fit the cause list."""
        _named_csmf(self.name, self.csmf, causes)

    def mixes(self, natural: Floats, train: Floats | None, causes: Sequence[str], rng: np.random.Generator) -> Floats:
        """Draw the target cause mixes, shape (n_sets, n_causes)."""
        return np.tile(_centre(self.name, self.csmf, natural, train, causes), (self.n_resamples, 1))


TESTSETS: Mapping[str, type[Natural]] = {t.name: t for t in (Natural, Dirichlet, DirichletAround, Target)}
"""Name of a design -> the class of its options."""


def testset_options(options: Mapping[str, Any] | Natural) -> Natural:
    """Check the options of a design, given as plain data such as ``{"name": "dirichlet", "n_resamples": 500}``.

    Raises
    ------
    InputError
        For an unknown design or option, with the nearest known one, and for values that cannot work.
    """
    if isinstance(options, Natural):
        return options
    design = dict(options)
    name = design.pop("name", None)
    if name not in TESTSETS:
        raise InputError(f"unknown testset {shown(name)}; known: {', '.join(TESTSETS)}{did_you_mean(name, TESTSETS)}")
    known = [f.name for f in dataclasses.fields(TESTSETS[name])]
    if unknown := [k for k in design if k not in known]:
        raise InputError(
            [
                f"testset {name}: unknown option {shown(k)}; known: {', '.join(known)}{did_you_mean(k, known)}"
                for k in unknown
            ]
        )
    return TESTSETS[name](**design)


testset_options.__test__ = False  # type: ignore[attr-defined]


def draw_test_sets(
    options: Mapping[str, Any] | Natural,
    truth: npt.ArrayLike,
    causes: Sequence[str],
    *,
    seed: int,
    train_cause: npt.ArrayLike | None = None,
) -> TestSets:
    """Draw the test sets of a design from the deaths of one test set.

    Each set of n deaths holds ``floor(n p_j)`` deaths of each cause j, and what is missing to n by a multinomial draw
    with probabilities p; inside a cause deaths are drawn with replacement. Causes without test deaths get nothing, and
    the mix is scaled to the others. Only the truth, the options and the seed play a part: no model does.

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
        If the mix aimed at names unknown causes, needs training causes that are not given, or is zero for all causes
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
    wanted = design.mixes(members / len(cause), train, causes, rng)
    mixes = np.where(members > 0, wanted, 0.0)
    total = mixes.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise InputError(f"testset {design.name}: none of the causes of the mix aimed at has test deaths")
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


def _positive(name: str, value: object) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        return [f"{name} must be a number > 0; got {shown(value)} ({type(value).__name__})"]
    return []


def _counts(n_resamples: object, n_test: object) -> list[str]:
    given = {"n_resamples": n_resamples} | ({} if n_test is None else {"n_test": n_test})
    return [
        f"{name} must be a whole number >= 1; got {shown(value)} ({type(value).__name__})"
        for name, value in given.items()
        if isinstance(value, bool) or not isinstance(value, int) or value < 1
    ]


def _csmf_problems(csmf: object) -> list[str]:
    if isinstance(csmf, str):
        known = ("test", "train", "uniform")
        return (
            []
            if csmf in known
            else [f"csmf must be one of {', '.join(known)}, or map causes to shares; got {shown(csmf)}"]
        )
    if not isinstance(csmf, Mapping) or not csmf:
        return [f"csmf must map causes to shares; got {shown(csmf)} ({type(csmf).__name__})"]
    bad = [
        f"csmf.{cause} must be a share between 0 and 1; got {shown(share)}"
        for cause, share in csmf.items()
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1
    ]
    if not bad and abs(sum(csmf.values()) - 1) > 1e-6:
        bad = [f"csmf sums to {sum(csmf.values()):.6g}; expected 1"]
    return bad


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
