"""Look after finished cells: list, show, verify, prune, export, import; bring MLflow up to date with them.

The store under OUTPUTS/checkpoints is the record; MLflow is rebuilt from it, never the other way round.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from typing import Any

from va_experiments.commands.cell_query import StoredCell, add_query, add_store, found, store_of
from va_experiments.errors import InputError, shown
from va_experiments.formatting import format_bytes, format_duration

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True)

    def action(name: str, text: str, *, query: bool = True) -> ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        add_store(sub)
        if query:
            add_query(sub)
        return sub

    sub = action("list", "list finished cells, by model and site, with age and size")
    sub.add_argument("--json", action="store_true", help="print one JSON object a cell")
    sub.add_argument("--by", choices=["cell", "model", "site"], default="cell", help="sum up (default: each cell)")
    sub = action("show", "print all that is recorded of one cell", query=False)
    sub.add_argument("key", metavar="KEY", help="the beginning of its key")
    action("verify", "read every cell again and compare its files with their SHA-256; exit code 3 if one is damaged")
    sub = action("prune", "delete cells; says what would go, and deletes only with --yes")
    sub.add_argument("--yes", action="store_true", help="delete; without it nothing is touched")
    sub.add_argument("--all", action="store_true", help="every cell, where no query is given")
    sub = action("export", "write cells into one file, for another machine")
    sub.add_argument("file", type=Path, metavar="FILE", help="a new .tar file")
    sub = action("import", "take cells from a file that export wrote; each is checked first", query=False)
    sub.add_argument("file", type=Path, metavar="FILE")
    sub = action("sync", "bring MLflow up to date: one finished run for each cell, none twice", query=False)
    sub.add_argument("--uri", metavar="URI", help="tracking server (default: the SQLite file under OUTPUTS)")
    sub.add_argument(
        "--experiment", default="va_experiments", metavar="NAME", help="of MLflow (default: va_experiments)"
    )


def run(options: Namespace) -> int:
    """Do the action."""
    return {
        "list": _list,
        "show": _show,
        "verify": _verify,
        "prune": _prune,
        "export": _export,
        "import": _import,
        "sync": _sync,
    }[options.action](options)


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


def _list(options: Namespace) -> int:
    cells = found(store_of(options), options)
    if options.json:
        for cell in cells:
            print(json.dumps(_row(cell)))
        return 0
    if options.by != "cell":
        name = {"model": "model", "site": "test_site"}[options.by]
        counts, sizes = Counter[str](), Counter[str]()
        for cell in cells:
            counts[getattr(cell, name)] += 1
            sizes[getattr(cell, name)] += cell.bytes
        for key, count in counts.most_common():
            print(f"{key:<24} {count:>8,} cells {format_bytes(sizes[key]):>10}")
    else:
        for cell in sorted(cells, key=lambda c: (c.model, c.test_site, c.key)):
            trained = "+".join(cell.train_sites) or "nothing"
            mark = "  (other library versions)" if cell.older else ""
            print(
                f"{cell.key[:12]} {format_bytes(cell.bytes):>9} {format_duration(cell.age):>11} old  {cell.model} "
                f"{trained} -> {cell.test_site}  {cell.protocol}, {cell.data}{mark}"
            )
    print(f"{len(cells):,} cells, {format_bytes(sum(c.bytes for c in cells))}")
    return 0


def _show(options: Namespace) -> int:
    store = store_of(options)
    keys = sorted(k for k in store.keys() if k.startswith(options.key.lower()))  # noqa: SIM118 (not a mapping)
    if len(keys) != 1:
        raise InputError(f"{len(keys)} cells have a key that begins with {shown(options.key)}; see checkpoints list")
    folder = store.folder(keys[0])
    for name in ("manifest.json", "metrics.json"):
        print(f"{folder / name}\n{(folder / name).read_text(encoding='utf-8')}")
    return 0


def _verify(options: Namespace) -> int:
    from va_experiments.checkpoints import CorruptCell
    from va_experiments.checkpoints.lock import lock_outputs

    store = store_of(options)
    cells, damaged = found(store, options), []
    with lock_outputs(options.outputs):  # a damaged cell is moved away, which a run must not be surprised by
        for cell in cells:
            try:
                store.load(cell.key)
            except CorruptCell as error:
                damaged.append(str(error))
    for text in damaged:
        print(text)
    print(f"{len(cells):,} cells read again, {format_bytes(sum(c.bytes for c in cells))}: {len(damaged)} damaged")
    return 3 if damaged else 0


def _prune(options: Namespace) -> int:
    from va_experiments.checkpoints.lock import lock_outputs

    query = ("model", "site", "protocol", "data", "key", "older_than", "newer_than", "larger_than", "other_versions")
    if not options.all and not any(getattr(options, name) for name in query):
        raise InputError("prune: say which cells (--model, --site, --older-than, ...), or --all for every one")
    store = store_of(options)
    cells = found(store, options)
    text = f"{len(cells):,} cells, {format_bytes(sum(c.bytes for c in cells))}"
    if not cells:
        print("nothing to delete: no cell is chosen by these options; see checkpoints list")
        return 0
    if not options.yes:
        by_model = ", ".join(f"{n} {m}" for m, n in Counter(c.model for c in cells).most_common())
        print(f"would delete {text} ({by_model}); nothing was touched: add --yes to do it")
        return 0
    with lock_outputs(options.outputs):
        for cell in cells:
            store.remove(cell.key)
    print(f"deleted {text}")
    return 0


def _export(options: Namespace) -> int:
    from va_experiments.checkpoints import CorruptCell
    from va_experiments.commands.archive import export_cells

    store = store_of(options)
    cells = found(store, options)
    if not cells:
        raise InputError("export: no cell is chosen by these options; see checkpoints list")
    from va_experiments.checkpoints.lock import lock_outputs

    with lock_outputs(options.outputs):
        try:
            for cell in cells:
                store.load(cell.key)  # nothing damaged leaves this machine
        except CorruptCell as error:
            raise InputError(f"export: {error}; run the command again to export the others") from None
        written = export_cells(cells, options.file)
    print(f"{len(cells):,} cells, {format_bytes(written)}, in {options.file}")
    return 0


def _import(options: Namespace) -> int:
    from va_experiments.checkpoints.lock import lock_outputs
    from va_experiments.commands.archive import import_cells

    if not options.file.is_file():
        raise InputError(f"'{options.file}' is not a file")
    store = store_of(options, must_exist=False)
    with lock_outputs(options.outputs):
        store.open()
        taken, there, refused = import_cells(options.file, store)
    for text in refused:
        print(f"refused: {text}")
    print(f"{taken:,} cells taken in, {there:,} were there already, {len(refused):,} refused")
    return 3 if refused else 0


def _sync(options: Namespace) -> int:
    from va_experiments.commands.sync import sync

    return sync(options, store_of(options))
