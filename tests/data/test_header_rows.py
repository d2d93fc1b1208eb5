"""The header is found among rows that are no deaths; what is not certain stays as it is."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from va_experiments.data.header_rows import HeaderRows, find_header
from va_experiments.data.text_source import open_source

NAMES = ["id", "site", "s1", "s2", "age"]
LABELS = ["Number", "Place", "Any cough?", "Any fever?", "Age at\ndeath"]
DEATHS = [[f"d{k}", "AB"[k % 2], "YN"[k % 3 > 0], "NY"[k % 4 > 1], str(20 + k)] for k in range(14)]


@pytest.mark.parametrize(
    ("rows", "above", "labels"),
    [
        ([NAMES], 0, 0),
        ([NAMES, LABELS], 0, 1),
        ([NAMES, LABELS, [f'{{"ImportId": "{n}"}}' for n in NAMES]], 0, 2),
        ([LABELS, NAMES], 1, 0),
        ([["Our study"], ["", ""], NAMES], 2, 0),
        ([["Person", "", "Signs", "", ""], NAMES], 1, 0),
        ([NAMES, ["", "", "yes/no", "yes/no", "years"]], 0, 0),  # units: not certain
        ([["d99", "C", "Y", "N", "30"]], 0, 0),
    ],
)
def test_the_header_is_found(rows: list[list[str]], above: int, labels: int) -> None:
    header = find_header([*rows, *DEATHS])
    assert (header.above, header.labels) == (above, labels)
    assert len(header.notes) == above + bool(labels)


def test_few_deaths_leave_a_row_of_labels_in_doubt() -> None:
    assert find_header([NAMES, LABELS, *DEATHS[:6]]) == HeaderRows()


def test_lines_are_counted_behind_labels_with_line_breaks(tmp_path: Path) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([NAMES, LABELS, *DEATHS])
    path = tmp_path / "study.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8")
    source = open_source(path)
    assert source.header == tuple(NAMES)
    assert source.lines_of([1, 2, 3]) == [1, 4, 5]  # the labels stand on lines 2 and 3
