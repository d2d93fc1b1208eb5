"""Archives that no export has written: refused in one line, whatever their headers say."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from va_experiments.checkpoints import Store
from va_experiments.checkpoints.manifest import CELL_FILES
from va_experiments.commands.archive import INDEX, import_cells
from va_experiments.errors import InputError

EMPTY = json.dumps({"schema": 1, "cells": {}}).encode()
KEY = "ab" * 32


def _member(name: str, content: bytes = b"", **more: Any) -> Callable[[tarfile.TarFile], None]:
    def add(archive: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        for key, value in more.items():
            setattr(entry, key, value)
        archive.addfile(entry, io.BytesIO(content))

    return add


INDEXED = _member(INDEX, EMPTY)
FORMS = {
    "device": [_member(INDEX, type=tarfile.CHRTYPE)],
    "pipe": [_member(INDEX, type=tarfile.FIFOTYPE)],
    "link": [INDEXED, _member(f"cells/{KEY}/metrics.json", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
    "hard link": [INDEXED, _member(f"cells/{KEY}/metrics.json", type=tarfile.LNKTYPE, linkname="/etc/passwd")],
    "holes": [_member(INDEX, EMPTY, pax_headers={"GNU.sparse.map": "x,y", "GNU.sparse.size": "zz"})],
    "holes in the content": [
        _member(INDEX, b"no\n", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"})
    ],
    "holes of gigabytes": [
        INDEXED,
        _member(
            f"cells/{KEY}/predictions.parquet",
            pax_headers={"GNU.sparse.map": "2000000000,0", "GNU.sparse.size": "2000000000"},
        ),
    ],
    "index twice": [INDEXED, INDEXED],
    "index with a key twice": [_member(INDEX, b'{"schema": 2, "schema": 1, "cells": {}}')],
    "cell that the index does not name": [INDEXED, *(_member(f"cells/{KEY}/{name}", b"x") for name in CELL_FILES)],
    "file twice": [INDEXED, *[_member(f"cells/{KEY}/metrics.json")] * 2],
    "parts of cells": [INDEXED, *(_member(f"cells/{number:064x}/metrics.json") for number in range(3))],
    "size below nothing": [_member(INDEX, EMPTY, pax_headers={"size": "-5"})],
    "deep": [_member(INDEX, b"[" * 100_000)],
    "another form": [_member(INDEX, b'{"schema": 1, "cells": [1]}')],
    "wide letters": [INDEXED, _member(f"cells/{chr(0xFF41) * 64}/metrics.json")],
    "line end": [INDEXED, _member(f"cells/{KEY}/metrics.json\n")],
    "escape": [INDEXED, _member("\x1b[2Jcells")],
}


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_of_another_form_is_refused(form: str, tmp_path: Path) -> None:
    path, store = tmp_path / "a.tar", Store(tmp_path / "store")
    store.open()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for add in FORMS[form]:
            add(archive)
    with pytest.raises(InputError) as refused:
        import_cells(path, store)
    assert "\x1b" not in str(refused.value)
    assert not list(store.keys())


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(InputError, match="is not a file"):
            import_cells(path, Store(tmp_path / "store"))
