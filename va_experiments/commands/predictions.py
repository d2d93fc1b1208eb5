"""List what each model says of each death: the first three causes by name with their probabilities, and the true cause.

The table is read from the store of finished cells. It names deaths by their ids: keep it where the data may be kept.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from va_experiments.commands.cell_query import Place, store_at
from va_experiments.commands.command_line import App, Command
from va_experiments.commands.run_lookup import RunName, find_run
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.formatting import format_number
from va_experiments.terminal import fitted_widths, is_terminal, say, text_table, window_width

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["app", "predictions"]

MOST_ROWS = 30
"""Rows that are printed; a file has all of them."""

NAME_WIDTH, LEAST_WIDTH = 24, 12
"""Characters of a name in the printed table: at most where no window limits it, at least on one line."""

app = App()


class _Predictions(Command):
    several_values = {"--id": "", "--model": ""}  # noqa: RUF012 (a constant)


@app.action(help=__doc__, cls=_Predictions)
def predictions(
    place: Place,
    run: RunName = None,
    model: Annotated[list[str] | None, typer.Option("--model", metavar="NAME...", help="Only these models.")] = None,
    ids: Annotated[list[str] | None, typer.Option("--id", metavar="ID...", help="Only these deaths.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the whole table to this file.")
    ] = None,
) -> int:
    """Print or write the predictions of a run."""
    from va_experiments.analysis.death_tables import predictions_of_deaths
    from va_experiments.results import load_results
    from va_experiments.results.stored_cells import outputs_of
    from va_experiments.results.table_files import write_csv

    folder = find_run(place.outputs, run)
    place = replace(place, outputs=outputs_of(folder) or place.outputs)
    if not (folder / "cells.parquet").exists():
        raise InputError(f"'{folder}' has no cells.parquet: the run has not ended (see va-experiments status)")
    cells = load_results(folder, unknown="keep")
    known = sorted(set(cells["model"]))
    if problems := [
        f"--model: the run has no model {shown(name)}; known: {', '.join(known)}{did_you_mean(name, known)}"
        for name in model or ()
        if name not in known
    ]:
        raise InputError(problems)
    cells = cells[cells["model"].isin(model)] if model else cells
    table, absent = predictions_of_deaths(cells, store_at(place), ids=ids or ())
    if absent:
        say(f"note: the predictions of {len(absent)} cells are not in the store", file=sys.stderr)
    if not len(table):
        problem = f"no death {', '.join(map(shown, ids))}" if ids else "no finished cells in the store"
        raise InputError(
            f"predictions: {problem}; the command without --id lists deaths" if ids else f"predictions: {problem}"
        )
    if problems := [f"--id: no model was tested on a death {shown(i)}" for i in ids or () if i not in set(table["id"])]:
        raise InputError(problems)
    if csv is not None:
        write_csv(table, csv)
        say(f"{len(table):,} predictions  {csv}")
        return 0
    for line in _lines(table.head(MOST_ROWS)):
        say(line, safe=is_terminal(sys.stdout))
    if len(table) > MOST_ROWS:
        say(f"... and {len(table) - MOST_ROWS:,} more: --csv FILE writes all, --id and --model choose some")
    return 0


def _lines(table: pd.DataFrame) -> list[str]:
    """Return a table of text: a line for each death with its three causes, or three lines where these do not fit."""
    others = [c for c in table.columns if not c.startswith(("cause_", "probability_", "true_cause"))]
    places = [c.removeprefix("cause_") for c in table.columns if c.startswith("cause_")]
    records, width = table.to_dict("records"), window_width()
    head = [*others, *(word for place in places for word in (f"cause {place}", "p")), "true cause"]
    rows = [
        [*(str(row[c]) for c in others), *(w for p in places for w in _cause(row, p)), str(row["true_cause"])]
        for row in records
    ]
    names = [i for i, name in enumerate(head) if name != "p"]
    most: list[int | None] | None = [NAME_WIDTH] * len(head)
    if width is not None:
        most = fitted_widths(head, rows, width, columns=names, least=LEAST_WIDTH)
    if most is None and width is not None:
        head = [*others, "true cause", "", "cause", "p"]
        rows = []
        for row in records:
            death = [*(str(row[c]) for c in others), str(row["true_cause"])]
            for place in places:
                rows.append([*death, place, *_cause(row, place)])
                death = [""] * len(death)
        names = [i for i, name in enumerate(head) if name not in ("", "p")]
        most = fitted_widths(head, rows, width, columns=names)
    style = (lambda number: "bold" if number < 0 else "") if is_terminal(sys.stdout) else None
    return text_table(head, rows, left=names, most=most or (), style=style)


def _cause(row: Mapping[Hashable, Any], place: str) -> list[str]:
    return [str(row[f"cause_{place}"]), format_number(row[f"probability_{place}"], 2)]
