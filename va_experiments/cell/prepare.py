"""Prepare the data of a fit: which rows train and test, at which feature level, with which learned cut-offs."""

from __future__ import annotations

from dataclasses import dataclass

from va_experiments.data.deaths import Deaths
from va_experiments.protocols import Split
from va_experiments.protocols.split import Rows

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """Data as a model sees them.

    Parameters
    ----------
    deaths : Deaths
        All deaths at the feature level, with cut-offs learned on the training rows.
    train_rows, test_rows : int array
        Rows of `deaths`.
    """

    deaths: Deaths
    train_rows: Rows
    test_rows: Rows


def prepare(split: Split, features: str, deaths: Deaths) -> Prepared:
    """Return the data of a split at a feature level.

    Cut-offs that are not published are learned on the training rows alone.

    Parameters
    ----------
    split : Split
    features : str
        Feature level.
    deaths : Deaths
        At all feature levels.
    """
    train_rows, test_rows = split.indices(deaths)
    data = deaths.without_strata_columns().with_features(features)
    if data.learned_cuts:
        from va_experiments.data.learned_cutoffs import apply_learned_cuts

        data = apply_learned_cuts(data, train_rows)
    return Prepared(data, train_rows, test_rows)
