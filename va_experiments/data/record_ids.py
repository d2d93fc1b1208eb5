"""Make ids for rows and put rows into a canonical order, which does not depend on the order of the file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.decorated import undecorated

__all__ = ["ID_NAMES", "canonical_order", "content_ids", "normal_id"]

ID_NAMES = (
    *("id", "newid", "uuid", "key", "study_id", "death_id", "va_id", "individual_id", "instanceid", "case_id"),
    *("record", "record_id", "record_no", "record_number", "serial", "serial_no", "case", "case_no", "number", "no"),
)
"""What the column of ids is called, in lower case."""


def normal_id(text: str) -> str:
    """Return an id without what does not change it: blanks, quotes, letters that are not seen, ``="001"``, ``'001``."""
    return undecorated(text).removeprefix("'")


def content_ids(table: Mapping[str, CodedColumn]) -> npt.NDArray[np.object_]:
    """Make an id for each row from the SHA-256 of its cells; rows with equal cells are numbered .2, .3, ...

    The order of rows and of columns makes no difference, except among rows with identical cells.
    """
    texts = [table[c].text() for c in sorted(table)]
    made: list[str] = []
    seen: dict[str, int] = {}
    for row in zip(*texts, strict=True):
        key = hashlib.sha256("\x1f".join(row).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        seen[key] = seen.get(key, 0) + 1
        made.append(key if seen[key] == 1 else f"{key}.{seen[key]}")
    return np.array(made, dtype=object)


def canonical_order(ids: npt.NDArray[np.object_]) -> npt.NDArray[np.intp]:
    """Sort rows by id: by number if all ids are whole numbers, else as text."""
    if all(i.isdecimal() and i.isascii() for i in ids):
        return np.array(sorted(range(len(ids)), key=lambda k: (int(ids[k]), ids[k])), dtype=np.intp)
    return np.argsort(ids.astype(np.str_), kind="stable")
