"""The store trusts only cells that are byte for byte what was committed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from va_experiments.cell import SCHEMA, Result
from va_experiments.checkpoints import CorruptCell, DiskFull, Locked, NewerSchema, PartialStates, Store, lock_outputs
from va_experiments.checkpoints import atomic_files as files_module
from va_experiments.checkpoints.atomic_files import append_line, is_disk_full, write_atomically
from va_experiments.checkpoints.manifest import json_bytes
from va_experiments.errors import InputError

KEY = hashlib.sha256(b"a cell").hexdigest()
CELL: Any = SimpleNamespace(
    content={"model": {"params": {"rate": 1e-05}}},
    model=SimpleNamespace(name="toy"),
    setting=SimpleNamespace(cause_list="", data="simulated", fingerprint="f" * 64, seed=1),
)


def result(sha: str = "1" * 64) -> Result:
    return Result(
        key=KEY,
        metrics={"top1": 0.5, "none": float("nan")},
        facts={"n_test": 3, "versions": {"numpy": "2"}},
        timings={"fit_seconds": 1e-05},
        predictions=b"parquet" * 20,
        prediction_sha256=sha,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    stored = Store(tmp_path / "checkpoints")
    stored.open()
    assert stored.commit(CELL, result())
    return stored


def test_a_committed_cell_is_loaded_unchanged(store: Store) -> None:
    stored = store.load(KEY)
    assert stored is not None
    back = stored.result()
    assert (back.metrics, back.reused) == ({"top1": 0.5, "none": None}, True)
    assert list(store.keys()) == [KEY]
    assert not store.commit(CELL, result()), "the same predictions again change nothing"


@pytest.mark.parametrize("name", ["", "manifest.json", "metrics.json", "predictions.parquet"])
def test_a_link_in_place_of_a_cell_or_a_file_of_it_goes_to_quarantine(store: Store, name: str) -> None:
    path = store.folder(KEY) / name
    elsewhere = path.rename(store.root.parent / "elsewhere")
    path.symlink_to(elsewhere)
    assert list(store.keys()) == [KEY]
    with pytest.raises(CorruptCell, match="is a link"):
        store.load(KEY)
    assert elsewhere.exists()
    assert store.commit(CELL, result())
    assert store.load(KEY)


def test_a_link_in_place_of_a_folder_of_cells_is_set_aside_at_the_next_start(store: Store) -> None:
    folder = store.folder(KEY).parent
    elsewhere = folder.rename(store.root.parent / "elsewhere")
    folder.symlink_to(elsewhere)
    store.open()
    assert KEY not in store
    assert (elsewhere / KEY).is_dir()
    assert "a link in place of a folder of cells" in (store.quarantined / "reasons.jsonl").read_text()
    assert store.commit(CELL, result())


def test_a_key_twice_in_a_manifest_that_is_sealed_again_is_found(store: Store) -> None:
    path = store.folder(KEY) / "manifest.json"
    lines = path.read_bytes().split(b"\n")
    seal = next(n for n, line in enumerate(lines) if b"manifest_sha256" in line)
    lines.insert(seal + 2, b' "seed": 7,')
    body = b"\n".join(line for n, line in enumerate(lines) if n != seal)
    lines[seal] = f' "manifest_sha256": "{hashlib.sha256(body).hexdigest()}",'.encode()
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(CorruptCell, match="'seed' is there twice"):
        store.load(KEY)


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "predictions.parquet"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(store: Store, name: str) -> None:
    path = store.folder(KEY) / name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(CorruptCell, match="moved to quarantine"):
        store.load(KEY)
    assert list(store.keys()) == []


@pytest.mark.parametrize(
    "name", [pytest.param("manifest.json", marks=pytest.mark.slow), "metrics.json", "predictions.parquet"]
)
def test_every_flipped_bit_is_found(store: Store, name: str) -> None:
    path = store.folder(KEY) / name
    right = path.read_bytes()
    silent = []
    store.quarantine = lambda key, reason: None  # type: ignore[method-assign]  # leave it where it is, to flip the next
    for place in range(len(right)):
        for bit in range(8):
            wrong = bytearray(right)
            wrong[place] ^= 1 << bit
            path.write_bytes(wrong)
            try:
                store.load(KEY)
            except CorruptCell:
                continue
            silent.append((place, bit))
    assert silent == []
    path.write_bytes(right)
    assert store.load(KEY) is not None


def test_a_damaged_cell_goes_to_quarantine_with_its_reason_and_can_be_committed_again(store: Store) -> None:
    (store.folder(KEY) / "metrics.json").write_bytes(b"{}")
    with pytest.raises(CorruptCell, match="moved to quarantine"):
        store.load(KEY)
    assert KEY not in store
    reasons = (store.quarantined / "reasons.jsonl").read_text()
    assert json.loads(reasons)["reason"].startswith("ValueError: metrics.json has 2 bytes")
    assert store.commit(CELL, result())


def test_a_fresh_result_replaces_a_damaged_cell(store: Store) -> None:
    (store.folder(KEY) / "metrics.json").write_bytes(b"{}")
    assert store.commit(CELL, result("2" * 64))
    stored = store.load(KEY)
    assert stored is not None
    assert stored.manifest["prediction_sha256"] == "2" * 64


def test_other_predictions_for_the_same_cell_are_refused_and_the_stored_ones_stay(store: Store) -> None:
    with pytest.raises(CorruptCell, match="other predictions"):
        store.commit(CELL, result("2" * 64))
    stored = store.load(KEY)
    assert stored is not None
    assert stored.manifest["prediction_sha256"] == "1" * 64


def test_a_newer_schema_stops_and_is_left_alone_but_a_flipped_digit_is_damage(store: Store) -> None:
    path = store.folder(KEY) / "manifest.json"
    right = json.loads(path.read_bytes())
    path.write_bytes(json_bytes({**right, "schema": SCHEMA + 1}))
    with pytest.raises(CorruptCell):
        store.load(KEY)
    store.commit(CELL, result())
    body = {k: v for k, v in right.items() if k != "manifest_sha256"} | {"schema": SCHEMA + 1}
    path.write_bytes(json_bytes({**body, "manifest_sha256": hashlib.sha256(json_bytes(body)).hexdigest()}))
    with pytest.raises(NewerSchema, match="update va_experiments"):
        store.load(KEY)
    assert KEY in store


def test_files_of_interrupted_writes_are_deleted_at_start(store: Store) -> None:
    left = [store.root / ".tmp-costs", store.cells / ".tmp-probe-x", store.folder(KEY).parent / ".tmp-0123"]
    left[0].write_bytes(b"")
    for folder in left[1:]:
        folder.mkdir()
    store.open()
    assert not [path for path in left if path.exists()]
    assert KEY in store


def test_a_full_disk_is_reported_before_anything_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("va_experiments.checkpoints.store.write_atomically", full)
    with pytest.raises(DiskFull, match="full"):
        Store(tmp_path / "c").open()

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("va_experiments.checkpoints.store.write_atomically", forbidden)
    with pytest.raises(InputError, match=r"checkpoint\.path"):
        Store(tmp_path / "d").open()


def test_a_failed_commit_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.remove(KEY)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        store.commit(CELL, result())
    assert is_disk_full(caught.value)
    assert not [p for p in store.cells.rglob("*") if p.is_file()]


def test_a_line_cut_short_loses_only_itself(store: Store) -> None:
    store.record_attempt(KEY, {"attempt": 1})
    path = store.root / "attempts.jsonl"
    with open(path, "a") as file:
        file.write('{"key": "torn", "ti')
    store.record_attempt(KEY, {"attempt": 2})
    assert [a["attempt"] for a in store.attempts()] == [1, 2]


def test_an_append_that_does_not_fit_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(files_module.os, "write", lambda fd, content: write(fd, content[:3]))
    with pytest.raises(OSError, match="No space"):
        append_line(tmp_path / "lines", "a long line")


def test_files_are_for_their_owner_only(store: Store) -> None:
    modes = {stat.S_IMODE(p.stat().st_mode) & 0o077 for p in store.folder(KEY).iterdir()}
    assert modes == {0}


def test_states_come_back_intact_or_not_at_all(tmp_path: Path) -> None:
    states = PartialStates(tmp_path / "states")
    states.save(KEY, b"state")
    assert states.load(KEY) == b"state"
    path = tmp_path / "states" / f"{KEY}.state"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert states.load(KEY) is None
    assert not path.exists()
    states.save(KEY, b"state")
    states.delete_finished(set())
    assert states.load(KEY) == b"state"
    states.delete_finished({KEY})
    assert states.load(KEY) is None


def test_a_state_that_cannot_be_written_gives_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "states").write_text("a file in the way")
    states = PartialStates(tmp_path / "states")
    states.save(KEY, b"state")
    states.save(KEY, b"state")
    assert len(caplog.records) == 1
    assert states.load(KEY) is None


def test_an_atomic_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"old")]


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    with lock_outputs(tmp_path), pytest.raises(Locked, match=f"process {os.getpid()} on"), lock_outputs(tmp_path):
        pass
    with lock_outputs(tmp_path):
        pass


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "is full: free some space first"),
        (errno.EDQUOT, "your quota of the disk is used up"),
        (errno.EFBIG, "the limit on the size of a file is reached: raise it (ulimit -f)"),
    ],
)
def test_what_is_used_up_is_named(number: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Store, "_probe", fail)
    with pytest.raises(DiskFull, match=re.escape(message)):
        Store(tmp_path / "store").open()
    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(DiskFull, match=re.escape(message)), lock_outputs(tmp_path):
        pass
