"""LCVA on the simulated deaths of its package: top-1 and CSMF accuracy of an independent implementation, within .01."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _reference(reference_dir):
    """Skip where the reference outputs are not."""


@pytest.mark.nightly
def test_simulated_deaths():
    from benchmarks.reference import REFERENCE
    from va_experiments.reproductions.lcva_simulated import EXPECTED, simulated_rows

    rows = simulated_rows(REFERENCE / "lcva", tuple(EXPECTED))
    for target, (top, accuracy) in EXPECTED.items():
        assert rows[target][0] == pytest.approx(top, abs=0.01)
        assert rows[target][1] == pytest.approx(accuracy, abs=0.01)
    assert rows["copy of the training mix"][1] == pytest.approx(0.431, abs=0.001)
