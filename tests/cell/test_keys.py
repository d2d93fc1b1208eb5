"""What a key counts and what it does not: of a cell, of a fit, and of the seeds."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from va_experiments.cell import Cell, ModelSpec, Setting, cell_key, fit_key
from va_experiments.cell import cell as cell_module
from va_experiments.data.deaths import Deaths
from va_experiments.protocols import splits

NBC = ModelSpec.from_config({"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"})
SETTING = Setting("small", "ab" * 32, "hce", {"name": "natural"}, "model", 20, 1)
KEYS = ("key", "fit_key", "seed_key", "fit_seed_key")


@pytest.fixture
def cell(small_deaths: Deaths) -> Cell:
    return Cell(NBC, splits({"name": "one_to_one", "train_sites": "North"}, small_deaths)[0], SETTING)


def changed_keys(before: Cell, after: Cell) -> set[str]:
    return {name for name in KEYS if getattr(before, name) != getattr(after, name)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fingerprint": "cd" * 32}, set(KEYS)),
        ({"features": "no_hce"}, set(KEYS)),
        ({"seed": 2}, set(KEYS)),
        ({"testset": {"name": "dirichlet", "n_resamples": 5}}, {"key", "seed_key"}),
        ({"csmf": "em"}, {"key", "seed_key"}),
        ({"n_bootstrap": 21}, {"key", "seed_key"}),
        ({"data": "another name"}, set()),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_of_the_setting_a_key_counts(cell: Cell, changes: dict[str, Any], expected: set[str]) -> None:
    assert changed_keys(cell, Cell(NBC, cell.split, dataclasses.replace(SETTING, **changes))) == expected


def test_what_of_the_model_a_key_counts(cell: Cell) -> None:
    for changes, expected in (
        ({"target": "va_experiments.models.priors.Prior"}, set(KEYS)),
        ({"params": {**NBC.params, "alpha": 0.5}}, set(KEYS)),
        ({"code": "0" * 16}, {"key", "fit_key"}),
        ({"name": "another name", "prediction_is_costly": True}, set()),
    ):
        assert changed_keys(cell, Cell(dataclasses.replace(NBC, **changes), cell.split, SETTING)) == expected, changes


def test_the_digest_of_a_model_s_source_is_part_of_its_spec() -> None:
    from va_experiments.cell.code_digest import code_digest
    from va_experiments.models import NaiveBayes

    assert NBC.code.split(" ")[0] == code_digest(NaiveBayes)


def test_what_of_the_split_a_key_counts(cell: Cell, small_deaths: Deaths) -> None:
    same_fit, other_fit = (
        splits({"name": "one_to_one", "train_sites": site}, small_deaths)[1] for site in ("North", "South")
    )
    assert changed_keys(cell, Cell(NBC, same_fit, SETTING)) == {"key", "seed_key"}
    assert changed_keys(cell, Cell(NBC, other_fit, SETTING)) == set(KEYS)


@pytest.mark.parametrize("version", ["METRIC_SET_VERSION", "SCHEMA"])
def test_a_new_version_gives_new_keys_and_the_same_seeds(
    cell: Cell, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: getattr(cell, name) for name in KEYS}
    monkeypatch.setattr(cell_module, version, getattr(cell_module, version) + 1)
    after = Cell(NBC, cell.split, dataclasses.replace(SETTING))
    assert {name for name in KEYS if getattr(after, name) != before[name]} == {"key"}


def test_the_content_lists_all_that_a_key_counts(cell: Cell) -> None:
    from va_experiments.metrics.score import METRIC_SET_VERSION

    assert cell.content["setting"] == {
        "fingerprint": "ab" * 32,
        "features": "hce",
        "testset": {"name": "natural"},
        "csmf": "model",
        "n_bootstrap": 20,
        "seed": 1,
        "metrics": METRIC_SET_VERSION,
        "schema": cell_module.SCHEMA,
    }
    assert cell.content["model"] == {"target": NBC.target, "params": dict(NBC.params), "code": NBC.code}
    assert cell.content["split"] == cell.split.spec()


def test_keys_of_cells_and_fits_are_hashes_of_their_parts() -> None:
    parts = bytes(32), bytes([1] * 32), bytes([2] * 32)
    assert cell_key(*parts) == hashlib.sha256(b"cell" + b"".join(parts)).digest()
    assert fit_key(*parts) == hashlib.sha256(b"fit" + b"".join(parts)).digest()
