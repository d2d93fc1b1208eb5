"""Show where a run's time went: parallel efficiency, cost by model, slowest cells, critical path."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser, Namespace

from va_experiments.commands.run_lookup import add_outputs, find_run
from va_experiments.errors import InputError

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="name (or a part of it) or folder; default: the latest")
    add_outputs(parser)
    parser.add_argument("-n", type=int, default=10, metavar="N", help="how many cells are listed (default: 10)")


def run(options: Namespace) -> int:
    """Print the profile."""
    if options.n < 1:
        raise InputError(f"-n must be 1 or more; got {options.n}")
    folder = find_run(options.outputs, options.run)
    path = folder / "cells.parquet"
    if not path.exists():
        raise InputError(f"'{folder}' has no cells.parquet: the run has not ended (see va-experiments status)")
    from va_experiments.report import profile_text
    from va_experiments.results import load_results

    cells = load_results(folder, baselines=True, unknown="keep")
    print(f"run {folder.parent.name}/{folder.name}\n")
    print(profile_text(cells, shutil.get_terminal_size((100, 24)).columns, n=options.n))
    return 0
