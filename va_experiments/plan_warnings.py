"""Warn about a plan that can run but may not be what the user meant.

In: a plan and its data. Out: sentences that are printed before the first fit.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from va_experiments.cell import ModelSpec, Setting
from va_experiments.data.deaths import DOUBTFUL, DOUBTS, NOT_ASKED, NOT_SHARED, NOT_UNDERSTOOD, SAME_ANSWERS, Deaths
from va_experiments.plan import Plan
from va_experiments.protocols.label_sample import label_sample

__all__ = ["plan_warnings"]

_BESIDE_DEATHS = re.compile(r"^(?:[\w.]+: )?rows? \d+(?:, \d+)* (?:is|names|holds?) ")
"""Notes on rows of a table that are no deaths: a title, groups of columns, labels."""

_MANY_NOT_ASKED = 50
"""Questions that an export lacks from which on it may be a part of one that was divided into several files."""


def plan_warnings(planned: Plan, deaths: Mapping[str, Deaths]) -> list[str]:
    """List what may be wrong with a plan, one sentence each.

    Parameters
    ----------
    planned : Plan
    deaths : mapping of fingerprint to Deaths

    Returns
    -------
    list of str
        Cells that several jobs contain, training sets with fewer deaths than causes, and causes that occur at a test
        site but not at its training sites.
    """
    warnings = _repeated_cells(planned)
    for d in deaths.values():
        warnings += _ledger_warnings(d)
    for model, setting in _uses(planned):
        data = deaths[setting.fingerprint].with_features(setting.features)
        if setting.level is not None and setting.level.model_causes:
            data = dataclasses.replace(data, causes=setting.level.model_causes, cause=None, groups=())
        warnings += [w for w in model.estimator().check_before_run(data.without_causes()) if w not in warnings]
    warnings += _small_training_sets(planned, deaths)
    warnings += _large_label_samples(planned, deaths)
    return warnings + _unseen_causes(planned, deaths)


def _repeated_cells(planned: Plan) -> list[str]:
    """Say how many cells are in more than one job."""
    repeated = sum(map(len, planned.job_cells)) - len(planned.requested)
    if not repeated:
        return []
    return [f"{repeated:,} cell{'s occur' if repeated > 1 else ' occurs'} in more than one job; each is computed once"]


def _ledger_warnings(d: Deaths) -> list[str]:
    """List what the ledger of a data set says that a user should look at before the run."""
    warnings = []
    entries = [e for e in d.ledger if e.reason.endswith(NOT_UNDERSTOOD)]  # joined tables name the table before it
    if entries:
        as_none = any(e.reason.endswith(NOT_UNDERSTOOD[2]) for e in entries)
        cells = ", ".join(dict.fromkeys(example for e in entries for example in e.examples))
        warnings.append(
            f"data '{d.name}': {sum(e.count for e in entries):,} answers in {len(entries)} columns are not "
            f"understood and count as missing{' or as no choice' if as_none else ''}"
            f"{f' (such as {cells[:60]})' if cells else ''}; "
            "va-experiments data describe lists them"
        )
    warnings += [
        f"data '{d.name}': {e.reason}" for e in d.ledger if e.action == DOUBTFUL or _BESIDE_DEATHS.search(e.reason)
    ]
    if alone := [e for e in d.ledger if e.reason.startswith(NOT_SHARED)]:
        names = ", ".join(e.column for e in alone[:12]) + (", ..." if len(alone) > 12 else "")
        warnings.append(
            f"data '{d.name}': {len(alone)} questions are in one of the tables only and left out ({names}); "
            f"models see the {d.n_symptoms} that all have"
        )
    for e in d.ledger:
        if e.reason.endswith(DOUBTS) or (e.reason.endswith(NOT_ASKED) and e.count > _MANY_NOT_ASKED):
            names = f" ({', '.join(e.examples)})" if e.examples else ""
            warnings.append(f"data '{d.name}': {e.count:,} {e.reason}{names}")
    return warnings + [
        f"data '{d.name}': {e.count:,} {e.reason} ({', '.join(e.examples)}); data.duplicates=first leaves the "
        "later ones out"
        for e in d.ledger
        if e.reason.endswith(SAME_ANSWERS)
    ]


def _small_training_sets(planned: Plan, deaths: Mapping[str, Deaths]) -> list[str]:
    """Name the training sizes that are below the number of causes."""
    sizes = sorted({int(k.train_size[2:]) for k in planned.splits.kinds if k.train_size.startswith("n=")})
    n_causes = max((len(d.causes) for d in deaths.values()), default=0)
    few = [n for n in sizes if n < n_causes]
    if not few:
        return []
    return [
        f"train_size {', '.join(map(str, few))} is fewer deaths than there are causes ({n_causes}): a model learns "
        "nothing about causes without a training death; the label-coverage ceiling in the report shows the effect"
    ]


def _large_label_samples(planned: Plan, deaths: Mapping[str, Deaths]) -> list[str]:
    """Name the test sites of which more than half of the deaths are labelled."""
    labelled = [k for k in planned.splits.kinds if k.target_labels]
    size = {
        s: int(n)
        for d in (deaths.values() if labelled else ())
        for s, n in zip(d.sites, np.bincount(d.site, minlength=len(d.sites)), strict=True)
    }
    large = [k for k in labelled if 2 * label_sample(k.target_labels).n > sum(size.get(s, 0) for s in k.test_sites)]
    if not large:
        return []
    return [
        f"target_labels.n {max(label_sample(k.target_labels).n for k in large)} is more than half of the "
        f"deaths of {', '.join(sorted({k.test_site for k in large}))}: few are left to test"
    ]


def _unseen_causes(planned: Plan, deaths: Mapping[str, Deaths]) -> list[str]:
    """Name the division with most causes that occur at the test site but not at its training sites."""
    pairs = {(k.train_sites, k.test_sites) for k in planned.splits.kinds}
    unseen = [
        (test, causes)
        for train, test in pairs
        for d in deaths.values()
        if (causes := _causes_without_training(train, test, d))
    ]
    if not unseen:
        return []
    sites, causes = max(unseen, key=lambda u: (len(u[1]), u[0]))
    return [
        f"some causes occur at a test site but not at its training sites (most at {'+'.join(sites)}: "
        f"{len(causes)}, "
        f"such as '{causes[0]}'); the label-coverage ceiling in the report shows the effect"
    ]


def _uses(planned: Plan) -> list[tuple[ModelSpec, Setting]]:
    """List each model with each setting that it is used in."""
    pairs = np.unique(np.stack([planned.model, planned.setting], axis=1), axis=0).tolist()
    return [(planned.models[m], planned.settings[s]) for m, s in pairs]


def _causes_without_training(train: Sequence[str], test: Sequence[str], deaths: Deaths) -> list[str]:
    """List the causes that occur at the test sites but not at the training sites."""
    if deaths.cause is None or not deaths.labelled or not train or not {*train, *test} <= set(deaths.sites):
        return []
    places = [[deaths.sites.index(s) for s in sites] for sites in (train, test)]
    trained, tested = (np.unique(deaths.cause[np.isin(deaths.site, place)]) for place in places)
    return [deaths.causes[c] for c in np.setdiff1d(tested, trained).tolist()]
