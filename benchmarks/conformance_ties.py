"""List the deaths for which InterVA may name another second or third cause than the original, by a tie at 0%."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.reference import adult_deaths, fold, folds
from va_experiments.models.empirical import CONVERSIONS
from va_experiments.models.interva.interva import InterVA

__all__ = ["Tie", "close_ties", "explained_ties", "ties_at_other_sites"]

CLOSE = 1e-12
"""Difference of two probabilities, over the larger, that the order of a sum can make."""


@dataclass(frozen=True)
class Tie:
    """A second or third cause that is printed as 0% and differs from others in the last bits only."""

    death: str
    place: int
    cause: str
    others: tuple[str, ...]


def close_ties(table: pd.DataFrame, probability: npt.NDArray[np.float64], causes: tuple[str, ...]) -> Iterator[Tie]:
    """Yield the ties of a table of causes whose probabilities differ, by no more than `CLOSE` of their size.

    Equal probabilities are no such ties: both programs name the cause that comes first.

    Parameters
    ----------
    table : DataFrame
        With ``ID``, ``CAUSE2``, ``LIK2``, ``CAUSE3`` and ``LIK3``, as InterVA prints them.
    probability : float array, shape (n_deaths, n_causes)
    causes : tuple of str
        Of the columns of `probability`.
    """
    for k in (2, 3):
        named = table[f"CAUSE{k}"].astype(str)
        for i in np.flatnonzero((table[f"LIK{k}"] == "0") & named.isin(causes)):
            of_named = probability[i, causes.index(named.iloc[i])]
            apart = np.abs(probability[i] - of_named)
            near = np.flatnonzero((apart > 0) & (apart <= CLOSE * of_named))
            if len(near):
                yield Tie(str(table["ID"].iloc[i]), k, named.iloc[i], tuple(causes[c] for c in near))


def ties_at_other_sites() -> dict[tuple[str, str, str], list[Tie]]:
    """Return the ties of ours at the sites for which no output of the original is stored, by site and variant."""
    ties: dict[tuple[str, str, str], list[Tie]] = {}
    for site in adult_deaths().sites:
        if site in folds("interva_train"):
            continue
        train, test = fold(site)
        for conversion in CONVERSIONS:
            for prior in ("uniform", "train"):
                model = InterVA(conversion=conversion, prior=prior, reference_compat=True).fit(train, seed=1)
                probability = model.predict(test).probability
                ties[site, conversion, prior] = list(close_ties(model.table(test), probability, train.causes))
    return ties


def explained_ties(ties_of: dict[tuple[str, str, str], list[Tie]]) -> str:
    """Return the text and the table of the ties, as Markdown."""
    sites = list(dict.fromkeys(site for site, _, _ in ties_of))
    rows = [
        f"| {site} | {conversion}, {prior} | {tie.death} | {tie.place} | {tie.cause} | {_listed(tie.others)} |"
        for (site, conversion, prior), ties in ties_of.items()
        for tie in ties
    ]
    table = ["| site | variant | death | cause | ours | may also be |", "|---|---|---|---:|---|---|", *rows]
    return f"""### Ties at 0% at sites without stored outputs

No output of the original is stored for {_listed(sites)}. There these deaths have a second or third cause that is
printed as 0% and whose probability differs from another's in the last bits only, so that the original may name the
other cause. Equal probabilities are not listed: both programs name the cause that comes first. If the original's
outputs are put there, the rows of that site list the ties that it decides otherwise.

{chr(10).join(table) if rows else "There are none."}"""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
