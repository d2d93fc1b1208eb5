"""Tables as files: whole or not at all, readable by whom the mask allows, with every value as it was."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from va_experiments.results.table_files import write_csv, write_parquet, write_whole

INDEX = [7, 8, 9]
MIXED = pd.DataFrame(
    {
        "mixed": pd.Series([1, "a", None], dtype=object, index=INDEX),
        "numbers and gaps": pd.Series([1.5, None, float("nan")], dtype=object, index=INDEX),
        "flags": pd.Series([True, None, np.bool_(False)], dtype=object, index=INDEX),
        "text": pd.Series(["a", None, float("nan")], dtype=object, index=INDEX),
        "plain": [1, 2, 3],
    },
    index=INDEX,
)


def test_a_column_of_mixed_values_is_text_in_parquet(tmp_path: Path) -> None:
    write_parquet(MIXED, tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.column_names == list(MIXED), "no index"
    assert table["mixed"].to_pylist() == ["1", "a", None]
    assert table["flags"].to_pylist() == [True, None, False]
    assert table["text"].to_pylist() == ["a", None, None]
    assert table["numbers and gaps"].to_pylist()[:2] == ["1.5", None]
    assert table["plain"].to_pylist() == [1, 2, 3]
    assert MIXED["mixed"].tolist() == [1, "a", None], "the table itself is as it was"


def test_pages_of_parquet_are_compressed_and_have_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[dict[str, object]] = []
    write = pq.write_table
    monkeypatch.setattr(pq, "write_table", lambda t, p, **more: options.append(more) or write(t, p, **more))
    write_parquet(MIXED, tmp_path / "t.parquet")
    assert options == [{"write_page_checksum": True, "compression": "zstd"}]
    assert isinstance(pq.read_table(tmp_path / "t.parquet"), pa.Table)


def test_csv_is_utf8_without_index_and_with_one_line_end(tmp_path: Path) -> None:
    text = pd.Series(["ä", "=1", "\udce9"], index=[5, 6, 7], dtype=object)
    table = pd.DataFrame({"a": text, "b": [0.1 + 0.2, 1.0, 2.0]}, index=[5, 6, 7])
    write_csv(table, tmp_path / "t.csv")
    content = (tmp_path / "t.csv").read_bytes()
    assert content == "a,b\nä,0.30000000000000004\n'=1,1.0\n\\udce9,2.0\n".encode()


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_the_mask_of_the_process_decides_who_may_read(mask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "new" / "deeper" / "t.csv", lambda p: p.write_text("x"))
    finally:
        assert os.umask(before) == mask, "the mask is as it was"
    assert (tmp_path / "new" / "deeper" / "t.csv").stat().st_mode & 0o777 == mode


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path, seen = tmp_path / "t.csv", []
    path.write_text("old")

    def fails(temporary: Path) -> None:
        seen.append(temporary)
        temporary.write_text("half")
        raise OSError("full")

    def removes(temporary: Path) -> None:
        temporary.unlink()
        raise OSError("gone")

    for write, message in ((fails, "full"), (removes, "gone")):
        with pytest.raises(OSError, match=message):
            write_whole(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    assert seen[0].parent == tmp_path
    assert seen[0].name.startswith(".tmp-")
    assert seen[0].suffix == ".csv"
