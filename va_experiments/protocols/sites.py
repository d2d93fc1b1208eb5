"""Match site names as users type them to the declared sites of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["resolve_site", "resolve_sites"]


def resolve_site(name: object, sites: Sequence[str], *, what: str = "site") -> str:
    """Find the declared site that `name` means: the exact name, or the only one that differs in case alone.

    Raises
    ------
    InputError
        If `name` is not text, is unknown (the nearest known site is named), or fits two sites.
    """
    if not isinstance(name, str):
        raise InputError(f'{what} must be text; got {shown(name)} ({type(name).__name__}): quote it, as "NO"')
    if name in sites:
        return name
    same = [s for s in sites if s.casefold() == name.strip().casefold()]
    if len(same) == 1:
        return same[0]
    if same:
        raise InputError(f"{what} {shown(name)} fits several sites: {', '.join(same)}; write it as one of them")
    raise InputError(
        f"unknown {what} {shown(name)}; known: {', '.join(map(_listed, sites))}{did_you_mean(name, sites)}"
    )


def resolve_sites(names: str | Iterable[str], sites: Sequence[str], *, what: str = "site") -> tuple[str, ...]:
    """Find the declared sites that `names` means (``"all"``, one name or several), in declared order, each once.

    Raises
    ------
    InputError
        With every name that cannot be resolved; or if `names` is empty.
    """
    if isinstance(names, str):
        if names not in sites and names.casefold() == "all":
            return tuple(sites)
        names = [names]
    if not isinstance(names, Iterable):
        raise InputError(f"{what} must be 'all', a name or a list of names; got {shown(names)}")
    resolved: set[str] = set()
    problems: list[str] = []
    for name in names:
        try:
            resolved.add(resolve_site(name, sites, what=what))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    if not resolved:
        raise InputError(f"no {what} is named; write 'all' or some of {', '.join(sites)}")
    return tuple(s for s in sites if s in resolved)


def _listed(site: str) -> str:
    """Return a name as it stands in a list: in quotes where it holds a comma."""
    return shown(site) if "," in site else site
