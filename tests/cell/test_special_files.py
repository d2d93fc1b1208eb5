"""Pipes, devices and files of the kernel in every option that names a file end in words, before anything is read."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.in_process import elsewhere, run_here
from tests.marks import first_of_each_kind


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.csv")
    return folder / "pipe.csv"


def _link(folder: Path) -> Path:
    (folder / "link.csv").symlink_to("/dev/zero")
    return folder / "link.csv"


FILES: dict[str, Callable[[Path], Path]] = {
    "device": lambda folder: Path("/dev/zero"),
    "file of the kernel": lambda folder: Path("/proc/self/status"),
    "file of the kernel's devices": lambda folder: Path("/sys/kernel/mm/transparent_hugepage/enabled"),
    "pipe": _pipe,
    "link to a device": _link,
}
OPTIONS: dict[str, tuple[str, ...]] = {
    "data.path": ("model=nbc", "data=csv", "data.path={}"),
    "phmrc": ("model=nbc", "data=phmrc_adult", "data.path={}"),
    "who2016": ("model=interva5", "data=who2016", "data.path={}"),
    "odk": ("model=interva5", "data=who2016_odk", "data.path={}"),
    "probbase": ("model=interva5", "data=who2016", "model.probbase={}"),
    "predictions": ("model=predictions", "model.path={}"),
    "cause map": ("model=predictions", "model.path=/etc/hostname", "model.cause_map={}"),
    "matrix": ("model=nbc", "csmf=vacalibration", "calibration.matrix={}"),
}
SAYS = ("regular file", "file of the kernel", "no file", "no such file", "cannot be opened")


@pytest.mark.parametrize(
    ("what", "option"),
    first_of_each_kind(
        [*((what, option) for what in ("device", "file of the kernel", "pipe") for option in OPTIONS)]
        + [(what, "data.path") for what in ("file of the kernel's devices", "link to a device")],
        lambda case: case[0],
    ),
)
def test_what_is_no_file_on_a_disk_is_refused(what: str, option: str, tmp_path: Path) -> None:
    path = FILES[what](tmp_path)
    if not path.exists():
        pytest.skip(f"this machine has no {path}")
    with elsewhere():
        code, output = run_here([*(word.format(path) for word in OPTIONS[option]), "dry_run=true"])
    assert code == 2, output
    assert "Traceback" not in output
    assert any(words in output for words in SAYS), output


@pytest.mark.parametrize("what", ["device", "file of the kernel", "pipe"])
def test_a_configuration_that_is_no_file_on_a_disk_is_refused(what: str, tmp_path: Path) -> None:
    """Hydra would wait for a pipe, and read a device without end."""
    (tmp_path / "conf" / "model").mkdir(parents=True)
    path = FILES[what](tmp_path)
    if not path.exists():
        pytest.skip(f"this machine has no {path}")
    (tmp_path / "conf" / "model" / "mine.yaml").symlink_to(path)
    with elsewhere():
        code, output = run_here(["--config-dir", str(tmp_path / "conf"), "model=mine", "dry_run=true"])
    assert code == 2, output
    assert "Traceback" not in output
    assert any(words in output for words in (*SAYS, "is a pipe, socket or device; expected a file of YAML")), output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gzip.compress(bytes(80 << 20), mtime=0), "expands to more than 64 MB"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "damaged or no gzip file"),
        (b"no gzip", "damaged or no gzip file"),
    ],
    ids=["bomb", "cut", "no gzip"],
)
def test_an_archive_as_probbase_is_held_to_limits(content: bytes, says: str, tmp_path: Path) -> None:
    from va_experiments.data.probbase import read_probbase
    from va_experiments.errors import InputError

    (tmp_path / "probbase.csv.gz").write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_probbase(tmp_path / "probbase.csv.gz")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00", b'"' + b"x" * 200_000 + b'",\n'])
def test_a_matrix_that_is_no_table_is_refused(content: bytes, tmp_path: Path) -> None:
    from va_experiments.cell.calibration import _read_matrix
    from va_experiments.errors import InputError

    (tmp_path / "matrix.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"is empty|no CSV file|is missing"):
        _read_matrix(tmp_path / "matrix.csv", ["A", "B"])
