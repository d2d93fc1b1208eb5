"""Why cells were computed although the store has the like of them: other code of the model, other data, other metrics.

Parameters and seeds that differ were asked for; these three change behind a command that stayed the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from va_experiments.checkpoints import Store

__all__ = ["MOST_LOOKED_AT", "reasons"]

MOST_LOOKED_AT = 5000
"""Cells of other runs whose manifests are read; with more, only the newest so many are."""

_WORDS = {"code": "code of the model", "fingerprint": "data", "metrics": "metric set", "schema": "format"}


def reasons(store: Store, computed: Iterable[Mapping[str, Any]], planned: set[str]) -> list[str]:
    """Return lines such as ``6 cells of nbc were computed anew: the store has them with other code of the model``.

    Parameters
    ----------
    store : Store
    computed : iterable of mapping
        `Cell.content` of the cells that this run has computed, each with its model's name as ``"name"``.
    planned : set of str
        Keys of this run's own cells.
    """
    wanted: dict[str, list[Mapping[str, Any]]] = {}
    for content in computed:
        wanted.setdefault(_same(content), []).append(content)
    if not wanted:
        return []
    best: dict[int, tuple[str, ...]] = {}
    for manifest in _others(store, planned):
        for content in wanted.get(_same(manifest), ()):
            differ = tuple(k for k in _WORDS if _of(content, k) != _of(manifest, k))
            if differ and len(differ) < len(best.get(id(content), _WORDS | {"": ""})):
                best[id(content)] = differ
    contents = {id(c): c for group in wanted.values() for c in group}
    counts = Counter((str(contents[i]["name"]), differ) for i, differ in best.items())
    lines = []
    for (name, differ), n in sorted(counts.items()):
        other = " and ".join(_WORDS[d] for d in differ)
        lines.append(f"{n} cells of {name} were computed anew: the store has them with other {other}")
    return lines


def _of(content: Mapping[str, Any], part: str) -> Any:
    return content["model"].get("code") if part == "code" else content["setting"].get(part)


def _same(content: Mapping[str, Any]) -> str:
    """Return what two cells have in common that differ in nothing that was asked for."""
    setting = {k: v for k, v in content["setting"].items() if k not in _WORDS}
    model = {k: v for k, v in content["model"].items() if k != "code"}
    return json.dumps([model, content["split"], setting], sort_keys=True, default=list)


def _others(store: Store, planned: set[str]) -> Iterable[Mapping[str, Any]]:
    """Yield the contents of stored cells that are not of this run; they are read for this message only, unchecked."""
    folders = [store.folder(key) for key in set(store.keys()) - planned]
    if len(folders) > MOST_LOOKED_AT:
        folders = sorted(folders, key=_when)[-MOST_LOOKED_AT:]
    for folder in folders:
        try:
            content = json.loads((folder / "manifest.json").read_bytes())["config"]
            if {"model", "split", "setting"} <= set(content):
                yield content
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _when(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
