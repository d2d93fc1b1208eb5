"""Fit, predict and score for the reproductions: one test site, or many divisions with Dirichlet test sets."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from va_experiments.cell.code_digest import code_digest
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.score import METRIC_SET_VERSION, Scores, score
from va_experiments.metrics.testsets import draw_test_sets
from va_experiments.models.base import Model
from va_experiments.protocols import Split, splits
from va_experiments.reproductions.division_cache import DivisionCache
from va_experiments.reproductions.table import ReproductionOptions
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
    """Fit a model to `train` and score its prediction for `test`."""
    model = make().fit(train, seed=integer_seed([seed, "fit"]))
    prediction = model.predict(test.without_causes(), seed=integer_seed([seed, "predict"]))
    assert test.cause is not None
    return score(test.cause, prediction, test.causes, n_bootstrap=n_bootstrap, seed=integer_seed([seed, "bootstrap"]))


def divisions(
    makers: Makers,
    deaths: Deaths,
    options: ReproductionOptions,
    *,
    stratified: bool,
    metrics: Sequence[str],
) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Compute metrics over random 75/25 divisions of all deaths, each with one Dirichlet(1) test set.

    Each of the test deaths' causes gets a share drawn uniformly over all mixes; deaths are drawn with replacement
    inside causes, as many as are in the test part. All models get the same divisions and test sets, and each is fitted
    to every division. Division k is the same whatever the number of divisions and processes.

    Returns
    -------
    dict of model to dict of metric to float array, shape (options.resamples,)
    """
    from joblib import Parallel, delayed

    n, seed = options.resamples, options.seed
    parted = splits({"name": "pooled", "repeats": n, "stratified": stratified, "seed": seed}, deaths)
    cache = DivisionCache(options.cache_folder, _key(makers, deaths, stratified=stratified, seed=seed, metrics=metrics))
    done = cache.read()
    left = [k for k in range(n) if k not in done]
    if len(left) < n:
        options.report(f"{n - len(left)} of {n} divisions are finished already")
    work = (delayed(_division)(dict(makers), deaths, parted[k], k, seed, tuple(metrics)) for k in left)
    start = time.monotonic()
    for number, (k, figures) in enumerate(
        zip(left, Parallel(options.workers, return_as="generator")(work), strict=True)
    ):
        done[k] = figures
        cache.add(k, figures)
        each = (time.monotonic() - start) / (number + 1)
        options.report(f"division {n - len(left) + number + 1} of {n}, {each * (len(left) - number - 1):.0f} s left")
    return {name: {m: np.array([done[k][name][m] for k in range(n)]) for m in metrics} for name in makers}


def _division(
    makers: Makers, deaths: Deaths, split: Split, number: int, seed: int, metrics: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Compute the metrics of every model on one division, with one thread."""
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
            values = fitted_scores(make, train, resampled, seed=integer_seed([seed, number, name])).values
            figures[name] = {metric: values.get(metric, math.nan) for metric in metrics}
    return figures


def _key(makers: Makers, deaths: Deaths, *, stratified: bool, seed: int, metrics: Sequence[str]) -> str:
    """Hash everything that the scores of a division depend on: the data, the design, the models' code."""
    models = {name: make() for name, make in makers.items()}
    return content_hash(
        {
            "data": deaths.fingerprint,
            "stratified": stratified,
            "seed": seed,
            "metrics": [*metrics, METRIC_SET_VERSION],
            "models": {
                name: [type(model).__name__, model.get_params(), code_digest(cast(Hashable, type(model)))]
                for name, model in models.items()
            },
        }
    )
