"""List what each model says of each death: the first three causes by name with their probabilities, and the true cause.

The table is read from the store of finished cells. It names deaths by their ids: keep it where the data may be kept.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from va_experiments.commands.cell_query import Place, store_at
from va_experiments.commands.command_line import App, Command
from va_experiments.commands.run_lookup import RunName, find_run
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.formatting import format_number
from va_experiments.terminal import is_terminal, say, text_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["app", "predictions"]

MOST_ROWS = 30
"""Rows that are printed; a file has all of them."""

NAME_WIDTH = 24
"""Characters of a name in the printed table."""

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
    """Return a table of text, each cause with its probability behind it."""
    others = [c for c in table.columns if not c.startswith(("cause_", "probability_", "true_cause"))]
    places = [c.removeprefix("cause_") for c in table.columns if c.startswith("cause_")]
    head = [*others, *(word for place in places for word in (f"cause {place}", "p")), "true cause"]
    rows = [
        [
            *(str(row[c]) for c in others),
            *(
                word
                for place in places
                for word in (str(row[f"cause_{place}"]), format_number(row[f"probability_{place}"], 2))
            ),
            str(row["true_cause"]),
        ]
        for row in table.to_dict("records")
    ]
    left = [i for i, name in enumerate(head) if name != "p"]
    style = (lambda number: "bold" if number < 0 else "") if is_terminal(sys.stdout) else None
    return text_table(head, rows, left=left, most=[NAME_WIDTH] * len(head), style=style)
