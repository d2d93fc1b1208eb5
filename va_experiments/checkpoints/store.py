"""Store finished cells on disk, one folder each, named by the cell's key.

``cells/<ab>/<key>/`` holds ``predictions.parquet``, ``metrics.json`` and ``manifest.json``. The folder is built under a
temporary name, its manifest last, and appears by one rename: that is the commit. A reader trusts a cell only if the
manifest parses, its schema is known, and size and SHA-256 of each file match; otherwise the folder is moved to
``quarantine/`` with the reason. Only success is stored; attempts that failed are lines in ``attempts.jsonl``.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from va_experiments.cell import SCHEMA, Cell, Result
from va_experiments.checkpoints.atomic_files import (
    TEMPORARY,
    append_line,
    disk_full,
    fsync_folder,
    is_disk_full,
    read_file,
    write_atomically,
    write_durably,
)
from va_experiments.checkpoints.manifest import (
    FILES,
    MANIFEST,
    NewerSchema,
    checksum_matches,
    make_manifest,
    make_metrics_json,
    parse_json,
    verify_files,
)
from va_experiments.errors import InputError

__all__ = ["CorruptCell", "Store", "Stored"]

_KEY = re.compile(r"[0-9a-f]{64}")
_PROBE = 256 * 1024
"""Bytes that must fit on the disk before anything is computed: a few cells' worth."""


class CorruptCell(ValueError):
    """A stored cell does not match its manifest; it has been moved to quarantine."""


@dataclass(frozen=True)
class Stored:
    """A committed cell, checked against its manifest."""

    key: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    folder: Path

    def predictions(self) -> bytes:
        """Return the bytes of the predictions file."""
        return read_file(self.folder / "predictions.parquet")

    def result(self) -> Result:
        """Return the cell's result as if it had just been computed, without the predictions' bytes."""
        return Result(
            key=self.key,
            metrics=dict(self.metrics["metrics"]),
            per_cause=dict(self.metrics["per_cause"]),
            diagnostics=dict(self.metrics["diagnostics"]),
            facts={**self.manifest["facts"], "versions": dict(self.manifest["versions"])},
            timings=dict(self.manifest["timings"]),
            prediction_sha256=self.manifest["prediction_sha256"],
            attempt=int(self.manifest["attempt"]),
            reused=True,
        )


