"""Compare what went into two runs: configuration, data, code, versions of libraries, splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

__all__ = ["COLUMNS", "changed_code", "input_differences"]

COLUMNS = ("kind", "what", "first", "second")
"""Columns of `input_differences`."""

NOT_COMPARED = ("paths.", "alert.")
"""Options that do not affect results: where a run is written, and who is notified."""

MOST_SPLITS = 20
"""Splits with other deaths that are named; the others are counted."""


def input_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row for each input in which two runs differ.

    Parameters
    ----------
    first, second : mapping
        Content of the runs' ``manifest.json``.

    Returns
    -------
    DataFrame
        ``kind`` is configuration, data, code, version, machine or split; ``first`` and ``second`` are the values in
        words, several jobs' values with commas, ``-`` where there is none.
    """
    rows = [
        *_different("configuration", _configuration(first), _configuration(second)),
        *_different("data", _data(first), _data(second)),
        *_different("code", {"va-experiments": str(first.get("code"))}, {"va-experiments": str(second.get("code"))}),
        *_different("version", _versions(first), _versions(second)),
        *_different("machine", _flat(first.get("hardware", {})), _flat(second.get("hardware", {}))),
        *_splits(first.get("splits", {}), second.get("splits", {})),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def changed_code(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the models that have the same parameters in both runs and another digest: their source code has changed.

    Parameters
    ----------
    first, second : DataFrame
        Cells of the runs, with ``model``, ``model_params`` and ``model_digest``.

    Returns
    -------
    DataFrame
        As `input_differences`; ``kind`` is code.
    """
    a, b = (
        t[["model", "model_params", "model_digest"]].dropna().drop_duplicates(["model", "model_params"])
        for t in (first, second)
    )
    both = a.merge(b, on=["model", "model_params"], suffixes=("_first", "_second"))
    rows = [
        ("code", f"model {model}", str(one), str(two))
        for model, one, two in zip(both["model"], both["model_digest_first"], both["model_digest_second"], strict=True)
        if str(one) != str(two)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _different(kind: str, a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    for name in sorted({*a, *b}):
        if a.get(name) != b.get(name):
            yield kind, name, a.get(name, "-"), b.get(name, "-")


def _flat(tree: Any, path: str = "") -> dict[str, str]:
    """Return the leaves of a tree by their paths with dots; a list is one leaf."""
    if isinstance(tree, Mapping):
        return {k: v for key, value in tree.items() for k, v in _flat(value, f"{path}.{key}" if path else key).items()}
    return {path: str(tree)}


def _configuration(manifest: Mapping[str, Any]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for tree in (manifest.get("config", {}), *(job.get("config", {}) for job in manifest.get("jobs", ()))):
        for key, value in _flat(tree).items():
            if not key.startswith(NOT_COMPARED) and value not in values.setdefault(key, []):
                values[key].append(value)
    return {key: ", ".join(sorted(texts)) for key, texts in values.items()}


def _data(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(data["name"]): f"{data['deaths']:,} deaths, {data['symptoms']} symptoms, {data['causes']} causes, "
        f"SHA-256 {str(data['sha256'])[:12]}"
        for data in manifest.get("data", ())
    }


def _versions(manifest: Mapping[str, Any]) -> dict[str, str]:
    versions = {**manifest.get("versions", {}), **manifest.get("frameworks", {})}
    return {str(k): str(v) for k, v in versions.items() if k not in ("machine", "va-experiments")}


def _splits(a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    other = sorted(name for name in a.keys() & b.keys() if a[name] != b[name])
    for name in other[:MOST_SPLITS]:
        yield "split", name, a[name][:12], b[name][:12]
    if len(other) > MOST_SPLITS:
        yield "split", f"{len(other) - MOST_SPLITS} more with other deaths", "", ""
    if len(a.keys() - b.keys()) or len(b.keys() - a.keys()):
        yield "split", "splits of one run only", str(len(a.keys() - b.keys())), str(len(b.keys() - a.keys()))
