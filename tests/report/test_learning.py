"""A learning curve goes over the sites that have every size."""

from __future__ import annotations

import pytest

from tests.fake_content import fake_content
from va_experiments.analysis.leaderboard import leaderboards
from va_experiments.analysis.run_tables import checked_cells
from va_experiments.report.charts.learning import learning_curve_figure
from va_experiments.report.charts.style import specification

METRIC = "csmf_accuracy_top"


def _figure(small_at: set[str]):
    """The curve of cells of which those trained on a quarter are at the sites `small_at` alone."""
    content = fake_content(failures=0, sizes=("all", "share=0.25"), sites=("AP", "Bohol", "Mexico", "UP"))
    cells = checked_cells(content)
    cells = cells[(cells["train_size"] == "all") | cells["test_site"].isin(small_at)]
    return learning_curve_figure(leaderboards(cells, METRIC), cells), cells


@pytest.mark.parametrize("small_at", [{"AP"}, {"AP", "UP"}, {"AP", "Bohol", "Mexico", "UP"}])
def test_only_sites_with_every_size_count(small_at):
    figure, cells = _figure(small_at)
    (rows,) = specification(figure.chart)["datasets"].values()
    common = cells[cells["test_site"].isin(small_at) & (cells["train_size"] == "all")]
    for model, of_size in common.groupby("model"):
        top = max((r for r in rows if r["model"].startswith(str(model))), key=lambda r: r["n_train"])
        assert top["mean"] == pytest.approx(of_size.groupby("test_site")[METRIC].mean().mean(), abs=1e-4)
    assert ("AP alone has every size" in figure.caption) == (small_at == {"AP"})
    assert ("AP, UP alone have every size" in figure.caption) == (small_at == {"AP", "UP"})
    assert ("95% logit-t intervals over sites" in figure.caption) == (len(small_at) > 2)
