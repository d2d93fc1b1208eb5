"""Manifests: their own checksum, the files that they list, and the checks of a cell from elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoints.test_store import CELL, KEY, result
from va_experiments.cell import SCHEMA
from va_experiments.checkpoints import NewerSchema
from va_experiments.checkpoints.manifest import (
    CELL_FILES,
    FILES,
    checksum_matches,
    find_file_problem,
    json_bytes,
    make_manifest,
    make_metrics_json,
    verify_files,
)


@pytest.fixture
def contents() -> dict[str, bytes]:
    files = {"predictions.parquet": result().predictions, "metrics.json": make_metrics_json(result())}
    return {**files, "manifest.json": make_manifest(CELL, result(), files)}


def signed(body: dict[str, Any]) -> bytes:
    """Return a manifest with the checksum of its body."""
    body = {k: v for k, v in body.items() if k != "manifest_sha256"}
    return json_bytes({**body, "manifest_sha256": hashlib.sha256(json_bytes(body)).hexdigest()})


def test_a_manifest_lists_every_file_with_its_checksum_and_size(contents: dict[str, bytes]) -> None:
    manifest = json.loads(contents["manifest.json"])
    assert (manifest["cell_id"], manifest["schema"]) == (KEY, SCHEMA)
    assert tuple(contents) == CELL_FILES
    for name in FILES:
        expected = {"sha256": hashlib.sha256(contents[name]).hexdigest(), "bytes": len(contents[name])}
        assert manifest["files"][name] == expected


def test_missing_numbers_are_null_in_metrics_json(contents: dict[str, bytes]) -> None:
    assert json.loads(contents["metrics.json"])["metrics"] == {"top1": 0.5, "none": None}


def test_any_changed_byte_of_a_manifest_breaks_its_checksum(contents: dict[str, bytes]) -> None:
    raw = contents["manifest.json"]
    manifest = json.loads(raw)
    assert checksum_matches(raw, manifest)
    for changed in (raw + b"\n", raw.replace(b"1e-05", b"1E-05"), raw.replace(b'"attempt"', b'"attempts"')):
        assert changed != raw
        assert not checksum_matches(changed, manifest)


def test_files_must_have_the_recorded_key_size_and_checksum(contents: dict[str, bytes], tmp_path: Path) -> None:
    manifest = json.loads(contents["manifest.json"])
    for name in FILES:
        (tmp_path / name).write_bytes(contents[name])
    verify_files(tmp_path, KEY, manifest, contents=True)
    with pytest.raises(ValueError, match=f"the manifest is of cell {KEY[:12]}"):
        verify_files(tmp_path, "0" * 64, manifest, contents=True)
    (tmp_path / "metrics.json").write_bytes(contents["metrics.json"][:-1] + b"?")
    verify_files(tmp_path, KEY, manifest, contents=False)  # the size is the same
    with pytest.raises(ValueError, match=r"metrics\.json does not match its SHA-256"):
        verify_files(tmp_path, KEY, manifest, contents=True)
    (tmp_path / "metrics.json").write_bytes(b"")
    with pytest.raises(ValueError, match=r"metrics\.json has 0 bytes"):
        verify_files(tmp_path, KEY, manifest, contents=False)


def test_problems_of_a_cell_from_elsewhere_are_named(contents: dict[str, bytes]) -> None:
    raw = contents["manifest.json"]
    assert find_file_problem(raw, KEY, contents) == ""
    assert find_file_problem(raw, "0" * 64, contents).startswith("its manifest is another cell's")
    assert find_file_problem(b"{", KEY, contents).startswith("its manifest cannot be read (JSONDecodeError")
    damaged = {**contents, "predictions.parquet": b"other"}
    assert find_file_problem(raw, KEY, damaged) == "predictions.parquet does not match its SHA-256"
    with pytest.raises(NewerSchema, match="update va_experiments"):
        find_file_problem(signed({**json.loads(raw), "schema": SCHEMA + 1}), KEY, contents)
