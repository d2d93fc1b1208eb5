"""Split a transfer loss into its parts, and measure how similar two sites are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import MISSING, PRESENT, Deaths
from va_experiments.errors import InputError
from va_experiments.metrics.score import evaluate
from va_experiments.metrics.sufficient_statistics import PredictionLike, scored_deaths, totals

__all__ = ["TransferDrop", "cause_mix_distance", "site_auc", "transfer_drop", "transfer_drops"]

Predict = Callable[[Deaths], PredictionLike]

RIDGE = 20.0
"""Penalty of the regression in `site_auc`, in deaths: a symptom must differ between sites in tens of deaths."""


def cause_mix_distance(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Compute the total variation distance of two cause mixes: the share of deaths with a different cause."""
    return float(np.abs(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)).sum() / 2)


@dataclass(frozen=True)
class TransferDrop:
    """A model's metric at the training sites minus its metric at the target site, and its four parts.

    All parts are on the scale of the metric; for a metric where lower is better, a loss is negative.
    """

    home: float
    """On deaths from the training sites that the model was not fitted to."""
    abroad: float
    """On the deaths of the target site."""
    prior_shift: float
    """From a different mix of the shared causes."""
    symptom_shift: float
    """From symptoms that are reported differently for the same cause, at the same missingness."""
    missingness_shift: float
    """From more or fewer missing answers for the same cause."""
    label_coverage: float
    """From target deaths of causes that the home deaths do not have."""

    @property
    def total(self) -> float:
        """``home - abroad``, the sum of the four parts."""
        return self.home - self.abroad


def transfer_drop(
    predict: Predict,
    home: Deaths,
    target: Deaths,
    *,
    metric: str = "top1",
    n_masks: int = 5,
    rng: np.random.Generator,
) -> TransferDrop:
    """Split the loss of one metric between training-site and target deaths into four parts: see `transfer_drops`."""
    return transfer_drops(predict, home, target, metrics=[metric], n_masks=n_masks, rng=rng)[metric]


def transfer_drops(
    predict: Predict,
    home: Deaths,
    target: Deaths,
    *,
    metrics: Sequence[str],
    n_masks: int = 5,
    rng: np.random.Generator,
) -> dict[str, TransferDrop]:
    """Split the loss of each metric between training-site and target deaths into four parts that add up exactly.

    One fitted model is scored on six sets; K is the set of causes with deaths in both `home` and `target`:

    ====  =======================================================================================
    A0    home deaths
    A1    home deaths of causes in K, weighted to the target's mix of these causes
    A2    the same; answers missing in a random target death of the same cause are set to missing
    B2    target deaths of causes in K; answers missing in a random home death of the cause too
    B1    target deaths of causes in K
    B0    target deaths
    ====  =======================================================================================

    A2 and B2 have the same cause mix, and about the same missingness given the cause, by two independent masks.
    So ``prior_shift = A0 - A1``, ``missingness_shift = (A1 - A2) + (B2 - B1)``, ``symptom_shift = A2 - B2`` and
    ``label_coverage = B1 - B0``: the sum is A0 - B0. The parts depend on this order (prior first), as those of any
    sequential split do. Missingness that depends on more than the cause (on the other answers) is in the symptom part.

    Parameters
    ----------
    predict : callable
        Function from deaths without causes to a prediction; the model must not be fitted to `home`.
    home, target : Deaths
        With causes.
    metrics : sequence of str
        Names in `va_experiments.metrics.METRICS`, except metrics of the model's own CSMF. Each set is predicted once.
    n_masks : int
        Number of random partners for the missingness; the metric is averaged over them.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If the two have no cause in common.
    """
    if model_metrics := [m for m in metrics if "model" in m]:
        raise ValueError(f"{model_metrics[0]} uses the model's own CSMF, which does not follow a weighting of deaths")
    n_causes = len(home.causes)
    home_cause, target_cause = _labels_of(home), _labels_of(target)
    at_home, at_target = (np.bincount(c, minlength=n_causes) for c in (home_cause, target_cause))
    shared = (at_home > 0) & (at_target > 0)
    if not shared.any():
        raise ValueError(f"home and target of the transfer share no cause ({home.name})")

    def values(deaths: Deaths, *weights: npt.ArrayLike) -> npt.NDArray[np.float64]:
        cases = scored_deaths(_labels_of(deaths), predict(deaths.without_causes()))
        rows = np.asarray(weights, dtype=np.float64) if weights else None
        values = evaluate(totals(cases, rows), metrics)
        return np.stack([values[m] for m in metrics], axis=-1)

    known_home, known_target = home.take(shared[home_cause]), target.take(shared[target_cause])
    ratio = np.divide(at_target, at_home, out=np.zeros(n_causes), where=shared)
    weights = ratio[_labels_of(known_home)]
    a0, a1, b1, b0 = values(home)[0], values(known_home, weights)[0], values(known_target)[0], values(target)[0]
    masks = [(_masked(known_home, known_target, rng), _masked(known_target, known_home, rng)) for _ in range(n_masks)]
    a2 = np.mean([values(masked, weights)[0] for masked, _ in masks], axis=0)
    b2 = np.mean([values(masked)[0] for _, masked in masks], axis=0)
    parts = np.stack([a0, b0, a0 - a1, a2 - b2, (a1 - a2) + (b2 - b1), b1 - b0], axis=-1)
    return {metric: TransferDrop(*(float(x) for x in row)) for metric, row in zip(metrics, parts, strict=True)}


