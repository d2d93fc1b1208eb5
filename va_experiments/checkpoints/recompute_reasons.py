"""Find out why cells were recomputed although similar cells are stored.

In: the store and the cells computed in a run. Out: lines for the log. A different parameter or seed needs no
explanation, because the user chose it. Code, data, metric set and key schema can change while the command stays the
same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from va_experiments.checkpoints import Store

__all__ = ["MAX_MANIFESTS", "recompute_reasons"]

MAX_MANIFESTS = 5000
"""Number of stored manifests that are read at most: the newest ones."""

_CHANGES = {
    "code": "version of the model's code",
    "files": "content of a file that a parameter names",
    "fingerprint": "data set",
    "metrics": "metric set",
    "schema": "key schema",
}
"""Part of a cell's content -> how a message names it."""


def recompute_reasons(store: Store, computed: Iterable[Mapping[str, Any]], planned: set[str]) -> list[str]:
    """Return lines such as ``6 cells of nbc recomputed: stored results exist, but for another data set``.

    Parameters
    ----------
    store : Store
    computed : iterable of mapping
        `Cell.content` of the cells computed in this run, each with its model's name as ``"name"``.
    planned : set of str
        Keys of all cells of this run.
    """
    computed_by_choices: dict[str, list[Mapping[str, Any]]] = {}
    for content in computed:
        computed_by_choices.setdefault(_user_choices(content), []).append(content)
    if not computed_by_choices:
        return []
    best: dict[int, tuple[str, ...]] = {}
    for manifest in _stored_contents(store, planned):
        for content in computed_by_choices.get(_user_choices(manifest), ()):
            differ = tuple(k for k in _CHANGES if _part(content, k) != _part(manifest, k))
            if differ and len(differ) < len(best.get(id(content), _CHANGES | {"": ""})):
                best[id(content)] = differ
    contents = {id(c): c for group in computed_by_choices.values() for c in group}
    counts = Counter((str(contents[i]["name"]), differ) for i, differ in best.items())
    lines = []
    for (name, differ), n in sorted(counts.items()):
        other = " and another ".join(_CHANGES[d] for d in differ)
        cells = "cell" if n == 1 else "cells"
        lines.append(f"{n} {cells} of {name} recomputed: stored results exist, but for another {other}")
    return lines


def _part(content: Mapping[str, Any], part: str) -> Any:
    if part == "files":
        return _split_files(content["model"].get("params"))[1]
    return content["model"].get("code") if part == "code" else content["setting"].get(part)


def _user_choices(content: Mapping[str, Any]) -> str:
    """Return the part of a cell's content that the user chose, as text to compare."""
    setting = {k: v for k, v in content["setting"].items() if k not in _CHANGES}
    model = {k: v for k, v in content["model"].items() if k != "code"}
    model["params"], _ = _split_files(model.get("params"))
    return json.dumps([model, content["split"], setting], sort_keys=True, default=list)


def _split_files(params: Any) -> tuple[Any, list[str]]:
    """Return parameters without the digests of the files that they name, and these digests."""
    if not isinstance(params, Mapping):
        return params, []
    if set(params) == {"sha256"}:
        return "a file", [str(params["sha256"])]
    parts = {key: _split_files(value) for key, value in sorted(params.items())}
    return {key: plain for key, (plain, _) in parts.items()}, [d for _, digests in parts.values() for d in digests]


def _stored_contents(store: Store, planned: set[str]) -> Iterable[Mapping[str, Any]]:
    """Yield the contents of stored cells of other runs, without checking them: they serve this message only."""
    folders = [store.folder(key) for key in set(store.keys()) - planned]
    if len(folders) > MAX_MANIFESTS:
        folders = sorted(folders, key=_modified_time)[-MAX_MANIFESTS:]
    for folder in folders:
        try:
            content = json.loads((folder / "manifest.json").read_bytes())["config"]
            if {"model", "split", "setting"} <= set(content):
                yield content
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _modified_time(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
