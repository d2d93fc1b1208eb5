"""List the splits of a protocol, from its options, the sites and the numbers of deaths."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from va_experiments.config.fields import tag_of
from va_experiments.config.protocols import (
    Assign,
    Combined,
    InDomain,
    LeaveOneCountryOut,
    LeaveOneSiteOut,
    LeaveTwoSitesOut,
    OneToOne,
    Pooled,
    ProtocolOptions,
    protocol_options,
)
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.protocols.columns import Splits
from va_experiments.protocols.sites import resolve_site, resolve_sites
from va_experiments.protocols.split import Split

__all__ = ["most_splits", "splits"]


def most_splits(
    protocol: Mapping[str, Any] | ProtocolOptions, deaths: Deaths, test_sites: str | Iterable[str] = "all"
) -> int:
    """Count the splits without making them; the result is too high if a training size is skipped.

    Raises
    ------
    InputError
        For unknown sites and options.
    """
    options = protocol_options(protocol)
    if isinstance(options, Combined):
        parts = _parts(options, resolve_sites(test_sites, deaths.sites), deaths.sites)
        return sum(most_splits(part, deaths, tested) for part, tested in parts)
    sites = len(resolve_sites(test_sites, deaths.sites))
    whole = sites
    if isinstance(options, InDomain):
        whole = sites * options.repeats * options.folds
    elif isinstance(options, OneToOne):
        sources = len(resolve_sites(options.train_sites, deaths.sites, what="train site"))
        whole = sources * sites + (min(sources, sites) * options.repeats * options.folds if options.same_site else 0)
    elif isinstance(options, LeaveTwoSitesOut):
        whole = sites * (len(deaths.sites) - 1)
    elif isinstance(options, Pooled):
        whole = options.repeats
    labels = options.target_labels
    if labels.n:
        return whole * len(labels.n) * labels.replicates
    return whole * sum(1 if size == "all" else options.replicates for size in options.sizes())


def splits(
    protocol: Mapping[str, Any] | ProtocolOptions, deaths: Deaths, test_sites: str | Iterable[str] = "all"
) -> Splits:
    """List the splits of a protocol in a fixed order. No rows are drawn: see `Split.indices`.

    Parameters
    ----------
    protocol : mapping or ProtocolOptions
        Plain data with the ``name`` of the protocol and its options.
    deaths : Deaths
        Only sites, their sizes and whether causes are known are used.
    test_sites : "all", str or iterable of str
        Sites to test on; case is ignored. All means those with deaths. For ``pooled`` and ``in_domain`` the sites that
        are divided. Under ``leave_one_country_out`` the whole country of a tested site is left out of training.

    Raises
    ------
    InputError
        For unknown sites, sites without deaths, a training set that would be empty or smaller than its `train_size`.
    """
    options = protocol_options(protocol)
    present = [s for k, s in enumerate(deaths.sites) if (deaths.site == k).any()]
    trained = deaths.sites_to_train_on if isinstance(options, Assign) else ()
    present = [s for s in present if s not in trained]
    sites = resolve_sites(test_sites, deaths.sites)
    if sites == deaths.sites:
        sites = tuple(present)  # all sites with deaths
    if known := [s for s in sites if s in trained]:
        raise InputError(
            f"site '{known[0]}' of data '{deaths.name}' has known causes, on which models train; causes can be "
            f"assigned at {', '.join(present)}"
        )
    if empty := [s for s in sites if s not in present]:
        raise InputError([f"site '{s}' of data '{deaths.name}' has 0 rows; nothing to test on" for s in empty])
    if not present:
        raise InputError(f"data '{deaths.name}' has 0 rows; nothing to test on")
    if not deaths.labelled and not isinstance(options, Assign):
        missing = "no causes" if deaths.cause is None else "deaths without a cause"
        raise InputError(f"data '{deaths.name}' has {missing}: only protocol=assign can use them")
    if isinstance(options, Combined):
        listed = Splits(_combined(options, deaths, sites, present))
    else:
        listed = Splits(_sized(options, deaths, _whole(options, sites, present, trained)))
    if not listed:
        raise InputError(f"protocol {options.name} with test site {', '.join(sites)} has no splits")
    return listed


def _parts(
    options: Combined, sites: tuple[str, ...], known: Sequence[str]
) -> list[tuple[ProtocolOptions, tuple[str, ...]]]:
    """Return the options and the test sites of each part that has test sites."""
    parts, problems = [], []
    for word, (part, named) in options.each().items():
        try:
            allowed = resolve_sites(named, known)
        except InputError as error:
            problems += [f"protocol {options.name}: parts.{word}.test_sites: {p}" for p in error.problems]
            continue
        if tested := tuple(s for s in sites if s in allowed):
            parts.append((part, tested))
    if problems:
        raise InputError(problems)
    return parts


def _combined(options: Combined, deaths: Deaths, sites: tuple[str, ...], present: list[str]) -> Iterator[Split]:
    """Yield the splits of all parts, part after part, those that several parts have once."""
    seen: set[Split] = set()
    problems: list[str] = []
    for part, tested in _parts(options, sites, deaths.sites):
        try:
            for split in _sized(part, deaths, _whole(part, tested, present)):
                if split not in seen:
                    seen.add(split)
                    yield split
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)


def _whole(
    options: ProtocolOptions, sites: tuple[str, ...], present: list[str], trained: tuple[str, ...] = ()
) -> Iterator[Split]:
    """Yield the splits with all training deaths; `trained`: sites that ``assign`` trains on."""
    if isinstance(options, InDomain):
        for site in sites:
            yield from _divided(options, site)
    elif isinstance(options, OneToOne):
        sources = resolve_sites(options.train_sites, present, what="train site")
        for source in sources:
            for site in sites:
                if site != source:
                    yield Split(options.name, (source,), site)
                elif options.same_site:
                    yield from _divided(options, site)
    elif isinstance(options, Pooled):
        label = "all" if len(sites) == len(present) else "+".join(sites)
        for repeat in range(options.repeats):
            yield Split(
                options.name,
                sites,
                label,
                repeat,
                seed=options.seed or 0,
                test_share=float(options.test_share),
                test_sites=sites,
                stratified=options.stratified,
            )
    elif isinstance(options, LeaveTwoSitesOut):
        if len(present) < 3:
            raise InputError(f"protocol {options.name}: {len(present)} sites have deaths; expected 3 or more")
        for pair in itertools.combinations(present, 2):
            train = tuple(s for s in present if s not in pair)
            for site in pair:
                if site in sites:
                    yield Split(options.name, train, site, test_sites=(site,))
    elif isinstance(options, Assign):
        label = "all" if len(sites) == len(present) else "+".join(sites)
        for name, tested in [(s, (s,)) for s in sites] if options.by_site else [(label, sites)]:
            yield Split(options.name, trained, name, test_sites=tested)
    else:
        groups = _countries(options, present) if isinstance(options, LeaveOneCountryOut) else [(s,) for s in present]
        allowed: Iterable[str] = present
        if isinstance(options, LeaveOneSiteOut):
            allowed = resolve_sites(options.train_sites, present, what="train site")
        for group in groups:
            if tested := tuple(s for s in group if s in sites):
                train = tuple(s for s in allowed if s not in group)
                if not train:
                    raise InputError(
                        f"protocol {options.name}: no site is left to train on when {'+'.join(group)} is tested"
                    )
                yield Split(options.name, train, "+".join(tested), test_sites=tested)


def _divided(options: InDomain | OneToOne, site: str) -> Iterator[Split]:
    for repeat in range(options.repeats):
        for fold in range(options.folds):
            yield Split(
                tag_of(InDomain),
                (site,),
                site,
                repeat,
                fold,
                n_folds=options.folds if options.folds > 1 else 0,
                seed=options.seed or 0,
                test_share=0.0 if options.folds > 1 else float(options.test_share),
                test_sites=(site,),
            )


def _countries(options: LeaveOneCountryOut, present: list[str]) -> list[tuple[str, ...]]:
    """Return the groups of sites that are left out together, ordered by their first site."""
    known = {s.casefold() for s in present}
    home = {
        resolve_site(site, present): country
        for country, sites in options.countries.items()
        for site in sites
        if site.casefold() in known  # the map may name more sites than these data have
    }
    groups: dict[str, list[str]] = {}
    for site in present:
        groups.setdefault(home.get(site, f"site {site}"), []).append(site)
    return [tuple(g) for g in groups.values()]


def _sized(options: ProtocolOptions, deaths: Deaths, whole: Iterable[Split]) -> Iterator[Split]:
    """Yield each split at each training size and replicate."""
    sizes, labels = options.sizes(), options.target_labels
    count = dict(zip(deaths.sites, np.bincount(deaths.site, minlength=len(deaths.sites)).tolist(), strict=True))
    problems = []
    for split in whole:
        for n, sample in zip(labels.n, labels.samples(), strict=True):
            if n >= (most := _n_test(split, count)):
                if options.too_large == "error":
                    problems.append(
                        f"target_labels.n {n} leaves none of the {most} deaths of {split.test_site} to test; "
                        "choose less, or set too_large: skip"
                    )
                continue
            for replicate in range(labels.replicates):
                yield dataclasses.replace(split, target_labels=sample, replicate=replicate, seed=options.seed or 0)
        for size in () if labels.n else sizes:
            if size == "all":
                yield split
                continue
            if size.startswith("n=") and int(size[2:]) > (most := _n_train(split, count)):
                if options.too_large == "error":
                    problems.append(
                        f"train_size {size[2:]} is more than the {most} training deaths of "
                        f"{'+'.join(split.train_sites)}; choose less, or set too_large: skip"
                    )
                continue
            for replicate in range(options.replicates):
                yield dataclasses.replace(split, train_size=size, replicate=replicate, seed=options.seed or 0)
    if problems:
        raise InputError([f"protocol {options.name}: {p}" for p in dict.fromkeys(problems)])


def _n_train(split: Split, count: Mapping[str, int]) -> int:
    """Count the deaths available for training; with folds, those of the smallest training set."""
    n = sum(count[s] for s in split.train_sites)
    if split.n_folds:
        return n - -(-n // split.n_folds)
    return n - round(n * split.test_share)


def _n_test(split: Split, count: Mapping[str, int]) -> int:
    """Count the deaths available for testing; with folds, those of the smallest fold."""
    n = sum(count[s] for s in split.test_sites)
    if split.n_folds:
        return n // split.n_folds
    return round(n * split.test_share) if split.test_share else n
