"""Join deaths with known causes, to train on, and deaths without, to which causes are to be assigned.

In: two tables, or two readers with their options. Out: one `Deaths` with the questions that both have. The cause of the
deaths to assign is -1, so that no protocol but ``assign`` can use them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from va_experiments.data.deaths import NOT_SHARED, Deaths, LedgerEntry, joined_strata
from va_experiments.data.readers.strata_texts import columns_not_in_all, with_columns_of_each
from va_experiments.data.readers.union import joined_blocks
from va_experiments.data.registry import load, load_parts
from va_experiments.data.shared_deaths import shared_deaths
from va_experiments.data.text_source import AUTO, open_source
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["join_deaths", "join_parts", "parts_of", "read_train_and_assign"]

SAME_IN_BOTH = (
    *("id", "site", "cause", "symptoms", "exclude", "value_map", "blank", "max_unknown", "words", "narrative", "hce"),
    *("sex", "sex_codes", "age", "age_unit", "age_parts", "age_unit_codes", "age_missing", "covariates"),
    *("missing_numbers", "decimal", "encoding", "fix_encoding", "strata_columns"),
)
"""Options of ``data=csv`` that a table to assign takes from the description of the table to train on.

The others correct single values (``site_map``), or are of the causes."""

Part = str | Mapping[str, Any] | None
TRAINING = " (training)"
"""Added to the name of a training site, or the id of a training death, that the deaths to assign have too."""


def read_train_and_assign(
    train: Part = None,
    assign: Part = None,
    *,
    options: Mapping[str, Any] | None = None,
    duplicates: str = "refuse",
    label: str = "train_and_assign",
) -> Deaths:
    """Read both data sets and join them.

    Parameters
    ----------
    train : str or mapping
        A table with causes, or ``{name: reader, option: value, ...}``.
    assign : str or mapping
        The deaths without known causes; causes that they have are not looked at.
    options : mapping, optional
        Options of the reader of a table (``data=csv``) that both have.
    duplicates : {"refuse", "first", "keep"}
        What to do with deaths to assign that are among those to train on; first: these are left out of the training.
    label : str
        Name of the study.

    Raises
    ------
    InputError
        If one of the two is not given or cannot be read, or they share no question or deaths.
    """
    checked = {"train": train, "assign": assign, "options": options, "duplicates": duplicates, "label": label}
    return join_parts(load_parts(parts_of(checked), load), checked)


def join_parts(parts: Sequence[Deaths], options: Mapping[str, Any]) -> Deaths:
    """Return both data sets in one, with the checked options of ``data=train_and_assign``."""
    train, assign = parts
    return join_deaths(train, assign, options["label"], options["duplicates"])


def parts_of(options: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the reader and the options of the deaths to train on, and of those to assign."""
    parts, problems = [], []
    for key in ("train", "assign"):
        value = options[key]
        if isinstance(value, Mapping):
            tree = dict(value)
            if "name" not in tree:
                problems.append(f"data.{key} has no reader; expected {{name: csv, path: FILE, ...}}")
                continue
            parts.append((str(tree.pop("name")), tree))
        elif value:
            table = {**(options["options"] or {}), "path": value}
            if key == "assign":
                described = _reading(options["train"])
                both = [v for t in (described, table) if isinstance(v := t.get("strata_columns"), list | tuple)]
                strata = {"strata_columns": list(dict.fromkeys(c for v in both for c in v))} if both else {}
                table = _without_causes({**described, **table, **strata})
            parts.append(("csv", table))
        else:
            what = "with known causes" if key == "train" else "without known causes"
            problems.append(f"data=train_and_assign needs a table of deaths {what}: set data.{key}=FILE")
    if problems:
        raise InputError(problems)
    tables = [k for k, (name, _) in enumerate(parts) if name == "csv"]
    for k, with_strata in zip(tables, with_columns_of_each([parts[k][1] for k in tables]), strict=True):
        if not isinstance(options["train" if k == 0 else "assign"], Mapping):
            parts[k] = ("csv", with_strata)
    return parts


def _reading(train: Part) -> dict[str, Any]:
    """Return what a description of the table to train on says of how columns and cells are read."""
    if not isinstance(train, Mapping) or train.get("name") != "csv":
        return {}
    return {key: train[key] for key in SAME_IN_BOTH if key in train}


