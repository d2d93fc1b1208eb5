"""Describe the choices of the report itself, in sentences for the methods paragraph."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.analysis.run_tables import RunTables
from va_experiments.metrics.registry import metric_label, reference_levels_of

__all__ = ["report_methods"]


_INTERVAL = (
    "Its 95% interval is Student's t over sites with k - 1 degrees of freedom (Student 1908), on the logit scale, "
    "so that it stays within the bounds of the metric (Korn 1998): it shows how the mean "
    "would vary with other sites like these, and is wide because there are few."
)

OVER_SITES = (
    "Between two models: the mean difference over sites, its t interval, and the sign-flip test over all 2^k "
    "arrangements of the signs of k sites (Fisher 1935), beside the least p that k sites can give. p is adjusted for "
    "the pairs of a setting by Holm's rule (Holm 1979), and by step-down max-T over the same sign flips (Westfall "
    "1993), whose least p does not grow with the number of pairs. The Bayesian signed-rank test (Benavoli 2014; "
    "Benavoli 2017), counterpart of Wilcoxon's (Wilcoxon 1945), gives the probabilities that the first is better, and "
    "that the two differ by no more than .01."
)
OVER_DIVISIONS = (
    "Over random divisions of the same deaths, which overlap: the corrected resampled t-test (Nadeau 2003), p adjusted "
    "by Holm's rule (Holm 1979), and the Bayesian signed-rank test (Benavoli 2014; Benavoli 2017), .01 counting as "
    "equal. It applies to new deaths from these sites, not to new sites."
)
RANKS = (
    "Mean ranks over sites are compared by Friedman's test (Friedman 1937) with Iman and Davenport's F (Iman 1980), "
    "and pairwise by Nemenyi's critical difference at 5% (Demsar 2006)."
)
LOSSES = (
    "The loss at a site is split by scoring one fitted model on a chain of sets between the deaths of its training "
    "sites and those of the test site: cause mix, missing answers, symptoms, causes without training deaths, in an "
    "order fixed by convention. It is kin to what Cai 2023 does with features; shift of the cause mix alone is the "
    "prior shift of Saerens 2002."
)
SIMILARITY = (
    "The difference between two sites is measured by the cross-validated area under the curve of a ridge regression "
    "that tells their deaths apart by which answers are present and which are missing (a classifier two-sample test: "
    "Lopez-Paz 2017); .5 is alike."
)


def report_methods(content: RunTables, cells: pd.DataFrame, boards: Sequence[Leaderboard]) -> list[str]:
    """Return what was ranked, averaged, paired, pooled and left out in this report, by which rule and from where."""
    metric = content.primary_metric
    texts = [
        f"Models are ranked by {metric_label(metric)}, the run's primary metric. Cells are compared only within one "
        "data set, feature level, protocol, test-set design and training size: the same model scores differently on "
        "natural and on Dirichlet test sets, so these never share a column.",
        "A site's value is the mean over its cells (folds, repeats, training sites); a model's mean is the mean over "
        f"sites, each counted once. {_INTERVAL}",
    ]
    if content.intervals is not None and len(content.intervals):
        texts.append(
            "A second interval is a nested bootstrap: sites, splits within them and deaths within these are resampled, "
            "all models alike; the interval is the mean +- t (k - 1) times the resamples' standard error, enlarged by "
            "sqrt(k / (k - 1)). It is the more cautious one, as differences between sites hold the chance of splits "
            "and deaths already (Davison 1997)."
        )
    if f"{metric}_low" in cells.columns and cells[f"{metric}_low"].notna().any():
        texts.append(
            f"The interval of a single cell is: {content.interval}. It does not cover the choice of site or split."
        )
    texts += [*_test_sets(cells, boards), *_pairs(content)]
    if content.ranks is not None and len(content.ranks):
        texts.append(RANKS)
    if content.drops is not None and len(content.drops):
        texts.append(LOSSES)
    if content.similarity is not None and len(content.similarity):
        texts.append(SIMILARITY)
    if any(c is not None for c in cells["converged"]):
        texts.append(
            "A model that samples has converged where rank-normalised split R-hat (Vehtari 2021) and its own further "
            "criteria allow it; cells that did not are listed."
        )
    if any(len(b.ceilings) for b in boards):
        used = reference_levels_of(metric)
        texts.append(f"Reference values to judge the scores by: {', '.join(used.values())}.")
    grid = (
        "Means over incomplete grids were allowed and are marked."
        if content.allow_incomplete
        else ("A model with a missing cell gets no mean.")
    )
    texts.append(f"{grid} Failed cells are left out and listed; none is counted as zero.")
    if content.causes is not None and len(content.causes):
        texts.append(
            "Sensitivity by cause is pooled over deaths: those named right over those there, all cells together."
        )
    return texts


def _test_sets(cells: pd.DataFrame, boards: Sequence[Leaderboard]) -> list[str]:
    """Return how resampled test sets were predicted, and what their intervals are."""
    if all(b.setting.testset in ("", "natural") for b in boards):
        return []
    text = (
        "Over resampled test sets a score is the median. Its intervals are of two kinds, labelled: percentiles over "
        "test sets, which is what one of them may give, and the bootstrap interval of the median (Efron 1979), "
        "narrower by about the square root of their number."
    )
    if "testset_method" in cells:
        done = cells[(cells["status"] == "done") & (cells["testset_method"].astype(str) != "natural")]
        for method, group in done.dropna(subset=["testset_method"]).groupby("testset_method", sort=True):
            text += f" {str(method).capitalize()}: {', '.join(sorted(group['label'].unique()))}."
    return [text]


def _pairs(content: RunTables) -> list[str]:
    """Return how models were paired and compared."""
    comparisons = content.comparisons
    if comparisons is None or not len(comparisons):
        return [
            "Differences are paired by site: model minus best baseline on the same splits, with Student's t "
            "interval over sites. They are not adjusted for the number of models compared."
        ]
    methods = comparisons["method"].astype(str) if "method" in comparisons else pd.Series(dtype=str)
    texts = [
        "Paired differences are on identical test sets, by the method named beside each: the SHA-256 of the deaths "
        "trained on and tested on, and that of the resampled sets, have to be equal; pairs of which they are not are "
        "listed, and not compared."
    ]
    if methods.str.contains("sign-flip").any():
        texts.append(OVER_SITES)
    if methods.str.contains("corrected resampled").any():
        texts.append(OVER_DIVISIONS)
    return texts
