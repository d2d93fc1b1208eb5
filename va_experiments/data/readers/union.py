"""Join data sets with the same questions into one: all deaths, and the questions that all members have.

In: two or more readers with their options, or tables. Out: one `Deaths` that is the same in whatever order they are
named. Questions and causes that not all members have are in the ledger.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import NOT_SHARED, Deaths, Excluded, LedgerEntry, joined_strata
from va_experiments.data.readers.strata_texts import columns_not_in_all, with_columns_of_each
from va_experiments.data.registry import READERS, load, load_parts
from va_experiments.data.repeated_deaths import REPEATED
from va_experiments.data.shared_deaths import shared_deaths
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["join_parts", "joined_blocks", "parts_of", "read_union"]

Member = str | Mapping[str, Any]


_ANY_GROUP = "all"
"""Group of a cause in a table that has no groups of causes."""


def read_union(
    members: Sequence[Member] = (),
    *,
    options: Mapping[str, Any] | None = None,
    duplicates: str = "refuse",
    label: str = "union",
) -> Deaths:
    """Read the members and join them.

    Parameters
    ----------
    members : sequence of str or mapping
        Each a reader's name, a table, or ``{name: reader, option: value, ...}``.
    options : mapping, optional
        Options of the reader of a table (``data=csv``) that such members have.
    duplicates : {"refuse", "first", "keep"}
        What to do with deaths that several members have; ``first``: those of the member whose name comes first stay.
    label : str
        Name of the study.

    Raises
    ------
    InputError
        If there are fewer than two members, one cannot be read, or they do not fit together.
    """
    checked = {"members": members, "options": options or {}, "duplicates": duplicates, "label": label}
    return join_parts(load_parts(parts_of(checked), load), checked)


def parts_of(options: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the reader of each member and its options, from the checked options of ``data=union``."""
    parts, problems, tables = [], [], list[int]()
    for k, member in enumerate(options["members"]):
        if isinstance(member, Mapping):
            tree = dict(member)
            if "name" not in tree:
                problems.append(f"data.members[{k}] has no reader; expected {{name: csv, path: FILE, ...}}")
                continue
            parts.append((str(tree.pop("name")), tree))
        elif member in READERS:
            parts.append((member, {}))
        elif "." in member or "/" in member:
            tables.append(len(parts))
            parts.append(("csv", {**options["options"], "path": member}))
        else:
            problems.append(
                f"data.members[{k}]: {shown(member)} is neither a reader nor the path of a table"
                f"{did_you_mean(member, READERS)}"
            )
    problems += [
        f"data.members: {name} joins data sets itself; name its tables one by one"
        for name, _ in parts
        if name in READERS and READERS[name].joins
    ]
    if not problems and len(parts) < 2:
        problems.append(
            "data=union needs two or more data sets: 'data.members=[phmrc_adult, {name: immcmc_adult, path: FILE}]'"
        )
    if problems:
        raise InputError(problems)
    for k, with_strata in zip(tables, with_columns_of_each([parts[k][1] for k in tables]), strict=True):
        parts[k] = ("csv", with_strata)
    return parts


def join_parts(parts: Sequence[Deaths], options: Mapping[str, Any]) -> Deaths:
    """Return all deaths in one data set.

    A site or an id that several members have gets the name of the member behind it. The causes are those of the first
    member, then those that only later ones have; members are in the order of their names.

    Raises
    ------
    InputError
        If a member has deaths without a cause and another has causes, two members are the same data or have the same
        deaths, or no question is in all.
    """
    parts = sorted(parts, key=lambda d: (d.name, d.fingerprint))
    names = _names(parts)
    _check(parts, names)
    first = parts[0]
    cuts = [{c.symptom: c for c in d.learned_cuts} for d in parts]
    shared = [
        s
        for s in first.symptom_names
        if all(s in set(d.symptom_names) for d in parts) and len({own.get(s) for own in cuts}) == 1
    ]
    if not shared:
        raise InputError(
            f"data.members: {', '.join(names)} have no question in common ({shown(first.symptom_names[0])}, ... and "
            f"{shown(parts[1].symptom_names[0])}, ...); expected the same names of columns"
            f"{did_you_mean(first.symptom_names[0], parts[1].symptom_names)}"
        )
    covariates = [c for c in first.covariates if all(c in d.covariates for d in parts)]
    same = [d.select(shared) for d in parts]
    twice, repeated = _twice([_with_numbers(d, covariates) for d in same], names, options["duplicates"])
    left_out = tuple(
        Excluded(f"{REPEATED}, in another member", tuple(d.id[rows].tolist()))
        for d, rows in zip(parts, repeated, strict=True)
        if rows.any()
    )
    parts = [d.take(~rows) for d, rows in zip(parts, repeated, strict=True)]
    same = [d.take(~rows) for d, rows in zip(same, repeated, strict=True)]
    causes = tuple(dict.fromkeys(c for d in parts for c in d.causes))
    groups: dict[str, str] = {}
    for cause, group in ((c, g) for d in parts for c, g in zip(d.causes, d.groups, strict=True)):
        groups[cause] = group if groups.get(cause, _ANY_GROUP) == _ANY_GROUP else groups[cause]
    present = [np.unique(d.site) for d in parts]  # a declared site without deaths is none
    sites = _told_apart([[d.sites[k] for k in own] for d, own in zip(parts, present, strict=True)], names)
    ids = _told_apart([d.id.tolist() for d in parts], names)
    place = {cause: k for k, cause in enumerate(causes)}
    start = np.cumsum([0, *(len(s) for s in sites)])
    return Deaths(
        symptoms=np.concatenate([d.symptoms for d in same]),
        symptom_names=same[0].symptom_names,
        causes=causes,
        cause=np.concatenate([np.array([place[c] for c in d.causes], dtype=np.int16)[d.cause] for d in parts])
        if first.cause is not None
        else None,
        sites=tuple(s for own in sites for s in own),
        site=np.concatenate(
            [np.searchsorted(own, d.site) + k for d, own, k in zip(parts, present, start.tolist(), strict=False)]
        ).astype(np.int16),
        id=np.array([i for own in ids for i in own]),
        blocks=joined_blocks(same),
        groups=tuple(groups[c] for c in causes),
        covariates={c: np.concatenate([d.covariates[c] for d in parts]) for c in covariates},
        learned_cuts=tuple(c for c in same[0].learned_cuts if c.covariate in covariates),
        name=options["label"] if options["label"] != "union" else "+".join(names),
        simulated=any(d.simulated for d in parts),
        ledger=(
            *_ledger(parts, names, set(shared), set(covariates)),
            *twice,
            *columns_not_in_all(parts, [f"member {name}" for name in names]),
        ),
        excluded=tuple(e for d in parts for e in d.excluded) + left_out,
        strata_columns=joined_strata(parts),
    )


