"""Define the options of each protocol: ``protocol=NAME`` and ``protocol.OPTION=VALUE``; `protocols.designs` uses them.

Two words with one meaning each: *repeats* are independent random divisions of the deaths into training and test deaths;
*replicates* are independent subsets of one training size, drawn from the training deaths of one division.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from va_experiments.config.fields import Count, Expected, Flag, Group, Share, Size, tag_of
from va_experiments.config.problems import check, known_names
from va_experiments.config.target_labels import TargetLabels
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = [
    "PROTOCOLS",
    "Assign",
    "Combined",
    "InDomain",
    "LeaveOneCountryOut",
    "LeaveOneSiteOut",
    "LeaveTwoSitesOut",
    "OneToOne",
    "Pooled",
    "ProtocolOptions",
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


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _check_sizes(value: Any) -> Any:
    problems = [] if _listed(value) else ["train_size is an empty list; write 'all' or at least one size"]
    for size in _listed(value):
        try:
            canonical_size(size)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return value


def _check_countries(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise InputError(f"countries must map each country to its sites; {_got(value)}")
    problems: list[str] = []
    home: dict[str, str] = {}
    for country, sites in value.items():
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
    if problems:
        raise InputError(problems)
    return {country: tuple(sites) for country, sites in value.items()}


_SIZE = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_SITES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

TrainSize = Annotated[
    Any,
    AfterValidator(_check_sizes),
    Expected("all, a number of deaths, a share, or a list of them"),
    WithJsonSchema({"anyOf": [*_SIZE["anyOf"], {"type": "array", "items": _SIZE}]}),
]
SiteNames = Annotated[Any, Expected("all, a site, or a list of sites"), WithJsonSchema(_SITES)]
Countries = Annotated[
    Any,
    BeforeValidator(_check_countries),
    Expected("countries with their sites"),
    WithJsonSchema({"type": "object", "additionalProperties": _SITES["anyOf"][1]}),
]


class ProtocolOptions(Group):
    """What all protocols take."""

    name: str
    seed: Size | None = None
    """Enters every random division and subset, and nothing else; null: the seed of the job."""
    train_size: TrainSize = "all"
    """all, a number of deaths, a share, or a list of them (a learning curve); subsets are nested and keep the mix."""
    replicates: Count = 1
    """Independent subsets of each training size other than all."""
    too_large: Literal["error", "skip"] = "error"
    """Where a size is more deaths than there are to train on, or to label: error, or skip that size there."""
    target_labels: TargetLabels = Field(default_factory=TargetLabels)
    """A few deaths of the test set with known causes."""

    @model_validator(mode="after")
    def _one_curve(self) -> Self:
        if self.target_labels.n and self.sizes() != ("all",):
            raise InputError(
                f"train_size is {shown(self.train_size)} together with target_labels.n: one learning curve at a time; "
                "leave train_size at all, or target_labels.n at []"
            )
        return self

    def sizes(self) -> tuple[str, ...]:
        """Return the canonical training sizes, each once, in the order given."""
        return tuple(dict.fromkeys(canonical_size(s) for s in _listed(self.train_size)))

    def with_seed(self, seed: int) -> Self:
        """Return the options with this seed where they name none."""
        return self if self.seed is not None else self.model_copy(update={"seed": seed})


class LeaveOneSiteOut(ProtocolOptions):
    """Train on all sites but one, test on that one."""

    name: Literal["leave_one_site_out"] = "leave_one_site_out"
    train_sites: SiteNames = "all"
    """Sites that may be trained on; with the same site.test_sites: inner folds that no other site plays a part in."""


class _Division(ProtocolOptions):
    folds: Count = 5
    """Stratified folds, each tested once; 1: a single division with test_share of the deaths tested."""
    test_share: Share = 0.2
    """Share of the deaths tested, where folds is 1."""
    repeats: Count = 1
    """Independent random divisions."""


class InDomain(_Division):
    """Train and test within one site."""

    name: Literal["in_domain"] = "in_domain"


class OneToOne(_Division):
    """Train on one site, test on another: all ordered pairs."""

    name: Literal["one_to_one"] = "one_to_one"
    train_sites: SiteNames = "all"
    """Sites trained on; site.test_sites names the tested ones."""
    same_site: Flag = False
    """true: add the diagonal, divided as in_domain divides; never tested on deaths that were trained on."""


class LeaveOneCountryOut(ProtocolOptions):
    """Train on all countries but one, test on the sites of that one."""

    name: Literal["leave_one_country_out"] = "leave_one_country_out"
    countries: Countries = Field(default_factory=lambda: dict(PHMRC_COUNTRIES))
    """Country -> its sites; sites of the data that are in no country are countries of their own."""


class LeaveTwoSitesOut(ProtocolOptions):
    """Train on all sites but two, test on each of the two: what a choice inside the training sites needs."""

    name: Literal["leave_two_sites_out"] = "leave_two_sites_out"


class Pooled(ProtocolOptions):
    """Divide the deaths of all named sites together, at random (Murray 2011: 75/25, stratified, 500 times)."""

    name: Literal["pooled"] = "pooled"
    test_share: Share = 0.25
    """Share of the deaths tested."""
    repeats: Count = 10
    """Independent random divisions."""
    stratified: Flag = True
    """true: test and training deaths have the same cause mix, which copying it then predicts; false: plain random."""


class Assign(ProtocolOptions):
    """Train nothing, predict all named sites: for models with fixed knowledge, and for deaths without known causes."""

    name: Literal["assign"] = "assign"
    by_site: Flag = False
    """true: one split for each site instead of one for all."""

    @model_validator(mode="after")
    def _trains_nothing(self) -> Self:
        if self.train_size != "all":
            raise InputError(f"train_size must be 'all', as nothing is trained; {_got(self.train_size)}")
        if self.target_labels.n:
            raise InputError(
                "target_labels.n needs test deaths whose causes are all known, to judge what the labels are worth; "
                "protocol=assign has none. Use protocol=leave_one_site_out on deaths with known causes"
            )
        return self


class Combined(ProtocolOptions):
    """Several protocols in one run: the splits of all parts, each once."""

    name: Literal["combined"] = "combined"
    parts: Annotated[
        Any,
        Expected("words with protocols"),
        WithJsonSchema({"type": "object", "additionalProperties": {"type": "object"}}),
    ] = Field(default_factory=lambda: {tag_of(p): {"name": tag_of(p)} for p in (InDomain, OneToOne)})
    """Any word -> name and options of a protocol; seed, train_size, replicates and too_large stand for parts that do
    not say otherwise. A part's test_sites narrow the sites that the run tests."""

    @model_validator(mode="after")
    def _every_part(self) -> Self:
        if not isinstance(self.parts, Mapping) or not self.parts:
            raise InputError(f"parts must map words to protocols, {{name: in_domain, ...}}; {_got(self.parts)}")
        problems: list[str] = []
        for word, part in self.parts.items():
            if not isinstance(part, Mapping):
                problems.append(f"parts.{word} must have the name and the options of a protocol; {_got(part)}")
            elif part.get("name") in (tag_of(Combined), tag_of(Assign)):
                problems.append(f"parts.{word}.name: {part['name']} cannot be a part; it is a protocol by itself only")
            else:
                try:
                    self._part(word, part)
                except InputError as error:
                    problems += error.problems
        if problems:
            raise InputError(problems)
        return self

    def _part(self, word: object, part: Mapping[str, Any]) -> tuple[ProtocolOptions, Any]:
        inherited = {name: getattr(self, name) for name in ProtocolOptions.model_fields if name != "name"}
        options = {k: v for k, v in part.items() if v is not None and k != "test_sites"}
        sites = part.get("test_sites")
        return protocol_options(inherited | options, path=f"parts.{word}"), "all" if sites is None else sites

    def each(self) -> dict[str, tuple[ProtocolOptions, Any]]:
        """Return the options of each part and the sites that it may test, by its word."""
        return {word: self._part(word, part) for word, part in self.parts.items()}


PROTOCOLS: dict[str, type[ProtocolOptions]] = {
    tag_of(p): p
    for p in (LeaveOneSiteOut, LeaveTwoSitesOut, InDomain, OneToOne, LeaveOneCountryOut, Pooled, Assign, Combined)
}
"""Name in ``protocol=`` -> the class of its options."""


def protocol_options(options: Mapping[str, Any] | ProtocolOptions, *, path: str = "protocol") -> ProtocolOptions:
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
    name = options.get("name")
    if name not in PROTOCOLS:
        where = "" if path == "protocol" else f"{path}: "
        raise InputError(
            f"{where}unknown protocol {shown(name)}{known_names(PROTOCOLS)}{did_you_mean(name, PROTOCOLS)}"
        )
    choice = f"protocol={name}" if path == "protocol" else f"protocol.{path} ({name})"
    return check(PROTOCOLS[name], dict(options), path, choice)
