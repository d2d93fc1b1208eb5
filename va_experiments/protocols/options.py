"""Options of each protocol, checked strictly: a wrong type or an unknown name fails before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from va_experiments.errors import InputError, did_you_mean, shown

__all__ = [
    "PROTOCOLS",
    "Assign",
    "InDomain",
    "LeaveOneCountryOut",
    "LeaveOneSiteOut",
    "OneToOne",
    "Pooled",
    "ProtocolOptions",
    "Union",
    "canonical_size",
    "protocol_options",
]

PHMRC_COUNTRIES: Mapping[str, tuple[str, ...]] = {
    "India": ("AP", "UP"),
    "Mexico": ("Mexico",),
    "Philippines": ("Bohol",),
    "Tanzania": ("Dar", "Pemba"),
}
"""Country -> PHMRC sites."""


def _got(value: object) -> str:
    return f"got {shown(value)} ({type(value).__name__})"


def _whole(name: str, value: object, least: int) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        return [f"{name} must be a whole number >= {least}; {_got(value)}"]
    return []


def _share(name: str, value: object) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        return [f"{name} must be a number between 0 and 1; {_got(value)}"]
    return []


def _flag(name: str, value: object) -> list[str]:
    return [] if isinstance(value, bool) else [f"{name} must be true or false; {_got(value)}"]


def canonical_size(value: object) -> str:
    """Return a training size as canonical text: ``"all"``, ``"n=500"`` or ``"share=0.25"``.

    Whole numbers > 1 are numbers of deaths; numbers between 0 and 1 are shares; 1.0 is ``"all"``. The canonical texts
    are accepted too.

    Raises
    ------
    InputError
        For anything else, such as 1000.0, 0, true, "100"; the whole number 1 is refused, as most who write it mean all.
    """
    if isinstance(value, str):
        kind, _, number = value.partition("=")
        try:
            if value == "all":
                return value
            if kind == "n" and number.isascii() and number.isdigit() and int(number) >= 1:
                return f"n={int(number)}"
            if kind == "share" and 0 < float(number) <= 1:
                return canonical_size(float(number))
        except ValueError:
            pass
    elif isinstance(value, float):
        if value == 1:
            return "all"
        if 0 < value < 1:
            return f"share={value!r}"
    elif isinstance(value, int) and not isinstance(value, bool):
        if value > 1:
            return f"n={value}"
        if value == 1:
            raise InputError(
                "train_size 1 is ambiguous: write 1.0 or all for every training death, n=1 for a single one"
            )
    raise InputError(
        f"train_size: n_train must be a whole number >= 1; {_got(value)}. Expected a whole number, a share between 0 "
        "and 1, or 'all'"
    )


@dataclass(frozen=True, kw_only=True)
class ProtocolOptions:
    """What all protocols take.

    Parameters
    ----------
    seed : int
        Enters every random division and subset, and nothing else.
    train_size : number, text, or sequence of them
        Sizes of the training sets, see `canonical_size`; several make a learning curve.
    replicates : int
        Independent subsets of each size other than all.
    too_large : str
        Where a number of deaths is more than there are to train on: ``"error"``, or ``"skip"`` that size there.
    """

    name: ClassVar[str]
    seed: int = 0
    train_size: Any = "all"
    replicates: int = 1
    too_large: str = "error"

    def __post_init__(self) -> None:
        problems = self._problems()
        if not problems:
            problems = _whole("seed", self.seed, 0) + _whole("replicates", self.replicates, 1)
            if self.too_large not in ("error", "skip"):
                problems.append(f"too_large must be 'error' or 'skip'; {_got(self.too_large)}")
            for size in self._given_sizes():
                try:
                    canonical_size(size)
                except InputError as error:
                    problems += error.problems
            if not self._given_sizes():
                problems.append("train_size is an empty list; write 'all' or at least one size")
        if problems:
            raise InputError([f"protocol {self.name}: {p}" for p in problems])

    def _problems(self) -> list[str]:
        return []

    def _given_sizes(self) -> list[object]:
        given = self.train_size
        return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]

    def sizes(self) -> tuple[str, ...]:
        """Return the canonical training sizes, each once, in the order given."""
        return tuple(dict.fromkeys(canonical_size(s) for s in self._given_sizes()))


@dataclass(frozen=True, kw_only=True)
class LeaveOneSiteOut(ProtocolOptions):
    """Train on all sites but one, test on that one.

    Parameters
    ----------
    train_sites : "all", str or sequence of str
        Sites that may be trained on. With the same sites tested the others are touched by nothing: inner folds by
        site, for choices that are then judged on the others.
    """

    name: ClassVar[str] = "leave_one_site_out"
    train_sites: Any = "all"


@dataclass(frozen=True, kw_only=True)
class _Division(ProtocolOptions):
    folds: int = 5
    test_share: float = 0.2
    repeats: int = 1

    def _problems(self) -> list[str]:
        return (
            _whole("folds", self.folds, 1) + _share("test_share", self.test_share) + _whole("repeats", self.repeats, 1)
        )


@dataclass(frozen=True, kw_only=True)
class InDomain(_Division):
    """Train and test within one site.

    Parameters
    ----------
    folds : int
        Stratified folds, each tested once; 1: a single division, with `test_share` of the deaths tested.
    test_share : float
        Used with ``folds=1``.
    repeats : int
        Independent arrangements.
    """

    name: ClassVar[str] = "in_domain"


@dataclass(frozen=True, kw_only=True)
class OneToOne(_Division):
    """Train on one site, test on another: all ordered pairs.

    Parameters
    ----------
    train_sites : "all", str or sequence of str
        Sites trained on; the tested sites are named as for every protocol.
    same_site : bool
        Adds the diagonal, as ``in_domain`` divisions by `folds`, `test_share` and `repeats`: never tested on
        deaths that were trained on.
    """

    name: ClassVar[str] = "one_to_one"
    train_sites: Any = "all"
    same_site: bool = False

    def _problems(self) -> list[str]:
        return super()._problems() + _flag("same_site", self.same_site)


@dataclass(frozen=True, kw_only=True)
class LeaveOneCountryOut(ProtocolOptions):
    """Train on all countries but one, test on the sites of that one.

    Parameters
    ----------
    countries : mapping of str to sequence of str
        Country -> its sites. Sites of the data that stand in no country are countries of their own.
    """

    name: ClassVar[str] = "leave_one_country_out"
    countries: Mapping[str, Sequence[str]] = field(default_factory=lambda: dict(PHMRC_COUNTRIES))

    def _problems(self) -> list[str]:
        if not isinstance(self.countries, Mapping):
            return [f"countries must map each country to its sites; {_got(self.countries)}"]
        problems: list[str] = []
        home: dict[str, str] = {}
        for country, sites in self.countries.items():
            if isinstance(sites, str) or not isinstance(sites, Sequence):
                problems.append(f"countries.{country} must be a list of sites; {_got(sites)}")
                continue
            for site in sites:
                if not isinstance(site, str):
                    problems.append(f'countries.{country}: site must be text; {_got(site)}: quote it, as "NO"')
                elif site.casefold() in home:
                    problems.append(f"site '{site}' is in two countries: {home[site.casefold()]} and {country}")
                else:
                    home[site.casefold()] = country
        return problems


@dataclass(frozen=True, kw_only=True)
class Pooled(ProtocolOptions):
    """Divide the deaths of all named sites together, at random (Murray 2011: 75/25, stratified by cause, 500 times).

    Parameters
    ----------
    test_share : float
    repeats : int
    stratified : bool
        Whether test and training deaths have the same cause mix, to one death of each cause. Copying the training mix
        is then nearly perfect on natural test sets. False: a plain random division (Li 2020).
    """

    name: ClassVar[str] = "pooled"
    test_share: float = 0.25
    repeats: int = 10
    stratified: bool = True

    def _problems(self) -> list[str]:
        return (
            _share("test_share", self.test_share)
            + _whole("repeats", self.repeats, 1)
            + _flag("stratified", self.stratified)
        )


@dataclass(frozen=True, kw_only=True)
class Assign(ProtocolOptions):
    """Train nothing, predict all named sites: for models with fixed knowledge, and for deaths without known causes.

    Parameters
    ----------
    by_site : bool
        One split for each site instead of one for all.
    """

    name: ClassVar[str] = "assign"
    by_site: bool = False

    def _problems(self) -> list[str]:
        problems = _flag("by_site", self.by_site)
        if self.train_size != "all":
            problems.append(f"train_size must be 'all', as nothing is trained; {_got(self.train_size)}")
        return problems


@dataclass(frozen=True, kw_only=True)
class Union(ProtocolOptions):
    """Several protocols in one run: the splits of all parts, each once.

    What all protocols take (`seed`, `train_size`, ...) stands for the parts that do not say otherwise.

    Parameters
    ----------
    parts : mapping of str to mapping
        Any word -> ``name`` and options of a protocol; default: within sites and from each to each other. A part's
        ``test_sites`` narrow the sites that the run tests; a part of which no site is left has no splits.
    """

    name: ClassVar[str] = "union"
    parts: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {p.name: {"name": p.name} for p in (InDomain, OneToOne)}
    )

    def _problems(self) -> list[str]:
        if not isinstance(self.parts, Mapping) or not self.parts:
            return [f"parts must map words to protocols, {{name: in_domain, ...}}; {_got(self.parts)}"]
        problems = []
        for word, part in self.parts.items():
            if not isinstance(part, Mapping):
                problems.append(f"parts.{word} must have the name and the options of a protocol; {_got(part)}")
            elif part.get("name") in (Union.name, Assign.name):
                problems.append(f"parts.{word}.name: {part['name']} cannot be a part; it is a protocol by itself only")
            else:
                try:
                    self._part(part)
                except InputError as error:
                    problems += [f"parts.{word}: {p}" for p in error.problems]
        return problems

    def _part(self, part: Mapping[str, Any]) -> tuple[ProtocolOptions, Any]:
        handed_on = {f.name: getattr(self, f.name) for f in dataclasses.fields(ProtocolOptions)}
        own = {k: v for k, v in part.items() if v is not None and k != "test_sites"}
        sites = part.get("test_sites")
        return protocol_options(handed_on | own), "all" if sites is None else sites

    def each(self) -> dict[str, tuple[ProtocolOptions, Any]]:
        """Return the options of each part and the sites that it may test, by its word."""
        return {word: self._part(part) for word, part in self.parts.items()}


PROTOCOLS: Mapping[str, type[ProtocolOptions]] = {
    p.name: p for p in (LeaveOneSiteOut, InDomain, OneToOne, LeaveOneCountryOut, Pooled, Assign, Union)
}
"""Name of a protocol -> the class of its options."""


def protocol_options(options: Mapping[str, Any] | ProtocolOptions) -> ProtocolOptions:
    """Return the checked options of a protocol from plain data such as ``{"name": "pooled", "repeats": 500}``.

    Raises
    ------
    InputError
        For an unknown protocol or option, with the nearest known one, and for values that cannot work.
    """
    if isinstance(options, ProtocolOptions):
        return options
    if not isinstance(options, Mapping):
        raise InputError(f"protocol must be a mapping with a name; {_got(options)}")
    given = {k: v for k, v in options.items() if (k, v) != ("seed", None)}  # null: whatever the run's seed is
    name = given.pop("name", None)
    if name not in PROTOCOLS:
        raise InputError(
            f"unknown protocol {shown(name)}; known: {', '.join(PROTOCOLS)}{did_you_mean(name, PROTOCOLS)}"
        )
    known = [f.name for f in dataclasses.fields(PROTOCOLS[name])]
    if unknown := [k for k in given if k not in known]:
        raise InputError(
            [
                f"protocol {name}: unknown option {shown(k)}; known: {', '.join(known)}{did_you_mean(k, known)}"
                for k in unknown
            ]
        )
    return PROTOCOLS[name](**given)