def joined_blocks(parts: Sequence[Deaths]) -> tuple[str, ...]:
    """Return the block of each shared question: a table of somebody's own calls all of them core, PHMRC does not."""
    return tuple(next((b for b in own if b != "core"), "core") for own in zip(*(d.blocks for d in parts), strict=True))


def _with_numbers(deaths: Deaths, covariates: Sequence[str]) -> Deaths:
    """Return the deaths with these covariates only."""
    return dataclasses.replace(deaths, learned_cuts=(), covariates={c: deaths.covariates[c] for c in covariates})


def _twice(
    parts: Sequence[Deaths], names: Sequence[str], duplicates: str
) -> tuple[list[LedgerEntry], list[npt.NDArray[np.bool_]]]:
    """Return the ledger's entries on deaths that several members have, and which deaths to leave out.

    Raises
    ------
    InputError
        If there are any, and `duplicates` is ``refuse``.
    """
    ledger, problems, left_out = list[LedgerEntry](), list[str](), []
    for deaths, name, (rows, first) in zip(parts, names, shared_deaths(parts), strict=True):
        count, leave = int(rows.sum()), np.zeros(len(rows), dtype=bool)
        if count and duplicates == "first":
            leave = rows
            ledger.append(LedgerEntry("dropped row", "*", count, f"{name}: deaths that an earlier member has too"))
        elif count and duplicates == "keep":
            reason = f"{name}: deaths that another member has too; kept by data.duplicates"
            ledger.append(LedgerEntry("noted", "*", count, reason))
        elif count:
            problems.append(
                f"data.members: {count} of {len(rows)} deaths of {name} are in {names[first]} too, with the same "
                f"answers and cause, or with the same id and nearly the same (ids such as "
                f"{', '.join(map(shown, deaths.id[rows][:3].tolist()))}), so that they would be trained on and tested; "
                f"say data.duplicates=first (leave those of {name} out) or data.duplicates=keep"
            )
        left_out.append(leave)
    if problems:
        raise InputError(problems)
    return ledger, left_out


def _names(parts: Sequence[Deaths]) -> list[str]:
    """Return a name for each member: its own, numbered where several have it."""
    counts = Counter(d.name for d in parts)
    seen: Counter[str] = Counter()
    names = []
    for deaths in parts:
        seen[deaths.name] += 1
        names.append(f"{deaths.name} {seen[deaths.name]}" if counts[deaths.name] > 1 else deaths.name)
    return names


def _check(parts: Sequence[Deaths], names: Sequence[str]) -> None:
    if len({d.fingerprint for d in parts}) < len(parts):
        raise InputError("data.members: two members are the same data; name each data set once")
    without = [n for d, n in zip(parts, names, strict=True) if not d.labelled]
    if without and any(d.cause is not None for d in parts):
        raise InputError(
            f"data.members: {', '.join(without)} {'have' if len(without) > 1 else 'has'} deaths without a cause and "
            "others do not; to train on the others, use data=train_and_assign data.train=FILE data.assign=FILE"
        )


def _told_apart(texts_of: Sequence[Sequence[str]], names: Sequence[str]) -> list[list[str]]:
    """Put the name of the member behind each text that several members have."""
    counts = Counter(text for texts in texts_of for text in set(texts))
    return [
        [f"{text} ({name})" if counts[text] > 1 else text for text in texts]
        for texts, name in zip(texts_of, names, strict=True)
    ]


def _ledger(parts: Sequence[Deaths], names: Sequence[str], shared: set[str], covariates: set[str]) -> list[LedgerEntry]:
    """Return the members' entries with their names, and what not all of them have."""
    ledger = [
        LedgerEntry(e.action, e.column, e.count, f"{name}: {e.reason}", e.examples)
        for d, name in zip(parts, names, strict=True)
        for e in d.ledger
    ]
    for what, kept, own in (
        ("question", shared, [d.symptom_names for d in parts]),
        ("number", covariates, [tuple(d.covariates) for d in parts]),
    ):
        for column in dict.fromkeys(c for columns in own for c in columns if c not in kept):
            having = [n for n, columns in zip(names, own, strict=True) if column in columns]
            ledger.append(
                LedgerEntry(
                    "left out", column, 1, f"{NOT_SHARED} {', '.join(having)}: not every member has this {what}"
                )
            )
    for cause in dict.fromkeys(c for d in parts for c in d.causes):
        having = [n for d, n in zip(parts, names, strict=True) if cause in d.causes]
        if len(having) < len(parts):
            ledger.append(LedgerEntry("noted", "cause", 1, f"'{cause}' is in the list of {', '.join(having)} only"))
    return ledger
