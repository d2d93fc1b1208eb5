"""Why cells are computed although the store has the like of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from va_experiments.checkpoints import Store
from va_experiments.checkpoints.recompute_reasons import reasons


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
        (content(code="9"), "code of the model"),
        (content(data="z"), "data"),
        (content(data="z", metrics=4), "data and metric set"),
        (content(level=2), None),
        (content("other"), None),
    ],
)
def test_the_reason_is_what_nobody_asked_for(new: dict[str, Any], expected: str | None, store: Store) -> None:
    said = f"1 cells of nbc were computed anew: the store has them with other {expected}"
    assert reasons(store, [new], {"a" * 64}) == ([said] if expected else [])


def test_cells_of_this_run_are_no_reason_and_nothing_computed_reads_nothing(store: Store) -> None:
    assert reasons(store, [content(code="9")], {f"{n:064x}" for n in range(3)}) == []
    assert reasons(store, [], set()) == []
