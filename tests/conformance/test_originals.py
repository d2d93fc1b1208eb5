"""Every row of ``python -m benchmarks.conformance``: ours against the original programs' stored outputs."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.real_data


def failing(rows) -> list[str]:
    rows = list(rows)
    assert rows
    return [f"{r['case']}: {r['figure']}: {r['difference']} > {r['tolerance']}" for r in rows if not r["holds"]]


@pytest.fixture(autouse=True)
def _reference(reference_dir):
    """Skip where the reference outputs are not."""


@pytest.mark.parametrize("site", ["Pemba", "Bohol", "AP"])
@pytest.mark.parametrize("algorithm", ["interva", "nbc", "tariff"])
def test_trained_models_equal_the_originals(algorithm, site):
    from benchmarks import conformance_cases

    assert failing(getattr(conformance_cases, f"{algorithm}_rows")(site)) == []


def test_interva5_equals_the_originals():
    from benchmarks.conformance_cases import interva5_rows

    assert failing(interva5_rows()) == []


def test_eava_gives_every_published_fraction():
    from benchmarks.conformance_eava import PUBLISHED, rows

    assert failing(rows()) == []
    assert sum(len(fractions) for _, fractions in PUBLISHED.values()) == 21


def test_interva_covers_every_conversion_prior_and_figure():
    from benchmarks.conformance_cases import interva_rows

    rows = list(interva_rows("Pemba"))
    for conversion in ("quantile", "fixed", "empirical"):
        for prior in ("uniform", "train"):
            figures = {r["figure"] for r in rows if r["case"] == f"Pemba {conversion} {prior}"}
            assert figures == {"probabilities", "top causes, likelihoods", "CSMF, rule", "CSMF, no rule"}


def test_a_changed_probability_is_noticed():
    """The suite must be able to fail: one cell moved by 1e-6 is a difference."""
    import numpy as np

    from benchmarks.conformance_cases import _row

    a = np.full((3, 3), 1 / 3)
    b = a.copy()
    b[1, 1] += 1e-6
    assert not _row("x", "y", "z", b, a, 1e-9)["holds"]
    assert not _row("x", "y", "z", np.array(["a"]), np.array(["b"]), 0)["holds"]
    assert not _row("x", "y", "z", np.array([np.nan]), np.array([1.0]), 1e-9)["holds"]
    assert _row("x", "y", "z", a, a.copy(), 0.0)["holds"]


def test_only_ties_at_zero_percent_are_left_out_and_they_are_listed():
    import numpy as np
    import pandas as pd

    from benchmarks.conformance_cases import _without_ties_at_zero

    head = ["ID", "CAUSE1", "LIK1", "CAUSE2", "LIK2", "CAUSE3", "LIK3", "INDET"]
    rows = [["d1", "a", "99", "b", "1", "c", "0", " "], ["d2", "a", "60", "b", "40", "c", "0", " "]]
    ours, original = pd.DataFrame(rows, columns=head), pd.DataFrame(rows, columns=head)
    original.loc[0, "CAUSE3"] = original.loc[1, "CAUSE3"] = "d"
    probability = np.array([[0.99, 0.0099, 1e-5, 1e-5 + 1e-15], [0.6, 0.4, 1e-5, 2e-5]])
    keep, note = _without_ties_at_zero(ours, original, probability, ("a", "b", "c", "d"))
    assert np.argwhere(~keep).tolist() == [[0, head.index("CAUSE3")]]
    assert note == "without 1 ties at 0%: d1 CAUSE3 (ours c, the original's d)"
