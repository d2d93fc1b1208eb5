"""Reasons for recomputing cells although similar ones are stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from va_experiments.checkpoints import Store
from va_experiments.checkpoints.recompute_reasons import recompute_reasons


def content(name: str = "nbc", code: str = "1", data: str = "a", level: int = 0, metrics: int = 3) -> dict[str, Any]:
    return {
        "name": name,
        "model": {"target": f"models.{name}", "params": {"level": level}, "code": code},
        "split": {"protocol": "leave_one_site_out", "test_site": "AP"},
        "setting": {"fingerprint": data, "metrics": metrics, "schema": 1, "seed": 1},
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    for number, old in enumerate((content(), content(level=1), content("prior", code="2", data="b"))):
        key = f"{number:064x}"
        store.folder(key).mkdir(parents=True)
        (store.folder(key) / "manifest.json").write_text(json.dumps({"config": old}))
    (store.folder("f" * 64)).mkdir(parents=True)
    (store.folder("f" * 64) / "manifest.json").write_text("{")
    return store


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (content(code="9"), "version of the model's code"),
        (content(data="z"), "data set"),
        (content(data="z", metrics=4), "data set and another metric set"),
        (content(level=2), None),
        (content("other"), None),
    ],
)
def test_the_reason_names_what_changed(new: dict[str, Any], expected: str | None, store: Store) -> None:
    line = f"1 cell of nbc recomputed: stored results exist, but for another {expected}"
    assert recompute_reasons(store, [new], {"a" * 64}) == ([line] if expected else [])


def test_cells_of_this_run_are_no_reason_and_nothing_computed_reads_nothing(store: Store) -> None:
    assert recompute_reasons(store, [content(code="9")], {f"{n:064x}" for n in range(3)}) == []
    assert recompute_reasons(store, [], set()) == []


def test_an_edited_file_of_a_model_is_the_reason(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old, new = content("interva5"), content("interva5")
    for cell, digest in ((old, "aa"), (new, "bb")):
        cell["model"]["params"] = {"probbase": {"sha256": digest}, "hiv": "h"}
    key = f"{1:064x}"
    store.folder(key).mkdir(parents=True)
    (store.folder(key) / "manifest.json").write_text(json.dumps({"config": old}))
    (line,) = recompute_reasons(store, [new], {"a" * 64})
    assert line.endswith("but for another content of a file that a parameter names")
    new["model"]["params"]["hiv"] = "l"
    assert recompute_reasons(store, [new], {"a" * 64}) == [], "the user chose another parameter"
