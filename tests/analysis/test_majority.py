"""The baseline that names the commonest training cause, derived from `prior`, equals the model that is fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from va_experiments.analysis.majority import with_majority
from va_experiments.data.readers.simulated import simulate_deaths
from va_experiments.metrics.score import score
from va_experiments.models import Majority, Prior


def row(key, model, values):
    named = {"cell_key": key, "model": model, "label": model, "model_params": "{}", "status": "done", "trivial": True}
    return named | values


def test_it_equals_the_fitted_model():
    deaths = simulate_deaths(400, seed=3)
    train, test = deaths.take(np.arange(250)), deaths.take(np.arange(250, 400))
    scores = {}
    for model in (Prior, Majority):
        prediction = model().fit(train).predict(test.without_causes(), seed=1)
        scores[model] = score(test.cause, prediction, deaths.causes, n_bootstrap=0)
    cells = pd.DataFrame([row("p", "prior", scores[Prior].values)])
    table = scores[Prior].per_cause
    causes = pd.DataFrame({"cell_key": "p", "cause": deaths.causes, **table})
    scored = with_majority(cells, causes).set_index("model").loc["majority"]
    for metric in ("top1", "mean_ccc", "csmf_accuracy_top", "csmf_accuracy_model"):
        assert scored[metric] == pytest.approx(scores[Majority].values[metric]), metric
    assert np.isnan(scored["log_loss"])


def test_a_run_that_has_it_keeps_its_own():
    cells = pd.DataFrame([row("p", "prior", {"top1": 0.1}), row("m", "majority", {"top1": 0.2})])
    causes = pd.DataFrame({"cell_key": "p", "cause": ["a"], "n_true": [3.0], "csmf_mean": [1.0]})
    assert with_majority(cells, causes) is cells
    assert with_majority(cells, None) is cells
