"""The hashes of a run's splits in its manifest: each split by name, none standing for another."""

from __future__ import annotations

import pandas as pd
import pytest

from va_experiments.engine import finalize
from va_experiments.engine.finalize import split_hashes


def cells(*rows: tuple[str, str, str, str, int, int, int, str | None]) -> pd.DataFrame:
    names = ["protocol", "train_sites", "test_site", "train_size", "repeat", "fold", "replicate", "split_sha256"]
    return pd.DataFrame(rows, columns=names).assign(target_labels="")


def test_splits_that_share_a_protocol_and_a_test_site_are_told_apart() -> None:
    table = cells(
        ("one_to_one", "AP", "UP", "all", 0, 0, 0, "a"),
        ("one_to_one", "AP", "UP", "all", 0, 0, 0, "a"),
        ("one_to_one", "Dar", "UP", "all", 0, 0, 0, "b"),
        ("in_domain", "UP", "UP", "share=0.5", 2, 1, 3, "c"),
        ("assign", "", "UP", "all", 0, 0, 0, None),
    )
    assert split_hashes(table) == {
        "one_to_one AP -> UP": "a",
        "one_to_one Dar -> UP": "b",
        "in_domain UP -> UP share=0.5 repeat 2 fold 1 replicate 3": "c",
    }
    assert split_hashes(table.iloc[:0]) == {}


def test_very_many_splits_have_one_hash_that_no_order_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finalize, "MOST_SPLITS", 2)
    table = cells(*(("pooled", "AP", "AP", "all", k, 0, 0, f"{k}") for k in range(4)))
    hashes = split_hashes(table)
    assert hashes == split_hashes(table.iloc[::-1])
    assert list(hashes) == ["4 splits, SHA-256 of their sorted SHA-256"]
    assert hashes != split_hashes(table.assign(split_sha256=["0", "1", "2", "x"]))
