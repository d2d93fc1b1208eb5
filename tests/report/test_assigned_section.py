"""The table of where models disagree has rows of every pair of models."""

from __future__ import annotations

import itertools

import pandas as pd

from va_experiments.report.assigned_section import MOST_DISAGREEMENTS, _disagreements


def test_every_pair_of_models_has_its_most_frequent_differences() -> None:
    pairs = list(itertools.combinations("abc", 2))
    rows = [
        {
            "data": "d",
            "model_a": a,
            "model_b": b,
            "cause_a": "x",
            "cause_b": f"y{k}",
            "deaths": 1 + k,
            "agree": 0.2,
            "of": 99,
        }
        for a, b in pairs
        for k in range(50)
    ]
    table = _disagreements(pd.DataFrame(rows))["table"]
    text = str(table)
    each = MOST_DISAGREEMENTS // len(pairs)
    assert all(text.count(f"{a} and {b}") == each for a, b in pairs)
    assert f"{3 * (50 - each)} more rows" in text
    assert text.index("y49") < text.index("y48")
