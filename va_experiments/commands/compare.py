"""Compare finished runs: what differs in configuration, data, code, versions and splits, and what that did to results.

The first RUN is compared with each of the others, cell by cell, on the same deaths. --out DIR writes a page and all
figures. Exit code 3 with --fail-if worse: a model of a later run is worse by more than --tolerance in one of the
metrics, and the interval of the difference leaves out zero. With --fail-if different: a prediction differs.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from va_experiments.commands.command_line import App, Command
from va_experiments.commands.run_lookup import OUTPUTS, Outputs, find_run
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.terminal import say, text_table

if TYPE_CHECKING:
    import pandas as pd

    from va_experiments.analysis.run_diff import RunDiff

__all__ = ["app", "check_metrics", "compare", "finished_cells"]

NAME_WIDTH = 48
"""Characters of a text in the printed tables."""

app = App()


class FailIf(StrEnum):
    """When the exit code is 3."""

    NEVER = "never"
    WORSE = "worse"
    DIFFERENT = "different"


class _Compare(Command):
    several_values = {"--metric": ""}  # noqa: RUF012 (a constant)


@app.action(help=__doc__, cls=_Compare)
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Names, parts of names, or folders.")],
    outputs: Outputs = OUTPUTS,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME...", help="Metrics to show and judge by; default: main."),
    ] = None,
    fail_if: Annotated[FailIf, typer.Option("--fail-if", help="When the exit code is 3.")] = FailIf.NEVER,
    tolerance: Annotated[float, typer.Option(metavar="X", help="Differences up to this are not worse.")] = 0.0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write compare.html and tables here.")] = None,
) -> int:
    """Compare runs and print what differs."""
    import pandas as pd

    from va_experiments.analysis.run_diff import compare_runs, worse_models
    from va_experiments.analysis.run_inputs import changed_code, input_differences
    from va_experiments.metrics.registry import DEFAULT_METRIC
    from va_experiments.report.run_diff_page import diff_tables, write_diff
    from va_experiments.report.saved_inputs import read_manifest
    from va_experiments.results.schema import MAIN_METRICS

    if len(runs) < 2:
        raise InputError("compare: name two runs or more; va-experiments status shows the latest")
    if tolerance < 0:
        raise InputError(f"--tolerance must be 0 or more; got {tolerance:g}")
    metrics = check_metrics(metric or ())
    folders = [find_run(outputs, name) for name in runs]
    tables = [finished_cells(folder) for folder in folders]
    manifests = [read_manifest(folder / "manifest.json") for folder in folders]
    failed = False
    for folder, cells, manifest in list(zip(folders, tables, manifests, strict=True))[1:]:
        diff = compare_runs(tables[0], cells, metric=metrics[0] if metrics else DEFAULT_METRIC)
        inputs = pd.concat(
            [input_differences(manifests[0], manifest), changed_code(tables[0], cells)], ignore_index=True
        )
        title = f"{_name(folders[0])} and {_name(folder)}"
        worse = worse_models(diff.tests, metrics or MAIN_METRICS, tolerance)
        lines = _summary(diff, worse)
        say(f"{title}\n")
        for line in lines:
            say(line)
        for table in diff_tables(diff, inputs, metrics):
            say(f"\n{table.title}")
            for line in text_table(table.head, table.rows, left=table.left, most=[NAME_WIDTH] * len(table.head)):
                say(line)
            if table.note:
                say(table.note)
        say()
        if out is not None:
            place = out if len(folders) == 2 else out / _name(folder).replace("/", "_")
            say(f"page    {write_diff(diff, inputs, place, title=title, summary=lines, metrics=metrics)}")
        different = not diff.cells["same_prediction"].all() or diff.only_first > 0 or diff.only_second > 0
        failed |= (fail_if is FailIf.WORSE and len(worse) > 0) or (fail_if is FailIf.DIFFERENT and different)
    return 3 if failed else 0


def finished_cells(folder: Path) -> pd.DataFrame:
    """Return the cells of a run that has ended, with those of its baselines."""
    from va_experiments.results import load_results

    if not (folder / "cells.parquet").exists():
        raise InputError(f"'{folder}' has no cells.parquet: the run has not ended (see va-experiments status)")
    cells = load_results(folder, baselines=True, unknown="keep")
    if not (cells["status"] == "done").any():
        raise InputError(f"'{folder}' has no finished cells")
    return cells


def check_metrics(names: list[str] | tuple[str, ...]) -> list[str]:
    """Return the names of metrics; those that do not exist are an error."""
    from va_experiments.metrics.registry import known_metrics

    known = list(known_metrics())
    if problems := [f"--metric: unknown {shown(n)}{did_you_mean(n, known)}" for n in names if n not in known]:
        raise InputError(problems, hint=f"known metrics: {', '.join(known)}")
    return list(names)


def _name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _summary(diff: RunDiff, worse: pd.DataFrame) -> list[str]:
    """Return the result in a few sentences."""
    from va_experiments.metrics.registry import metric_label

    cells = diff.cells
    equal, other = int(cells["same_prediction"].sum()), int((~cells["same_deaths"]).sum())
    lines = [f"{len(cells):,} cells in both runs, {equal:,} of them with the same predictions to the last bit."]
    if diff.only_first or diff.only_second:
        lines.append(f"{diff.only_first:,} cells only in the first run, {diff.only_second:,} only in the second.")
    if other:
        lines.append(f"{other:,} cells were trained or tested on other deaths: listed, but not tested.")
    if len(worse):
        named = ", ".join(f"{r.label} ({metric_label(str(r.metric))} {r.difference:+.3f})" for r in worse.itertuples())
        lines.append(f"Worse in the second run: {named}.")
    else:
        lines.append("No model is worse in the second run, as far as the intervals show.")
    return lines
