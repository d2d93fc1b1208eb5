"""Small multiples by stratum: one axis from 0 to 1, and words where an interval would mean nothing."""

from __future__ import annotations

import json

import pandas as pd

from va_experiments.analysis.strata_tables import STRATA_COLUMNS
from va_experiments.report.charts.strata import strata_figures


def test_all_strata_share_one_axis_and_small_ones_say_so() -> None:
    same = {"model": "nbc", "cause_list": "", "data": "d", "features": "hce", "protocol": "p", "testset": "natural"}
    same["target_labels"] = ""
    rows = [
        {**same, "train_size": "all", "stratum": stratum, "deaths": n, "top1": 0.5, "top1_low": low, "note": note}
        for stratum, n, low, note in (
            ("all", 60, 0.4, ""),
            ("sex=male", 54, 0.4, ""),
            ("sex=female", 6, None, "n too small"),
        )
    ]
    scores = pd.DataFrame(rows).assign(top1_high=[0.6, 0.6, None], mean_ccc=0.1, csmf_accuracy_top=0.5)
    (figure,) = strata_figures(scores.assign(csmf_accuracy_mean=0.5)[list(STRATA_COLUMNS)])
    text = json.dumps(figure.chart.specification(), default=str)
    assert "female (nbc): n too small" in text
    assert '"male (nbc)"' in text
    assert text.count('"domain": [0, 1]') == 2
    assert "1 rows have no interval" in figure.caption
