"""Manage finished cells: list, show, verify, prune, export, import; bring MLflow up to date with them.

The store under OUTPUTS/checkpoints is the record; MLflow is rebuilt from it, never the other way round.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from va_experiments.commands.cell_query import Place, Query, StoredCell, find_cells, store_at
from va_experiments.commands.command_line import App
from va_experiments.errors import InputError, shown
from va_experiments.formatting import format_bytes, format_duration
from va_experiments.terminal import is_terminal, say, say_json, terminal_width, text_table

__all__ = ["app"]

app = App(help=__doc__)


class By(StrEnum):
    """What a line of the list is for."""

    CELL = "cell"
    MODEL = "model"
    SITE = "site"


def _row(cell: StoredCell) -> dict[str, Any]:
    return {
        "key": cell.key,
        "model": cell.model,
        "protocol": cell.protocol,
        "train_sites": list(cell.train_sites),
        "test_site": cell.test_site,
        "data": cell.data,
        "bytes": cell.bytes,
        "age_seconds": round(cell.age),
        "other_versions": cell.older,
    }


@app.action("list")
def list_cells(
    place: Place,
    query: Query,
    by: Annotated[By, typer.Option(help="What a line is for.")] = By.CELL,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each cell.")] = False,
) -> int:
    """List finished cells, by model and site, with age and size."""
    cells = find_cells(store_at(place), query)
    if as_json:
        for cell in cells:
            say_json(_row(cell))
        return 0
    _say_table(*(_listed(cells) if by is By.CELL else _summed(cells, by)))
    say(f"{len(cells):,} cells, {format_bytes(sum(c.bytes for c in cells))}")
    return 0


def _listed(cells: Sequence[StoredCell]) -> tuple[list[str], list[list[str]], tuple[int, ...]]:
    """Return headings, rows and the columns that are set left, a row for each cell."""
    head = ["key", "size", "age", "model", "trained on", "tested on", "protocol", "data", ""]
    rows = [
        [
            cell.key[:12],
            format_bytes(cell.bytes),
            format_duration(cell.age),
            cell.model,
            "+".join(cell.train_sites) or "nothing",
            cell.test_site,
            cell.protocol,
            cell.data,
            "other library versions" if cell.older else "",
        ]
        for cell in sorted(cells, key=lambda c: (c.model, c.test_site, c.key))
    ]
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return head, rows, (0, 3, 4, 5, 6, 7, 8)


def _summed(cells: Sequence[StoredCell], by: By) -> tuple[list[str], list[list[str]], tuple[int, ...]]:
    """Return headings, rows and the columns that are set left, a row for each model or site."""
    counts, sizes = Counter[str](), Counter[str]()
    for cell in cells:
        name = cell.model if by is By.MODEL else cell.test_site
        counts[name] += 1
        sizes[name] += cell.bytes
    rows = [[name, f"{count:,}", format_bytes(sizes[name])] for name, count in counts.most_common()]
    return [by.value, "cells", "size"], rows, (0,)


def _say_table(head: list[str], rows: list[list[str]], left: tuple[int, ...]) -> None:
    """Print a table; where the window is narrow, each row goes on in the next line."""
    styled = is_terminal(sys.stdout)
    lines = text_table(head, rows, left=left, style=_style if styled else None)
    if styled and max(map(len, text_table(head, rows, left=left)), default=0) > terminal_width():
        lines = text_table(head, rows, left=left)  # broken by the terminal, colours would run into the next line
    for line in lines if rows else ():
        say(line, safe=styled)


def _style(row: int) -> str:
    return "bold" if row < 0 else ""


@app.action()
def show(place: Place, key: Annotated[str, typer.Argument(metavar="KEY", help="Beginning of its key.")]) -> int:
    """Print all that is recorded of one cell."""
    store = store_at(place)
    keys = sorted(k for k in store.keys() if k.startswith(key.lower()))  # noqa: SIM118 (not a mapping)
    if len(keys) != 1:
        raise InputError(f"{len(keys)} cells have a key that begins with {shown(key)}; see checkpoints list")
    folder = store.folder(keys[0])
    for name in ("manifest.json", "metrics.json"):
        say(f"{folder / name}\n{(folder / name).read_text(encoding='utf-8')}")
    return 0


@app.action()
def verify(place: Place, query: Query) -> int:
    """Read every cell again and compare its files with their SHA-256 and its content with what a result must have.

    Exit code 3 if one is damaged or cannot be used; it is moved to quarantine, with the reason.
    """
    from va_experiments.checkpoints import CorruptCell
    from va_experiments.checkpoints.lock import lock_outputs

    store = store_at(place)
    cells, damaged = find_cells(store, query), []
    with lock_outputs(place.outputs):  # a damaged cell is moved away, which a run must not be surprised by
        for cell in cells:
            try:
                store.load(cell.key, full=True)
            except CorruptCell as error:
                damaged.append(str(error))
    for text in damaged:
        say(text)
    say(f"{len(cells):,} cells read again, {format_bytes(sum(c.bytes for c in cells))}: {len(damaged)} damaged")
    return 3 if damaged else 0


@app.action()
def prune(
    place: Place,
    query: Query,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it nothing is touched.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Every cell, where no query is given.")] = False,
) -> int:
    """Delete cells; says what would go, and deletes only with --yes."""
    from va_experiments.checkpoints.lock import lock_outputs

    if not every and query.empty:
        raise InputError("prune: say which cells (--model, --site, --older-than, ...), or --all for every one")
    store = store_at(place)
    cells = find_cells(store, query)
    text = f"{len(cells):,} cells, {format_bytes(sum(c.bytes for c in cells))}"
    if not cells:
        say("nothing to delete: no cell is chosen by these options; see checkpoints list")
        return 0
    if not yes:
        by_model = ", ".join(f"{n} {m}" for m, n in Counter(c.model for c in cells).most_common())
        say(f"would delete {text} ({by_model}); nothing was touched: add --yes to do it")
        return 0
    with lock_outputs(place.outputs):
        for cell in cells:
            store.remove(cell.key)
    say(f"deleted {text}")
    return 0


@app.action("export")
def export_file(
    place: Place, query: Query, file: Annotated[Path, typer.Argument(metavar="FILE", help="A new .tar file.")]
) -> int:
    """Write cells into one file, for another machine."""
    from va_experiments.checkpoints import CorruptCell
    from va_experiments.commands.archive import export_cells

    store = store_at(place)
    cells = find_cells(store, query)
    if not cells:
        raise InputError("export: no cell is chosen by these options; see checkpoints list")
    from va_experiments.checkpoints.lock import lock_outputs

    with lock_outputs(place.outputs):
        try:
            for cell in cells:
                store.load(cell.key)  # nothing damaged leaves this machine
        except CorruptCell as error:
            raise InputError(f"export: {error}; run the command again to export the others") from None
        written = export_cells(cells, file)
    say(f"{len(cells):,} cells, {format_bytes(written)}, in {file}")
    return 0


@app.action("import")
def import_file(
    place: Place, file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that export wrote.")]
) -> int:
    """Take cells from a file that export wrote: all, or none if one of them is damaged or cannot be used."""
    from va_experiments.checkpoints.lock import lock_outputs
    from va_experiments.commands.archive import import_cells

    if not file.is_file():
        raise InputError(f"'{file}' is not a file")
    store = store_at(place, must_exist=False)
    with lock_outputs(place.outputs):
        store.open()
        imported, n_present, refused = import_cells(file, store)
    for text in refused:
        say(f"refused: {text}")
    say(f"{imported:,} cells taken in, {n_present:,} were there already, {len(refused):,} refused")
    return 3 if refused else 0


@app.action("sync")
def sync_mlflow(
    place: Place,
    uri: Annotated[
        str | None, typer.Option(metavar="URI", help="Tracking server; default: the SQLite file under OUTPUTS.")
    ] = None,
    experiment: Annotated[str, typer.Option(metavar="NAME", help="Experiment of MLflow.")] = "va_experiments",
) -> int:
    """Bring MLflow up to date: one finished run for each cell, none twice."""
    from va_experiments.commands.sync import sync

    return sync(store_at(place), place.outputs, uri=uri, experiment=experiment)
