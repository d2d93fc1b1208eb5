"""A naive Bayes of twenty lines, apart from the package's own, to see whether data are what they should be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths


def _leave_one_site_out(deaths: Deaths) -> dict[str, tuple[float, float]]:
    """Site -> CSMF accuracy by top cause and top-1 of Bernoulli naive Bayes (alpha 1, missing answers skipped)."""
    assert deaths.cause is not None
    x, y, n_causes = deaths.symptoms, deaths.cause, len(deaths.causes)
    result: dict[str, tuple[float, float]] = {}
    for k, site in enumerate(deaths.sites):
        test, train = deaths.site == k, deaths.site != k
        member = np.eye(n_causes)[y[train]]
        yes, no, count = member.T @ (x[train] == 1), member.T @ (x[train] == 0), member.sum(axis=0)
        p = (yes + 1) / (yes + no + 2)
        score = np.log(np.maximum(count, 1e-300)) + (x[test] == 1) @ np.log(p).T + (x[test] == 0) @ np.log1p(-p).T
        top = score.argmax(axis=1)
        truth = np.bincount(y[test], minlength=n_causes) / test.sum()
        estimate = np.bincount(top, minlength=n_causes) / test.sum()
        accuracy = 1 - np.abs(truth - estimate).sum() / (2 * (1 - truth.min()))
        result[site] = (float(accuracy), float((top == y[test]).mean()))
    return result


@pytest.fixture(scope="session")
def leave_one_site_out() -> Callable[[Deaths], dict[str, tuple[float, float]]]:
    """The check as a function."""
    return _leave_one_site_out