class Store:
    """The content-addressed store under one folder.

    Parameters
    ----------
    root : Path
        Created on first use, readable by its owner only. No absolute path is written into it: it may be moved.
    find_problem : callable, optional
        Given the parsed manifest and metrics, the predictions (bytes) and ``full=``, describes why the cell
        cannot be used, in empty text if it can; see `va_experiments.results.stored_cells`.
    """

    def __init__(self, root: Path, find_problem: Callable[..., str] | None = None) -> None:
        self.root = root
        self.find_problem: Callable[..., str] = find_problem or (lambda *_, **__: "")
        self.cells = root / "cells"
        self.quarantined = root / "quarantine"

    def open(self) -> None:
        """Create the folders, delete what interrupted commits left, and test that the disk can be written.

        Raises
        ------
        InputError
            If it cannot.
        DiskFull
            If there is no room for a few cells.
        """
        try:
            for folder in (self.root, self.cells, self.quarantined):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for leftover in (
                *self.root.glob(f"{TEMPORARY}*"),
                *self.cells.glob(f"{TEMPORARY}*"),
                *self.cells.glob(f"*/{TEMPORARY}*"),
            ):
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink(missing_ok=True)
            for link in (entry for entry in os.scandir(self.cells) if entry.is_symlink()):
                self._set_aside(Path(link.path), link.name, "a link in place of a folder of cells")
            self._probe()
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(error, f"the store '{self.root}'") from error
            raise InputError(
                f"the store '{self.root}' cannot be written ({error.strerror}): choose another folder with "
                f"checkpoint.path=FOLDER or paths.outputs=FOLDER"
            ) from error

    def _probe(self) -> None:
        folder = self.cells / f"{TEMPORARY}probe-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        try:
            for name in FILES:
                write_atomically(folder / name, b"\0" * (_PROBE // len(FILES)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def folder(self, key: str) -> Path:
        """Return the folder of the cell `key`, whether or not it exists."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a cell key: {key!r}")
        return self.cells / key[:2] / key

    def keys(self) -> Iterator[str]:
        """Yield the keys of all committed cells, in no particular order, without opening them."""
        if not self.cells.is_dir():
            return
        for prefix in os.scandir(self.cells):
            if prefix.is_dir(follow_symlinks=False):
                for entry in os.scandir(prefix.path):
                    if _KEY.fullmatch(entry.name) and (entry.is_dir(follow_symlinks=False) or entry.is_symlink()):
                        yield entry.name

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and (self.folder(key).is_dir() or self.folder(key).is_symlink())

    def commit(self, cell: Cell, result: Result) -> bool:
        """Store a finished cell; return False if it was stored before with the same predictions.

        Raises
        ------
        OSError
            If the disk is full or cannot be written; nothing is left behind.
        CorruptCell
            If the stored predictions differ from these: the computation is not deterministic. The stored ones stay.
        """
        final = self.folder(result.key)
        files = {"predictions.parquet": result.predictions, "metrics.json": make_metrics_json(result)}
        manifest = make_manifest(cell, result, files)
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = final.parent / f"{TEMPORARY}{result.key[:16]}-{secrets.token_hex(4)}"
        temporary.mkdir(mode=0o700)
        try:
            for name, content in files.items():
                write_durably(temporary / name, content)
            write_durably(temporary / MANIFEST, manifest)
            fsync_folder(temporary)
            temporary.rename(final)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST) and final.is_dir():
                return self._compare_with_stored(cell, result)
            raise
        fsync_folder(final.parent)
        return True

    def _compare_with_stored(self, cell: Cell, result: Result) -> bool:
        try:
            stored = self.load(result.key)
        except CorruptCell:  # moved to quarantine: this result replaces it
            return self.commit(cell, result)
        if stored is not None and stored.manifest["prediction_sha256"] != result.prediction_sha256:
            raise CorruptCell(
                f"cell {result.key[:12]} was computed again with other predictions than the stored ones "
                f"({stored.manifest['versions']} then): the model is not deterministic, or a library has changed"
            )
        return False

    def load(self, key: str, *, check: bool = True, full: bool = False) -> Stored | None:
        """Load a cell and check it against its manifest; return None if it is not stored.

        Parameters
        ----------
        key : str
        check : bool
            Compare the SHA-256 of its files and the form of their content too.
        full : bool
            Compare the values of the predictions too.

        Raises
        ------
        CorruptCell
            If it does not match its manifest; it has then been moved to quarantine and can be computed again.
        NewerSchema
        """
        folder = self.folder(key)
        if not folder.is_dir() and not folder.is_symlink():
            return None
        try:
            if folder.is_symlink():
                raise ValueError("its folder is a link")
            raw = read_file(os.path.join(folder, MANIFEST))
            manifest = parse_json(raw)
            schema = manifest["schema"]
            intact = checksum_matches(raw, manifest)
            if isinstance(schema, int) and schema > SCHEMA and intact:
                raise NewerSchema(
                    f"cell {key[:12]} has schema {schema}, this version knows {SCHEMA}: update va_experiments, "
                    f"or choose another store with checkpoint.path=FOLDER"
                )
            if not intact:  # also a flipped bit that still parses, as in 1e-05 and 1E-05
                raise ValueError("manifest.json does not match its own checksum")
            read = verify_files(folder, key, manifest, contents=check)
            metrics = parse_json(read.get("metrics.json") or read_file(folder / "metrics.json"))
            if check and (problem := self.find_problem(manifest, metrics, read[FILES[0]], full=full)):
                raise ValueError(problem)
            return Stored(key, manifest, metrics, folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}"
            self.quarantine(key, reason)
            raise CorruptCell(
                f"cell {key[:12]} is damaged ({reason}); moved to quarantine, to be computed again"
            ) from None

    def quarantine(self, key: str, reason: str) -> None:
        """Move a damaged cell to the quarantine folder and record the reason; of a link, the link itself."""
        self._set_aside(self.folder(key), key, reason)

    def _set_aside(self, path: Path, key: str, reason: str) -> None:
        self.quarantined.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self.quarantined / f"{key}-{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(2)}"
        path.rename(target)
        append_line(
            self.quarantined / "reasons.jsonl", json.dumps({"key": key, "folder": target.name, "reason": reason})
        )

    def remove(self, key: str) -> None:
        """Delete a cell. It is renamed first, so that no reader sees a part of it."""
        folder = self.folder(key)
        deleted = folder.parent / f"{TEMPORARY}{key[:16]}-{secrets.token_hex(4)}"
        folder.rename(deleted)
        shutil.rmtree(deleted)

    def record_attempt(self, key: str, record: Mapping[str, Any]) -> None:
        """Append the outcome of one attempt to ``attempts.jsonl``."""
        append_line(self.root / "attempts.jsonl", json.dumps({"key": key, "time": time.time(), **record}))

    def attempts(self) -> Iterator[dict[str, Any]]:
        """Yield the recorded attempts, oldest first; skip lines that a crash cut short."""
        try:
            with open(self.root / "attempts.jsonl", encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        yield json.loads(line)
                    except ValueError:
                        continue
        except FileNotFoundError:
            return