def _without_causes(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the table to assign: a column of causes that it has too is left out.

    Columns that only the table to train on has are no problem: the ledger lists them where both are joined.
    """
    cause = options.get("cause", "cause")
    try:
        header = open_source(options["path"], sep=options.get("sep", AUTO)).header
    except InputError:  # reported where the table is read
        return {**options, "cause": None}
    left_out = [*(options.get("exclude") or ()), *([cause] if cause else [])]
    lists = [key for key in ("symptoms", "words", "hce") if options.get(key)]
    changed: dict[str, Any] = {key: [c for c in options[key] if c in header] for key in lists}
    if options.get("covariates"):
        changed["covariates"] = {c: bounds for c, bounds in options["covariates"].items() if c in header}
    return {**options, **changed, "cause": None, "exclude": [c for c in left_out if c in header]}


def join_deaths(train: Deaths, assign: Deaths, label: str, duplicates: str = "keep") -> Deaths:
    """Return both in one: the training deaths, then those to assign, with the questions that both have.

    Questions and covariates that only one has are left out, and each is in the ledger. A training site (or id) that
    the others have too is marked.

    Raises
    ------
    InputError
        If the training deaths have no causes, no question is in both, or deaths are in both and `duplicates` is
        ``refuse``.
    """
    if not train.labelled:
        raise InputError(f"data.train: '{train.name}' has deaths without a cause; there is nothing to train on")
    assign_names = set(assign.symptom_names)
    shared = [s for s in train.symptom_names if s in assign_names]
    if not shared:
        near = did_you_mean(train.symptom_names[0], assign.symptom_names)
        raise InputError(
            f"data.train and data.assign have no question in common ({shown(train.symptom_names[0])}, ... and "
            f"{shown(assign.symptom_names[0])}, ...); expected the same names of columns{near}"
        )
    covariates = [c for c in train.covariates if c in assign.covariates]
    ledger = [*_marked(train, "train"), *_marked(assign, "assign")]
    train = _without_those_to_assign(train, assign, shared, covariates, duplicates, ledger)
    for key, deaths in (("train", train), ("assign", assign)):
        ledger += _left_out(key, deaths.symptom_names, shared, "question")
        ledger += _left_out(key, deaths.covariates, covariates, "number")
    ledger += columns_not_in_all([train, assign], ["data.train", "data.assign"])
    sites = [s + TRAINING if s in assign.sites else s for s in train.sites]
    ids = train.id.astype(object)
    twice = np.isin(train.id, assign.id)
    ids[twice] = [f"{i}{TRAINING}" for i in train.id[twice].tolist()]
    first, second = train.select(shared), assign.select(shared)
    return Deaths(
        symptoms=np.concatenate([first.symptoms, second.symptoms]),
        symptom_names=first.symptom_names,
        causes=train.causes,
        cause=np.concatenate([np.asarray(train.cause), np.full(len(assign), -1, dtype=np.int16)]),
        sites=(*sites, *assign.sites),
        site=np.concatenate([train.site, assign.site + len(sites)]),
        id=np.concatenate([ids, assign.id.astype(object)]).astype(np.str_),
        blocks=joined_blocks([first, second]),
        groups=train.groups,
        covariates={c: np.concatenate([train.covariates[c], assign.covariates[c]]) for c in covariates},
        learned_cuts=tuple(c for c in first.learned_cuts if c.covariate in covariates),
        name=label if label != "train_and_assign" else assign.name,
        simulated=train.simulated or assign.simulated,
        ledger=tuple(ledger),
        excluded=(*train.excluded, *assign.excluded),
        strata_columns=joined_strata([train, assign]),
    )


def _without_those_to_assign(
    train: Deaths,
    assign: Deaths,
    shared: Sequence[str],
    covariates: Sequence[str],
    duplicates: str,
    ledger: list[LedgerEntry],
) -> Deaths:
    """Return the deaths to train on, without those that are to be assigned too where `duplicates` is ``first``."""
    both = [
        dataclasses.replace(
            d.select(list(shared)).without_causes(),
            covariates={c: d.covariates[c] for c in covariates},
            learned_cuts=(),
        )
        for d in (assign, train)
    ]
    rows = shared_deaths(both)[1][0]
    count = int(rows.sum())
    if not count:
        return train
    if duplicates == "refuse":
        raise InputError(
            f"data.train and data.assign: {count} of {len(rows)} deaths to train on are among those to assign, with "
            "the same answers, or with the same id and nearly the same (ids such as "
            f"{', '.join(map(shown, train.id[rows][:3].tolist()))}): their causes are known already; say "
            "data.duplicates=first (train without them) or data.duplicates=keep"
        )
    if rows.all() and duplicates == "first":
        raise InputError("data.duplicates=first: every death to train on is to be assigned too; nothing is left")
    if duplicates == "keep":
        reason = "deaths to train on that are among those to assign too; kept by data.duplicates"
        ledger.append(LedgerEntry("noted", "*", count, reason))
        return train
    ledger.append(LedgerEntry("dropped row", "*", count, "data.train: deaths that are to be assigned too"))
    return train.take(~rows)


def _marked(deaths: Deaths, key: str) -> list[LedgerEntry]:
    """Return a ledger whose entries say of which of the two tables they are."""
    return [LedgerEntry(e.action, e.column, e.count, f"data.{key}: {e.reason}", e.examples) for e in deaths.ledger]


def _left_out(key: str, names: Iterable[str], shared: Iterable[str], what: str) -> list[LedgerEntry]:
    other = "assign" if key == "train" else "train"
    return [
        LedgerEntry("left out", name, 1, f"{NOT_SHARED} data.{key}: data.{other} has no such {what}")
        for name in names
        if name not in set(shared)
    ]
