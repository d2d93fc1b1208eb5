"""Write an ODK export as a table of InterVA-5's indicators, in the order of its rows.

In: an export of the WHO 2016 questionnaire and the options of its reader. Out: a CSV file with an id and 353 columns of
y, n and ``.``, which InterVA-5, InSilicoVA and ``data=who2016`` read.
"""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from va_experiments.data.eava_columns import DONT_KNOW, EAVA_COLUMNS
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.who2016_odk import Converted, convert_who2016_odk
from va_experiments.data.registry import check_options
from va_experiments.errors import InputError, shown_path

__all__ = ["convert_facts", "convert_text", "write_indicators"]

_ANSWERS = {1: "y", 0: "n", -1: ".", int(DONT_KNOW): "dk"}
_LETTERS = np.array([".", "n", "y"])


def write_indicators(
    path: str | os.PathLike[str], target: str | os.PathLike[str], options: Mapping[str, Any]
) -> Converted:
    """Convert an export and write its indicators.

    Parameters
    ----------
    path : path
        The export.
    target : path
        The CSV file to write; it must not be there yet.
    options : mapping
        Options of ``data=who2016_odk``; ``eava_columns`` true: the columns that EAVA needs are written too.

    Raises
    ------
    InputError
        If the export cannot be read, or the file is there already or cannot be written.
    """
    file = Path(target).expanduser()
    if file.exists():
        raise InputError(f"{shown_path(file)} is there already; name another file, or remove it")
    if not file.parent.is_dir():
        raise InputError(f"{shown_path(file)}: there is no folder {shown_path(file.parent)}; make it first")
    checked = check_options("who2016_odk", {**options, "path": os.fspath(path)})
    checked.pop("label")
    converted = convert_who2016_odk(**checked)
    part = file.with_name(f".{file.name}.part")
    try:
        with open(part, "w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            more = _eava_cells(converted) if options.get("eava_columns") else {}
            writer.writerow(["ID", *read_probbase().indicators, *more])
            letters = _LETTERS[converted.indicators + 1].tolist()
            for k, (name, row) in enumerate(zip(converted.id.tolist(), letters, strict=True)):
                writer.writerow([name, *row, *(cells[k] for cells in more.values())])
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{shown_path(file)} cannot be written ({error.strerror})") from None
    return converted


def _eava_cells(converted: Converted) -> dict[str, list[str]]:
    """Return the columns that EAVA needs as cells: y, n, dk and ``.``, or days."""
    cells: dict[str, list[str]] = {}
    for name in ("age_days", *EAVA_COLUMNS):
        values = converted.covariates[name].tolist()
        if name in ("age_days", "i120c", "i250b"):
            cells["age" if name == "age_days" else name] = ["." if not v >= 0 else f"{v:g}" for v in values]
        else:
            cells[name] = [_ANSWERS[int(v)] for v in values]
    return cells


def convert_facts(converted: Converted, target: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what was written and the ledger, as plain data."""
    ledger = [dataclasses.asdict(entry) for entry in converted.ledger]
    return {"written": os.fspath(target), "deaths": len(converted.id), "ledger": ledger}


def convert_text(converted: Converted, target: str | os.PathLike[str]) -> str:
    """Return what was written and the ledger, as lines for a terminal."""
    known = float((converted.indicators >= 0).mean()) if converted.indicators.size else 0.0
    lines = [
        f"written: {os.fspath(target)}: {len(converted.id):,} deaths, 353 indicators, {known:.0%} of answers known"
    ]
    lines += ["", "ledger:"] if converted.ledger else []
    for entry in converted.ledger:
        examples = f" (such as {', '.join(entry.examples)})" if entry.examples else ""
        lines.append(f"  {entry.action}: {entry.column}: {entry.count:,}: {entry.reason}{examples}")
    return "\n".join(lines)
