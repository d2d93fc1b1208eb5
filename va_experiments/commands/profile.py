"""Show where a run's time went: parallel efficiency, cost by model, slowest cells, critical path."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from va_experiments.commands.command_line import App
from va_experiments.commands.run_lookup import OUTPUTS, Outputs, RunName, find_run
from va_experiments.errors import InputError
from va_experiments.terminal import is_terminal, say, terminal_width

__all__ = ["app", "profile"]

app = App()


@app.action(help=__doc__)
def profile(
    run: RunName = None,
    outputs: Outputs = OUTPUTS,
    n: Annotated[int, typer.Option("-n", metavar="N", help="How many cells are listed.")] = 10,
) -> int:
    """Print the profile."""
    if n < 1:
        raise InputError(f"-n must be 1 or more; got {n}")
    folder = find_run(outputs, run)
    path = folder / "cells.parquet"
    if not path.exists():
        raise InputError(f"'{folder}' has no cells.parquet: the run has not ended (see va-experiments status)")
    from va_experiments.report import profile_text
    from va_experiments.results import load_results

    cells = load_results(folder, baselines=True, unknown="keep")
    styled = is_terminal(sys.stdout)
    say(f"run {folder.parent.name}/{folder.name}\n")
    say(profile_text(cells, terminal_width(), n=n, styled=styled), safe=styled)
    return 0
