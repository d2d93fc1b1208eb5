"""Fit, predict and score for the replays: one site left out, one division with a Dirichlet test set, and so on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from va_experiments.cell.model_factory import code_digest
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.score import METRIC_SET_VERSION, Scores, score
from va_experiments.metrics.testsets import draw_test_sets
from va_experiments.models.base import Model
from va_experiments.protocols import Split, splits
from va_experiments.reproductions.division_cache import Kept
from va_experiments.reproductions.table import Given
from va_experiments.seeds import content_hash, integer_seed

__all__ = ["Makers", "divisions", "fitted_scores"]

Makers = Mapping[str, Callable[[], Model]]


def fitted_scores(
    make: Callable[[], Model],
    train: Deaths,
    test: Deaths,
    *,
    seed: int,
    n_bootstrap: int = 0,
) -> Scores:
    """Return the scores of a model fitted to `train` and asked about `test`."""
    model = make().fit(train, seed=integer_seed([seed, "fit"]))
    prediction = model.predict(test.without_causes(), seed=integer_seed([seed, "predict"]))
    assert test.cause is not None
    return score(test.cause, prediction, test.causes, n_bootstrap=n_bootstrap, seed=integer_seed([seed, "bootstrap"]))


def divisions(
    makers: Makers,
    deaths: Deaths,
    given: Given,
    *,
    stratified: bool,
    metrics: Sequence[str],
) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Return metrics over random 75/25 divisions of all deaths, each with one Dirichlet(1) test set.

    Each of the test deaths' causes gets a share drawn uniformly over all mixes; deaths are drawn with replacement
    inside causes, as many as were set aside. All models see the same divisions and the same sets, and each is fitted
    and asked anew. The first divisions of many are those of few, whatever the number of processes.

    Returns
    -------
    dict of model to dict of metric to float array, shape (given.resamples,)
    """
    from joblib import Parallel, delayed

    n, seed = given.resamples, given.seed
    parted = splits({"name": "pooled", "repeats": n, "stratified": stratified, "seed": seed}, deaths)
    kept = Kept(given.keep, _key(makers, deaths, stratified=stratified, seed=seed, metrics=metrics))
    done = kept.read()
    left = [k for k in range(n) if k not in done]
    if len(left) < n:
        given.say(f"{n - len(left)} of {n} divisions were done before")
    work = (delayed(_division)(dict(makers), deaths, parted[k], k, seed, tuple(metrics)) for k in left)
    start = time.monotonic()
    for number, (k, found) in enumerate(zip(left, Parallel(given.workers, return_as="generator")(work), strict=True)):
        done[k] = found
        kept.add(k, found)
        each = (time.monotonic() - start) / (number + 1)
        given.say(f"division {n - len(left) + number + 1} of {n}, {each * (len(left) - number - 1):.0f} s left")
    return {name: {m: np.array([done[k][name][m] for k in range(n)]) for m in metrics} for name in makers}


def _division(
    makers: Makers, deaths: Deaths, split: Split, number: int, seed: int, metrics: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the metrics of every model on one division; with one thread, wherever it runs."""
    from threadpoolctl import threadpool_limits

    train, test = (deaths.take(rows) for rows in split.indices(deaths))
    assert test.cause is not None
    drawn = draw_test_sets(
        {"name": "dirichlet", "n_resamples": 1}, test.cause, deaths.causes, seed=integer_seed([seed, number], "sets")
    )
    resampled = test.take(drawn.rows(0))
    figures = {}
    with threadpool_limits(1):
        for name, make in makers.items():
            found = fitted_scores(make, train, resampled, seed=integer_seed([seed, number, name])).values
            figures[name] = {metric: found.get(metric, math.nan) for metric in metrics}
    return figures


def _key(makers: Makers, deaths: Deaths, *, stratified: bool, seed: int, metrics: Sequence[str]) -> str:
    """Return a digest of all that the figures of a division depend on: the data, the design, the models' code."""
    models = {name: make() for name, make in makers.items()}
    return content_hash(
        {
            "data": deaths.fingerprint,
            "stratified": stratified,
            "seed": seed,
            "metrics": [*metrics, METRIC_SET_VERSION],
            "models": {name: [repr(model), code_digest(cast(Hashable, type(model)))] for name, model in models.items()},
        }
    )
