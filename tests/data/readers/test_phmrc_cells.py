"""Cells of a PHMRC table, however a program has written them, are those of the published file."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.readers.phmrc_cells import as_published


@pytest.mark.parametrize(
    ("written", "separator", "published"),
    [
        ("Yes", ",", "Yes"),
        (" <NA> ", ",", ""),
        ("0,5", ";", "0.5"),
        ("0,5", ",", "0,5"),
        ("1 - Yes", ",", "Yes"),
        ("Don't Know\u200b".encode().decode("latin-1"), ",", "Don't Know\u200b"),
        ("Jos\u00e9".encode().decode("latin-1"), ",", "Jos\u00e9"),
        ("Jos\u00e9", ",", "Jos\u00e9"),
        ("\u2019s", ",", "\u2019s"),
    ],
)
def test_a_cell(written: str, separator: str, published: str) -> None:
    column = CodedColumn(np.zeros(1, dtype=np.int32), [written])
    assert as_published({"x": column}, separator)["x"].values == [published]
