"""Cause lists and the mappings between them: ``conf/cause_list/`` and tables of one's own.

In: names of causes and the name of a list. Out: for each cause, the cause of that list that it belongs to. A mapping is
a table with the columns ``source`` and ``target``, one to one or many to one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from va_experiments.config.schema import conf_dir
from va_experiments.data.name_tables import read_one_column, read_two_columns
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = [
    "BROAD",
    "CauseList",
    "CauseMap",
    "cause_list",
    "cause_lists",
    "cause_maps",
    "causes_of_table",
    "map_causes",
    "plain_name",
]

BROAD = "broad"
"""Name for the broad list that the causes of the data have a mapping to."""

_BROAD_LISTS = ("broad_adult", "broad_child", "broad_neonate")


@dataclass(frozen=True)
class CauseList:
    """A list of causes in a fixed order."""

    name: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class CauseMap:
    """Which cause of one list belongs to which of another."""

    source: str
    target: str
    pairs: Mapping[str, str]
    """Source cause -> target cause."""
    file: str
    """Where it stands."""


def plain_name(cause: str) -> str:
    """Return a name without differences of case, spaces and punctuation."""
    return re.sub(r"[^\w]|_", "", cause.casefold())


@functools.cache
def cause_lists() -> Mapping[str, CauseList]:
    """Return the lists of ``conf/cause_list`` by name."""
    return {p.stem: _read_list(p) for p in sorted((conf_dir() / "cause_list").glob("*.csv"))}


@functools.cache
def cause_maps() -> tuple[CauseMap, ...]:
    """Return the mappings of ``conf/cause_list/maps``; the causes of both sides are checked against the lists."""
    maps = []
    for path in sorted((conf_dir() / "cause_list" / "maps").glob("*_to_*.csv")):
        source, _, target = path.stem.partition("_to_")
        maps.append(CauseMap(source, target, read_two_columns(path, "source", "target"), path.name))
    return tuple(maps)


def _read_list(path: Path) -> CauseList:
    return CauseList(path.stem, tuple(read_two_columns(path, "cause", "order")))


def cause_list(name: str) -> CauseList:
    """Return a list by its name.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    known = cause_lists()
    if name not in known:
        raise InputError(
            f"unknown cause list {shown(name)}; known: {BROAD}, {', '.join(known)}{did_you_mean(name, known)}"
        )
    return known[name]


def causes_of_table(path: str) -> tuple[str, ...]:
    """Return the distinct causes in the column ``cause`` of a table.

    Raises
    ------
    InputError
        If it is neither the name of a list nor a table that can be read.
    """
    if not Path(path).is_file():
        known = cause_lists()
        raise InputError(
            f"{shown(path)} is neither a cause list nor a file; known lists: {', '.join(known)}"
            f"{did_you_mean(path, known)}"
        )
    return read_one_column(path, "cause")


def map_causes(
    causes: Sequence[str], level: str, own: Sequence[CauseMap] = (), *, what: str
) -> tuple[CauseList, dict[str, str], str]:
    """Return a list, the cause of it that each of these causes belongs to, and where the mapping stands.

    Causes that are in the list are themselves. The others are mapped by one table: one of `own`, or that of the
    package which has all of them as sources.

    Parameters
    ----------
    causes : sequence of str
    level : str
        Name of the list, or ``broad``.
    own : sequence of CauseMap
        Mappings that a person gave; they come first.
    what : str
        Whose causes these are, for messages.

    Raises
    ------
    InputError
        For an unknown list, and for every cause that maps nowhere.
    """
    if level == BROAD:
        return _broad(causes, own, what)
    target = cause_list(level)
    exact = {plain_name(c): c for c in target.causes}
    if all(plain_name(c) in exact for c in causes):
        return target, {c: exact[plain_name(c)] for c in causes}, "the same names"
    tables = [m for m in (*own, *cause_maps()) if m.target == level]
    best: tuple[int, CauseMap | None] = (-1, None)
    for table in tables:
        sources = {plain_name(s) for s in table.pairs}
        score = sum(plain_name(c) in sources for c in causes)
        if score > best[0]:
            best = score, table
    if best[1] is None:
        raise InputError(
            f"score_at={level}: no mapping leads to it from the causes of {what}; name a list that they map to "
            f"(va-experiments causes list), or give a mapping with {_option(level)}"
        )
    pairs, problems = _by_plain_name(best[1], level)
    absent = [c for c in causes if plain_name(c) not in pairs]
    holes = sorted(s for s, t in best[1].pairs.items() if not t)
    problems += [f"score_at={level}: {best[1].file} has no target for {shown(s)}" for s in holes]
    wrong = sorted({t for t in pairs.values() if t and plain_name(t) not in exact})
    problems += [
        f"score_at={level}: {shown(c)}, a cause of {what}, maps nowhere in {best[1].file}"
        f"{did_you_mean(c, best[1].pairs)}; add it to a table with source and target: {_option(level)}"
        for c in absent
    ]
    problems += [
        f"score_at={level}: {best[1].file} maps to {shown(t)}, which is no cause of {level}"
        f"{did_you_mean(t, target.causes)}"
        for t in wrong
    ]
    if problems:
        raise InputError(problems)
    return target, {c: exact[plain_name(pairs[plain_name(c)])] for c in causes}, best[1].file


def _option(level: str) -> str:
    """Return how a mapping of one's own to a list is given, on the command line of a run and of ``causes map``."""
    return f"'cause_maps=[\"{level}=FILE\"]' (causes map: --map FILE)"


def _by_plain_name(table: CauseMap, level: str) -> tuple[dict[str, str], list[str]]:
    """Return the pairs of a mapping by plain name, and the sources that are one name with two targets."""
    pairs: dict[str, str] = {}
    problems = []
    for source, target in table.pairs.items():
        if pairs.setdefault(plain_name(source), target) != target:
            problems.append(
                f"score_at={level}: {table.file} maps {shown(source)}, in two spellings, to {shown(target)} and to "
                f"{shown(pairs[plain_name(source)])}; write it once"
            )
    return pairs, problems


def _broad(causes: Sequence[str], own: Sequence[CauseMap], what: str) -> tuple[CauseList, dict[str, str], str]:
    found = []
    for name in _BROAD_LISTS:
        try:
            found.append(map_causes(causes, name, own, what=what))
        except InputError:
            continue
    if len(found) == 1:
        return found[0]
    names = ", ".join(lst.name for lst, _, _ in found) or ", ".join(_BROAD_LISTS)
    why = "several broad lists fit" if found else "no broad list has a mapping for"
    raise InputError(f"score_at={BROAD}: {why} the causes of {what}; name one: {names}")
