"""Build the report of one or several finished runs again, from their folders or from MLflow.

From folders: RUN is a folder, a name or a part of it; default: the latest. From MLflow (--mlflow, or --uri for another
server): RUN is the name of a multirun; default: the latest. Several RUNs give one report over all of their cells.
Exit code 3: cells are failed or missing, so that some means are not shown.
"""

from __future__ import annotations

import shutil
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from va_experiments.commands.command_line import App
from va_experiments.commands.run_lookup import OUTPUTS, Outputs, find_run
from va_experiments.errors import InputError
from va_experiments.terminal import say, terminal_width

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Options", "app", "report"]

app = App()


@dataclass(frozen=True)
class Options:
    """What the command takes."""

    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs; default: the latest.")] = None
    outputs: Outputs = OUTPUTS
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; default: the run's folder.")] = None
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Show means over incomplete grids, marked.")
    ] = False
    loss_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Seconds for splitting the loss at each site into its parts; default: a fifth of what the cells took, "
            "at least 5 and at most 60.",
        ),
    ] = None
    mlflow: Annotated[bool, typer.Option("--mlflow", help="Read from MLflow under OUTPUTS instead of folders.")] = False
    uri: Annotated[str | None, typer.Option(metavar="URI", help="Read from this MLflow tracking server.")] = None
    experiment: Annotated[str, typer.Option(metavar="NAME", help="Experiment of MLflow.")] = "va_experiments"


@app.action(help=__doc__)
def report(options: Options) -> int:
    """Build the report."""
    import pandas as pd

    remote = options.mlflow or options.uri
    if remote and options.out is None:
        raise InputError("report: say where to write with --out DIR, as the runs have no folder here")
    from va_experiments.report.build import build_report
    from va_experiments.report.inputs import report_content
    from va_experiments.report.legacy_table import write_legacy_table
    from va_experiments.report.saved_inputs import losses_again, saved_tables

    with tempfile.TemporaryDirectory(prefix="va-report-") as scratch:
        tables, manifests, folders = _from_mlflow(options, Path(scratch)) if remote else _from_folders(options)
        saved = saved_tables(folders if remote else [folder / "report" / "tables" for folder in folders])
    if not any(len(t) for t in tables):
        raise InputError("report: these runs have no finished cells")
    if options.out is None and len(folders) > 1:
        raise InputError("report: say where to write a report over several runs with --out DIR")
    cells = pd.concat([t for t in tables if len(t)], ignore_index=True)
    from va_experiments.results.stored_cells import open_store, outputs_of

    outputs = options.outputs if remote else outputs_of(folders[0]) or options.outputs
    root, cache = outputs / "checkpoints", outputs / "cache"
    store = open_store(root) if (root / "cells").is_dir() else None
    losses = losses_again(cells, manifests, store=store, saved=saved, cache=cache, most_seconds=options.loss_seconds)
    content = report_content(
        cells, manifests, store=store, losses=losses, saved=saved, allow_incomplete=options.allow_incomplete
    )
    out = options.out or folders[0]
    paths = build_report(content, out / "report")
    page = out / "report.html"
    shutil.copyfile(paths.html, page)
    if any(m.get("config", {}).get("legacy_table") for m in manifests):
        say(f"table   {write_legacy_table(cells, out)}")
    width = terminal_width()
    for text in paths.skipped:
        say(textwrap.fill(f"left out: {text}", width, subsequent_indent="  "))
    cells = content.cells.sort_values("status").drop_duplicates("cell_key")  # done stands before failed and missing
    failed = int((cells["status"] != "done").sum())
    say(f"{len(cells):,} cells, {failed} failed or missing")
    say(f"report  {page}")
    return 3 if failed else 0


def _from_folders(options: Options) -> tuple[list[pd.DataFrame], list[dict[str, Any]], list[Path]]:
    from va_experiments.report.saved_inputs import read_manifest
    from va_experiments.results import load_results

    folders = list(dict.fromkeys(find_run(options.outputs, name) for name in options.runs or (None,)))
    tables, manifests, problems = [], [], []
    for folder in folders:
        if not (folder / "cells.parquet").exists():
            problems.append(f"'{folder}' has no cells.parquet: the run has not ended (see va-experiments status)")
            continue
        tables.append(load_results(folder, baselines=True, unknown="keep"))
        manifests.append(read_manifest(folder / "manifest.json"))
    if problems:
        raise InputError(problems)
    return tables, [m for m in manifests if m], folders


def _from_mlflow(options: Options, scratch: Path) -> tuple[list[pd.DataFrame], list[dict[str, Any]], list[Path]]:
    from va_experiments.report.saved_inputs import read_manifest
    from va_experiments.results import load_results
    from va_experiments.results.rows import make_table
    from va_experiments.tracking.index import Index

    index = Index(options.uri, options.experiment, options.outputs)
    known = index.multiruns()
    if not known:
        raise InputError(f"MLflow has no multiruns in the experiment '{options.experiment}'")
    tables, manifests, folders = [], [], []
    for number, name in enumerate(options.runs or [known[-1]]):
        matching = list(dict.fromkeys(n for n in known if name in n))
        if len(matching) != 1:
            raise InputError(
                f"{len(matching)} multiruns in MLflow have '{name}' in their name; the latest is {known[-1]}"
            )
        folder = scratch / str(number)
        folder.mkdir()
        paths = {p.stem: p for p in index.tables(matching[0], folder)}
        folders.append(folder)
        if "cells" in paths:
            files = [paths[n] for n in ("cells", "baselines") if n in paths]
            tables.append(load_results(*files, unknown="keep"))
        else:
            tables.append(make_table(index.children(matching[0])))
        if "manifest" in paths:
            manifests.append(read_manifest(paths["manifest"]))
    return tables, manifests, folders
