"""Fit, predict and score for the replays: one site left out, one division with a Dirichlet test set, and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.metrics.score import Scores, score
from va_experiments.metrics.testsets import draw_test_sets
from va_experiments.models.base import Model
from va_experiments.protocols import splits
from va_experiments.seeds import integer_seed

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
    n: int,
    *,
    stratified: bool,
    seed: int,
    metrics: Sequence[str],
    say: Callable[[str], None],
) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Return metrics over `n` random 75/25 divisions of all deaths, each with one Dirichlet(1) test set.

    Each of the test deaths' causes gets a share drawn uniformly over all mixes; deaths are drawn with replacement
    inside causes, as many as were set aside. All models see the same divisions and the same sets, and each is fitted
    and asked anew.

    Returns
    -------
    dict of model to dict of metric to float array, shape (n,)
    """
    protocol = {"name": "pooled", "repeats": n, "stratified": stratified, "seed": seed}
    values: dict[str, dict[str, list[float]]] = {name: {m: [] for m in metrics} for name in makers}
    for k, split in enumerate(splits(protocol, deaths)):
        train, test = (deaths.take(rows) for rows in split.indices(deaths))
        assert test.cause is not None
        drawn = draw_test_sets(
            {"name": "dirichlet", "n_resamples": 1}, test.cause, deaths.causes, seed=integer_seed([seed, k], "sets")
        )
        resampled = test.take(drawn.rows(0))
        for name, make in makers.items():
            found = fitted_scores(make, train, resampled, seed=integer_seed([seed, k, name]))
            for metric in metrics:
                values[name][metric].append(found.values.get(metric, float("nan")))
        say(f"division {k + 1} of {n}")
    return {name: {m: np.array(v) for m, v in by.items()} for name, by in values.items()}