def _masked(deaths: Deaths, partners: Deaths, rng: np.random.Generator) -> Deaths:
    """Set every answer to missing that is missing in a random death of the same cause from the other side."""
    cause, partner_cause = _labels_of(deaths), _labels_of(partners)
    order = np.argsort(partner_cause, kind="stable")
    start = np.searchsorted(partner_cause[order], np.arange(len(deaths.causes)))
    members = np.bincount(partner_cause, minlength=len(deaths.causes))
    partner = order[start[cause] + rng.integers(0, members[cause])]
    gone = partners.symptoms[partner] == MISSING
    covariates = {
        k: np.where(np.isnan(partners.covariates[k][partner]), np.nan, v) if k in partners.covariates else v
        for k, v in deaths.covariates.items()
    }
    symptoms = np.where(gone, np.int8(MISSING), deaths.symptoms)
    return dataclasses.replace(deaths, symptoms=symptoms, covariates=covariates)


def site_auc(
    first: npt.ArrayLike, second: npt.ArrayLike, *, missingness_only: bool = False, n_folds: int = 5, seed: int = 0
) -> float:
    """Measure how well a classifier distinguishes the deaths of two sites: cross-validated AUC, .5 = not at all.

    Ridge regression of the site on the indicators *present* and *missing* of every symptom (a linear discriminant),
    the mean AUC of the folds. Give it deaths of one cause to see symptom shift without prior shift.

    Parameters
    ----------
    first, second : int8 array, shape (n, n_symptoms)
        `Deaths.symptoms` of the two sites.
    missingness_only : bool
        Use only the missingness.
    n_folds : int
        Fewer if a site has fewer deaths.
    seed : int

    Returns
    -------
    float
        Mean over folds; values below .5 occur by chance if sites are similar. NaN if a site has fewer than two deaths.
    """
    symptoms = np.vstack([np.asarray(first, dtype=np.int8), np.asarray(second, dtype=np.int8)])
    sizes = [len(np.asarray(first)), len(np.asarray(second))]
    n_folds = min(n_folds, *sizes)
    if n_folds < 2:
        return float("nan")
    site = np.repeat([0, 1], sizes)
    blocks = [symptoms == MISSING] if missingness_only else [symptoms == MISSING, symptoms == PRESENT]
    x = np.hstack(blocks).astype(np.float64)
    x = x[:, x.std(axis=0) > 0]
    if x.shape[1] == 0:
        return 0.5
    x -= x.mean(axis=0)
    rng = np.random.default_rng(seed)
    fold = np.concatenate([rng.permutation(n) % n_folds for n in sizes])
    aucs = []
    for k in range(n_folds):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        y = site[train] - site[train].mean()
        penalised = x[train].T @ x[train] + RIDGE * np.eye(x.shape[1])
        scores = np.round(x[test] @ np.linalg.solve(penalised, x[train].T @ y), 9)  # ties stay ties in the last bits
        aucs.append(_auc(scores[site[test] == 0], scores[site[test] == 1]))
    return float(np.mean(aucs))


def _auc(lower: npt.NDArray[np.float64], upper: npt.NDArray[np.float64]) -> float:
    """Compute the share of pairs in which `upper` is larger; ties count half (Mann and Whitney)."""
    ordered = np.sort(lower)
    below, up_to = (np.searchsorted(ordered, upper, side=side) for side in ("left", "right"))
    return float((below + up_to).sum() / (2 * len(lower) * len(upper)))


def _labels_of(deaths: Deaths) -> npt.NDArray[np.int16]:
    """Return the known causes; raise an error if deaths have none."""
    if deaths.cause is None:
        raise InputError(
            f"data '{deaths.name}' has no causes: the parts of a transfer loss can be computed only with known causes"
        )
    return deaths.cause
