"""Every row of ``python -m benchmarks.conformance --section insilico``: statistical tests, 0.1% false alarms each."""

from __future__ import annotations

import pytest

from benchmarks.reference import folds

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _reference(reference_dir):
    """Skip where the reference outputs are not."""


def failing(rows) -> list[str]:
    rows = list(rows)
    assert rows
    return [f"{r['case']}: {r['figure']}: {r['difference']} > {r['tolerance']}" for r in rows if not r["holds"]]


@pytest.mark.nightly
@pytest.mark.parametrize("site", folds("insilico_train"))
def test_train_mode_does_as_the_original(site):
    from benchmarks.conformance_insilico import rows

    assert failing(rows((site,), standard=False, long=False, n_runs=5)) == []


@pytest.mark.nightly
def test_standard_mode_samples_the_posterior_of_the_original():
    from benchmarks.conformance_insilico import rows

    assert failing(rows((), n_runs=5)) == []


@pytest.mark.nightly
def test_the_tests_would_notice_another_posterior():
    """With the prior of the levels a hundred times stronger, the rows of Pemba do not hold."""
    from benchmarks.conformance_insilico import compare
    from benchmarks.insilico_folds import fold_problem, original_runs

    problem, _ = fold_problem("Pemba", "quantile")
    stronger = problem.arrays._replace(prior_a=problem.arrays.prior_a * 100, prior_b=problem.arrays.prior_b * 100)
    object.__setattr__(problem, "arrays", stronger)
    originals = [run.summary for run in original_runs("Pemba")["quantile", 4000]]
    bad = failing(compare("Pemba", problem, originals, 4000, 5, precise=1000))
    assert any("t of the mean CSMF" in text for text in bad)
    assert any("t of the levels" in text for text in bad)


@pytest.mark.nightly
@pytest.mark.skipif("UP" not in folds("insilico_train"), reason="needs the fold UP of the reference outputs")
def test_the_tests_would_notice_exact_levels_where_the_original_holds_them_apart():
    from benchmarks.conformance_insilico import compare
    from benchmarks.insilico_folds import fold_problem, original_runs

    problem, _ = fold_problem("UP", "quantile")
    originals = [run.summary for run in original_runs("UP")["quantile", 4000]]
    bad = failing(compare("UP", problem, originals, 4000, 5, precise=1000, reference_compat=False))
    assert any("t of the levels" in text for text in bad), bad
