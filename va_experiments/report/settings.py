"""What may stand in one table: cells of one data set, feature level, protocol, test-set design and training size.

The same model scores .12 CSMF accuracy lower on Dirichlet test sets than on natural ones, so these are never mixed.
"""

from __future__ import annotations

import dataclasses
import re

import pandas as pd

__all__ = [
    "METRIC_LABELS",
    "SETTING_COLUMNS",
    "Setting",
    "lower_is_better",
    "metric_label",
    "size_order",
    "split_settings",
]

SETTING_COLUMNS = ("data", "features", "protocol", "testset", "train_size")
"""Columns of the cells within whose groups figures may be compared and averaged."""

SPLIT_COLUMNS = ("train_sites", "test_site", "repeat", "fold")
"""Columns that, within a setting, name one split: the same for every model."""

METRIC_LABELS = {
    "csmf_accuracy_top": "CSMF accuracy (top causes)",
    "csmf_accuracy_mean": "CSMF accuracy (mean probability)",
    "csmf_accuracy_model": "CSMF accuracy (model's own CSMF)",
    "cccsmf_top": "CCCSMF (top causes)",
    "cccsmf_mean": "CCCSMF (mean probability)",
    "cccsmf_model": "CCCSMF (model's own CSMF)",
    "top1": "Top-1 accuracy",
    "top3": "Top-3 accuracy",
    "mean_ccc": "Mean CCC",
    "median_ccc": "Median CCC",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Expected calibration error",
    "kappa": "Cohen's kappa",
}
"""What the metrics are called in headings and on axes."""


def metric_label(metric: str) -> str:
    """Return the metric's name for people."""
    return METRIC_LABELS.get(metric, metric.replace("_", " "))


def lower_is_better(metric: str) -> bool:
    """Return whether a smaller value of `metric` is the better one (losses and errors)."""
    return any(part in metric for part in ("loss", "brier", "ece", "error", "rmse", "mae"))


@dataclasses.dataclass(frozen=True)
class Setting:
    """One group of comparable cells.

    ``simulated`` is true when any death of it was simulated.
    """

    data: str
    features: str
    protocol: str
    testset: str
    train_size: str
    simulated: bool = False

    @property
    def title(self) -> str:
        """The setting in words: protocol, data, features, test sets, training size."""
        parts = [
            self.protocol.replace("_", " "),
            f"{self.data} (simulated)" if self.simulated and self.data else self.data,
            f"features {self.features}" if self.features else "",
            f"{self.testset} test sets" if self.testset else "",
            f"training size {self.train_size}" if self.train_size not in ("", "all") else "",
        ]
        return ", ".join(p for p in parts if p) or "all cells"

    @property
    def heading(self) -> str:
        """The title as a heading: its first letter large."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def slug(self) -> str:
        """The setting as a name for files and anchors."""
        text = "-".join(p for p in (self.protocol, self.data, self.features, self.testset, self.train_size) if p)
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "all"


def split_settings(cells: pd.DataFrame) -> list[tuple[Setting, pd.DataFrame]]:
    """Return the cells by setting: full training data first, then by size; otherwise alphabetical."""
    groups = []
    for key, group in cells.groupby(list(SETTING_COLUMNS), sort=True, dropna=False):
        data, features, protocol, testset, size = map(str, key)
        simulated = bool(group["simulated"].any())
        groups.append((Setting(data, features, protocol, testset, size, simulated), group))
    return sorted(
        groups, key=lambda g: (size_order(g[0].train_size), g[0].data, g[0].features, g[0].protocol, g[0].testset)
    )


def size_order(train_size: str) -> tuple[int, float]:
    """Return where a training size stands: ``all`` first, then shares and absolute numbers, ascending."""
    if train_size in ("", "all"):
        return 0, 0.0
    name, _, number = train_size.partition("=")
    try:
        return (1 if name == "share" else 2), float(number)
    except ValueError:
        return 3, 0.0
