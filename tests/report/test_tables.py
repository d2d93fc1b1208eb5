"""Files of tables: formulas escaped, numbers exact, flipped bits noticed, LaTeX and Word readable."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.analysis.test_leaderboard import board_of, cells_of
from va_experiments.report.tables import latex, published, write_tables, write_word
from va_experiments.results.table_files import write_csv, write_parquet, write_whole

EVIL = pd.DataFrame(
    {
        "text": ["=cmd|'/c calc'!A1", "+1", "-1", "@sum", "\tx", "\rx", "safe", None],
        "number": [-1.5, 0.1 + 0.2, np.nan, 1e-300, 5, 6, 7, 8],
    }
)


def test_text_that_a_spreadsheet_would_run_is_quoted_and_numbers_are_not(tmp_path):
    write_csv(EVIL, tmp_path / "t.csv")
    back = pd.read_csv(tmp_path / "t.csv", dtype={"text": str}, lineterminator="\n")
    assert back["text"].tolist()[:7] == ["'=cmd|'/c calc'!A1", "'+1", "'-1", "'@sum", "'\tx", "'\rx", "safe"]
    assert back["number"].iloc[:2].tolist() == [-1.5, 0.1 + 0.2]


def test_column_names_are_escaped_too(tmp_path):
    write_csv(pd.DataFrame({"=1+1": [1]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().startswith("'=1+1")


def test_parquet_keeps_text_as_it_is_and_notices_a_flipped_bit(tmp_path):
    path = tmp_path / "t.parquet"
    table = pd.concat([EVIL] * 200, ignore_index=True).assign(mixed=[True, None, "x", 3] * 400)
    write_parquet(table, path)
    assert pq.read_table(path, page_checksum_verification=True)["text"][0].as_py() == EVIL["text"][0]
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    with pytest.raises((OSError, pa.ArrowException)):
        pq.read_table(path, page_checksum_verification=True)


def test_published_table_marks_trivial_rows_and_says_what_the_interval_is():
    caption, table = published(board_of(cells_of(nbc=[0.7, 0.8, 0.9], prior=[0.6, 0.7, None])))
    assert "95% logit-t over 3 sites" in caption
    assert table["Model"].tolist() == ["nbc", "prior (baseline)"]
    assert table["Mean"].tolist() == [".800", "2 of 3 cells: no mean"]


def test_latex_escapes_what_latex_would_read():
    text = latex(("50% of a_b & c", pd.DataFrame({"Model": ["x_1 \\ {y} ~^#$"], "Mean": [".7"]})), "t")
    assert r"50\% of a\_b \& c" in text
    assert r"x\_1 \textbackslash{} \{y\} \textasciitilde{}\textasciicircum{}\#\$ & .7 \\" in text
    assert text.count(r"\begin{tabular}{lr}") == 1


def test_word_document_holds_the_table(tmp_path):
    docx = pytest.importorskip("docx", reason="needs python-docx: pip install 'va-experiments[word]'")
    write_word([("caption\x00", pd.DataFrame({"Model": ["nbc"], "Mean": [".7"]}))], tmp_path / "t.docx", "title")
    grid = docx.Document(str(tmp_path / "t.docx")).tables[0]
    assert [c.text for row in grid.rows for c in row.cells] == ["Model", "Mean", "nbc", ".7"]


def test_without_python_docx_the_word_file_is_left_out_in_words(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    board = board_of(cells_of(nbc=[0.7]))
    paths, skipped = write_tables({"a": EVIL}, {"b": published(board)}, tmp_path, "t")
    assert set(paths) == {"a.csv", "a.parquet", "tables.tex"}
    assert "pip install 'va-experiments[word]'" in skipped[0]
    assert {p.name for p in tmp_path.iterdir()} == set(paths)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("old")

    def broken(p):
        p.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, broken)
    assert [p.name for p in tmp_path.iterdir()] == ["t.txt"]
    assert path.read_text() == "old"
