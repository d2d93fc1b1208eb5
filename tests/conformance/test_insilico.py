"""Every row of ``python -m benchmarks.conformance --section insilico``: statistical tests, 0.1% false alarms each."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _reference(reference_dir):
    """Skip where the reference outputs are not."""


def failing(rows) -> list[str]:
    assert rows
    return [f"{r['case']}: {r['figure']}: {r['difference']} > {r['tolerance']}" for r in rows if not r["holds"]]


@pytest.mark.parametrize("site", ["Pemba", "Bohol", "AP"])
def test_train_mode_samples_the_posterior_of_the_original(site):
    from benchmarks.conformance_insilico import rows

    assert failing(rows((site,), standard=False, long=False, n_runs=5)) == []


def test_standard_mode_samples_the_posterior_of_the_original():
    from benchmarks.conformance_insilico import rows

    assert failing(rows((), n_runs=5)) == []


def test_the_tests_would_notice_another_posterior(monkeypatch):
    """With the prior of the levels a hundred times stronger, the rows of Pemba do not hold."""
    import benchmarks.conformance_insilico as module

    build = module.build_problem
    monkeypatch.setattr(
        module, "build_problem", lambda s, **k: build(s, **{**k, **({"levels_strength": 1.0} if "level" in k else {})})
    )
    monkeypatch.setattr(module, "_RUNS", {k: v for k, v in module._RUNS.items() if k == ("Pemba", "quantile")})
    bad = failing(module.rows(("Pemba",), standard=False, long=False, n_runs=5))
    assert any("t of the mean CSMF" in text for text in bad)
