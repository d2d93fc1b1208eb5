"""Where the loss comes from, for the cells of a run: parts that add up, the cache, and what is left out and why."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from va_experiments.analysis.transfer_loss import DROP_METRICS, losses_of
from va_experiments.cell import Cell, Fit, ModelSpec, Setting, run_fit
from va_experiments.checkpoints import Store
from va_experiments.data.deaths import Deaths
from va_experiments.protocols import splits
from va_experiments.results.cell_outcome import CellOutcome
from va_experiments.results.rows import make_row, make_table

MODELS = {
    "nbc": {"_target_": "va_experiments.models.nbc.NaiveBayes"},
    "insilico": {"_target_": "va_experiments.models.insilico.insilico.InSilicoVA"},
}


def spec(name: str) -> ModelSpec:
    return ModelSpec.from_config({"name": name, **MODELS[name]})


@pytest.fixture
def ran(small_deaths: Deaths, tmp_path: Path) -> Callable[..., tuple[pd.DataFrame, Store]]:
    """Cells of naive Bayes, each site left out, as a run leaves them: a table and a store."""

    def run(protocol: str = "leave_one_site_out") -> tuple[pd.DataFrame, Store]:
        setting = Setting(small_deaths.name, small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 0, 1)
        store = Store(tmp_path / "store")
        store.open()
        rows = []
        for split in splits({"name": protocol}, small_deaths):
            cell = Cell(spec("nbc"), split, setting)
            result = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)[0]
            assert result.failure is None, result.failure
            store.commit(cell, result)
            rows.append(make_row(CellOutcome(cell, result, "r", "", "nbc", True)))
        return make_table(rows), store

    return run


def test_parts_add_up_and_come_from_the_cache(ran: Callable, small_deaths: Deaths, tmp_path: Path) -> None:
    cells, store = ran()
    deaths, cache = {small_deaths.fingerprint: small_deaths}, tmp_path / "cache"
    losses = losses_of(cells, store, deaths, cache)
    drops = losses.drops
    assert drops is not None
    assert "drops" not in losses.notes
    assert set(drops["metric"]) == set(DROP_METRICS)
    assert len(drops) == len(DROP_METRICS) * len(cells)
    parts = drops[["prior_shift", "symptom_shift", "missingness_shift", "label_coverage"]].sum(axis=1)
    np.testing.assert_allclose(parts, drops["home"] - drops["abroad"], atol=1e-12)
    files = sorted(cache.glob("*.json"))
    assert len(files) == len(cells)
    pd.testing.assert_frame_equal(losses_of(cells.sample(frac=1, random_state=1), store, deaths, cache).drops, drops)
    for path in files:  # what is there is taken, however little time there is
        stored = json.loads(path.read_text())
        path.write_text(json.dumps([row | {"home": 2.0} for row in stored]))
    again = losses_of(cells, store, deaths, cache, most_seconds=0.0).drops
    assert again is not None
    assert (again["home"] == 2).all()
    sites = len(small_deaths.sites)
    assert losses.similarity is not None
    assert len(losses.similarity) == sites * (sites - 1) / 2
    assert losses.similarity["auc"].between(0, 1).all()


def test_what_is_left_out_is_said(ran: Callable, small_deaths: Deaths, tmp_path: Path) -> None:
    cells, store = ran()
    deaths = {small_deaths.fingerprint: small_deaths}
    slow = losses_of(cells, store, deaths, tmp_path / "cache", most_seconds=0.0)
    assert slow.drops is None
    assert "nbc (about" in slow.notes["drops"]
    elsewhere = losses_of(cells, store, {}, tmp_path / "cache")
    assert "not here" in elsewhere.notes["drops"]
    joint = dataclasses.replace(spec("insilico"), name="insilico")
    assert joint.estimator().depends_on_test_set
    cell_keys = cells["cell_key"].tolist()
    for key in cell_keys:  # the same cells, as if a joint model had made them
        path = store.folder(key) / "manifest.json"
        stored = store.load(key)
        assert stored is not None
        config = stored.manifest["config"] | {"model": {"target": joint.target, "params": dict(joint.params)}}
        manifest = {k: v for k, v in (stored.manifest | {"config": config}).items() if k != "manifest_sha256"}
        import hashlib

        def text(content: object) -> bytes:
            return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False).encode()

        path.write_bytes(text({**manifest, "manifest_sha256": hashlib.sha256(text(manifest)).hexdigest()}))
    sampled = losses_of(cells, store, deaths, tmp_path / "cache")
    assert "for a death depends on the other deaths of the test set" in sampled.notes["drops"]


def test_nothing_to_split_at_home(ran: Callable, small_deaths: Deaths, tmp_path: Path) -> None:
    cells, store = ran("in_domain")
    losses = losses_of(cells, store, {small_deaths.fingerprint: small_deaths}, tmp_path / "cache")
    assert losses.drops is None
    assert "not trained on" in losses.notes["drops"]
