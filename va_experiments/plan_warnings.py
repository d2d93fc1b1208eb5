"""What is odd about a plan that can run all the same: said before the first fit, so that nobody is surprised after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from va_experiments.data.deaths import Deaths
from va_experiments.plan import Plan

__all__ = ["remarks"]


def remarks(planned: Plan, deaths: Mapping[str, Deaths]) -> list[str]:
    """Return a sentence for each odd thing about a plan.

    Parameters
    ----------
    planned : Plan
    deaths : mapping of fingerprint to Deaths

    Returns
    -------
    list of str
        Cells that several jobs ask for, training sets with fewer deaths than there are causes, and causes that are
        tested where nobody of the training sites died of them.
    """
    found = []
    if twice := sum(map(len, planned.job_cells)) - len(planned.asked):
        found.append(f"{twice:,} cell{'s are' if twice > 1 else ' is'} asked for more than once; each is computed once")
    kinds = planned.splits.kinds
    sizes = sorted({int(k.train_size[2:]) for k in kinds if k.train_size.startswith("n=")})
    n_causes = max((len(d.causes) for d in deaths.values()), default=0)
    if few := [n for n in sizes if n < n_causes]:
        found.append(
            f"train_size {', '.join(map(str, few))} is fewer deaths than there are causes ({n_causes}): of a cause "
            "without a death in training a model knows only what it assumes; the label-coverage ceiling tells the cost"
        )
    pairs = {(k.train_sites, k.test_sites) for k in kinds}
    unseen = [
        (test, causes) for train, test in pairs for d in deaths.values() if (causes := _only_tested(train, test, d))
    ]
    if unseen:
        sites, causes = max(unseen, key=lambda u: (len(u[1]), u[0]))
        found.append(
            f"causes are tested that nobody at the training sites died of (most at {'+'.join(sites)}: {len(causes)}, "
            f"such as '{causes[0]}'); the label-coverage ceiling tells the cost"
        )
    return found


def _only_tested(train: Sequence[str], test: Sequence[str], deaths: Deaths) -> list[str]:
    """Return the causes that the test sites have and the training sites have not."""
    if deaths.cause is None or not train or not {*train, *test} <= set(deaths.sites):
        return []
    places = [[deaths.sites.index(s) for s in sites] for sites in (train, test)]
    known, asked = (np.unique(deaths.cause[np.isin(deaths.site, place)]) for place in places)
    return [deaths.causes[c] for c in np.setdiff1d(asked, known).tolist()]
