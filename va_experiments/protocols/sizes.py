"""Estimate how many deaths a split tests and trains on, before any row is drawn."""

from __future__ import annotations

from collections.abc import Mapping

from va_experiments.protocols.label_sample import label_sample
from va_experiments.protocols.split import Split

__all__ = ["expected_deaths"]


def expected_deaths(split: Split, size: Mapping[str, int]) -> tuple[float, float]:
    """Return how many deaths a split tests and trains on, from the number of deaths of each site."""
    tested, trained = (float(sum(size.get(s, 0) for s in sites)) for sites in (split.test_sites, split.train_sites))
    share = 1 / split.n_folds if split.n_folds else split.test_share
    if split.divides_sites:
        tested, trained = tested * share, trained * (1 - share)
    if split.target_labels:
        labels = label_sample(split.target_labels)
        tested, trained = max(0.0, tested - labels.n), trained + labels.n * labels.copies
    kind, _, number = split.train_size.partition("=")
    if kind == "n":
        trained = min(trained, float(number))
    elif kind == "share":
        trained *= float(number)
    return tested, trained
