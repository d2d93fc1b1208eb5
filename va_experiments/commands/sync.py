"""Make the rows of stored cells from their manifests, and bring MLflow up to date with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from va_experiments.cell import Cell, ModelSpec, Setting
from va_experiments.cell.cause_level import CauseLevel
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.commands.run_lookup import read_json, run_folders
from va_experiments.protocols import Split
from va_experiments.results.cell_outcome import CellOutcome
from va_experiments.results.rows import Row, make_row
from va_experiments.terminal import say

__all__ = ["cell_of", "stored_rows", "sync"]


def sync(store: Store, outputs: Path, *, uri: str | None, experiment: str) -> int:
    """Give every stored cell its MLflow run; exit code 3 if a cell is damaged."""
    from va_experiments.checkpoints.lock import lock_outputs
    from va_experiments.tracking.index import Index

    damaged: list[str] = []
    with lock_outputs(outputs):
        index = Index(uri, experiment, outputs)
        added, n_present = index.sync(stored_rows(store, outputs, damaged))
    for text in damaged:
        say(text)
    say(f"{added:,} cells added to MLflow, {n_present:,} were there already, {len(damaged):,} damaged")
    return 3 if damaged else 0


def stored_rows(store: Store, outputs: Path, damaged: list[str]) -> Iterator[tuple[Row, Path]]:
    """Yield the row and the folder of each stored cell, sorted by key; describe damaged cells in `damaged`."""
    simulated = _simulated(outputs)
    for key in sorted(store.keys()):
        try:
            stored = store.load(key)
        except CorruptCell as error:
            damaged.append(str(error))
            continue
        if stored is None:
            continue
        manifest = dict(stored.manifest)
        result = stored.result()
        result.reused = False
        cell = cell_of(manifest)
        data = manifest["data_sha256"]
        known = simulated.get(data, cell.setting.data == "simulated")
        job = f"from the store: {cell.model.name}"
        yield make_row(CellOutcome(cell, result, "", job, cell.model.name, known)), stored.folder


def cell_of(manifest: dict[str, Any]) -> Cell:
    """Return the cell that a manifest describes; its code digest is the recorded one, not today's."""
    config = manifest["config"]
    model, setting = config["model"], config["setting"]
    return Cell(
        ModelSpec(manifest["labels"]["model"], model["target"], model["params"], model["code"]),
        Split.from_spec(config["split"]),
        Setting(
            data=manifest["labels"]["data"],
            fingerprint=setting["fingerprint"],
            features=setting["features"],
            testset=setting["testset"],
            csmf=setting["csmf"],
            n_bootstrap=setting["n_bootstrap"],
            seed=setting["seed"],
            level=_level(manifest),
        ),
    )


def _level(manifest: dict[str, Any]) -> CauseLevel | None:
    tree = manifest["config"]["setting"].get("score_at")
    return None if tree is None else CauseLevel.from_tree({"name": manifest["labels"].get("cause_list", ""), **tree})


def _simulated(outputs: Path) -> dict[str, bool]:
    """Return which data (by SHA-256) the manifests of the runs under `outputs` call simulated."""
    known: dict[str, bool] = {}
    for folder in run_folders(outputs):
        for data in (read_json(folder / "manifest.json") or {}).get("data", []):
            known[str(data["sha256"])] = bool(data["simulated"])
    return known
