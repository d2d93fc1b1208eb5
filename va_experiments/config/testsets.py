"""Define the options of each test-set design: ``testset=NAME`` and ``testset.OPTION=VALUE``; see `metrics.testsets`.

*Resamples* (``n_resamples``) are test sets drawn from the deaths of one split.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, WithJsonSchema

from va_experiments.config.fields import Count, Expected, Group, PositiveNumber, tag_of
from va_experiments.config.problems import check, known_names
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["TESTSETS", "Dirichlet", "DirichletAround", "Natural", "Target", "TestsetOptions", "testset_options"]

MIXES = ("test", "train", "uniform")


def _check_mix(csmf: Any) -> Any:
    if problems := _mix_problems(csmf):
        raise InputError(problems)
    return csmf


def _mix_problems(csmf: object) -> list[str]:
    if isinstance(csmf, str):
        if csmf in MIXES:
            return []
        return [f"csmf must be one of {', '.join(MIXES)}, or map causes to shares; got {shown(csmf)}"]
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


Mix = Annotated[
    Any,
    AfterValidator(_check_mix),
    Expected("test, train, uniform, or causes with shares"),
    WithJsonSchema({"anyOf": [{"enum": [*MIXES]}, {"type": "object", "additionalProperties": {"type": "number"}}]}),
]


class TestsetOptions(Group):
    """Options of a design of test sets."""

    __test__ = False  # not a test case, whatever its name begins with

    name: str


class Natural(TestsetOptions):
    """The test deaths as they are, once."""

    name: Literal["natural"] = "natural"


class _Resampled(TestsetOptions):
    n_resamples: Count = 500
    """Test sets that are drawn."""
    n_test: Count | None = None
    """Deaths of each test set; null: as many as there are."""


class Dirichlet(_Resampled):
    """Cause mixes from a Dirichlet distribution; alpha 1: uniform over all mixes (Murray 2011)."""

    name: Literal["dirichlet"] = "dirichlet"
    alpha: PositiveNumber = 1.0
    """All parameters of the Dirichlet distribution."""


class DirichletAround(_Resampled):
    """Cause mixes scattered around a given one: Dirichlet(concentration * csmf)."""

    name: Literal["dirichlet_around"] = "dirichlet_around"
    csmf: Mix = "test"
    """The centre: test, train, uniform, or {cause: share, ...}."""
    concentration: PositiveNumber = 50.0
    """Large: near the centre. The variance of share p is p (1 - p) / (concentration + 1)."""


class Target(_Resampled):
    """One fixed cause mix, drawn many times."""

    name: Literal["target"] = "target"
    csmf: Mix = "uniform"
    """The mix: uniform, train, test, or {cause: share, ...}; causes that are not named get 0."""


TESTSETS: dict[str, type[TestsetOptions]] = {tag_of(c): c for c in (Natural, Dirichlet, DirichletAround, Target)}
"""Name in ``testset=`` -> the class of its options."""


def testset_options(options: Mapping[str, Any] | TestsetOptions) -> TestsetOptions:
    """Return the checked options of a design from plain data such as ``{"name": "dirichlet", "n_resamples": 500}``.

    Raises
    ------
    InputError
        For an unknown design or option, with the nearest known one, and for values that cannot work.
    """
    if isinstance(options, TestsetOptions):
        return options
    name = options.get("name")
    if name not in TESTSETS:
        raise InputError(f"unknown testset {shown(name)}{known_names(TESTSETS)}{did_you_mean(name, TESTSETS)}")
    return check(TESTSETS[name], dict(options), "testset", f"testset={name}")


testset_options.__test__ = False  # type: ignore[attr-defined]
