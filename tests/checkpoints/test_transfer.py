"""Cells from elsewhere enter the store only if key, manifest and files match."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkpoints.test_store import CELL, KEY, result
from va_experiments.checkpoints import Store
from va_experiments.checkpoints.manifest import CELL_FILES
from va_experiments.checkpoints.transfer import TransferError, transfer_cell


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    """The files of a cell in another store."""
    other = Store(tmp_path / "other")
    other.open()
    other.commit(CELL, result())
    return {name: (other.folder(KEY) / name).read_bytes() for name in CELL_FILES}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.open()
    return store


def test_a_transferred_cell_is_equal_to_the_original(store: Store, contents: dict[str, bytes]) -> None:
    assert transfer_cell(store, KEY, contents.__getitem__)
    assert {name: (store.folder(KEY) / name).read_bytes() for name in CELL_FILES} == contents
    assert not transfer_cell(store, KEY, contents.__getitem__), "it is stored already"


def test_a_cell_under_another_key_is_refused_and_nothing_is_stored(store: Store, contents: dict[str, bytes]) -> None:
    other_key = "0" * 64
    with pytest.raises(TransferError, match=f"cell {other_key[:12]}: its manifest is another cell's"):
        transfer_cell(store, other_key, contents.__getitem__)
    assert list(store.keys()) == []
    assert not [path for path in store.cells.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", CELL_FILES)
def test_a_damaged_file_is_refused(name: str, store: Store, contents: dict[str, bytes]) -> None:
    contents[name] = contents[name][:-2] + b"??"
    with pytest.raises(TransferError):
        transfer_cell(store, KEY, contents.__getitem__)
    assert KEY not in store
