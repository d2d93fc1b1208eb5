"""A fit holds at most ten times the symptoms that it was given."""

from __future__ import annotations

import pytest

from benchmarks.memory import MODELS, divided, peaks


@pytest.fixture(scope="module")
def deaths():
    return divided()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.nightly] if name == "insilico" else []) for name in MODELS]
)
def test_memory_of_a_fit(name, deaths):
    memory = peaks(MODELS[name], *deaths)
    assert memory["fit_times"] <= 10
    assert memory["fit_and_predict_times"] <= 10
