"""Reproduce a published table and print it beside the published figures."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from va_experiments.errors import InputError
from va_experiments.reproductions.registry import REPRODUCTIONS, reproduction_of
from va_experiments.reproductions.table import ReproductionOptions, markdown

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    names = "; ".join(f"{name}: {text}" for name, text in REPRODUCTIONS.items())
    parser.add_argument("name", metavar="NAME", help=f"{names}; or 'all'")
    parser.add_argument("--data", metavar="FILE", help="PHMRC adult file, or its folder (default: VA_PHMRC_DIR)")
    parser.add_argument(
        "--resamples",
        type=int,
        default=20,
        metavar="N",
        help="number of divisions, with one test set each; the publications have 500 (default: %(default)s); models "
        "are "
        "fitted to each",
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="number of processes (default: 1)")
    parser.add_argument(
        "--outputs",
        default="outputs/reproductions",
        metavar="FOLDER",
        help="finished divisions are stored here, so that the same command can continue (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--write", metavar="FOLDER", help="also write NAME.md into this folder")


def run(options: Namespace) -> int:
    """Print the tables."""
    from threadpoolctl import threadpool_limits

    from va_experiments.data import read_phmrc

    if problems := [
        f"--{name} must be 1 or more; got {value}"
        for name in ("resamples", "workers")
        if (value := getattr(options, name)) < 1
    ]:
        raise InputError(problems)
    reproductions = [reproduction_of(name) for name in (REPRODUCTIONS if options.name == "all" else [options.name])]
    if options.write and not Path(options.write).is_dir():
        raise InputError(f"--write: no such folder: '{options.write}'")
    for reproduction in reproductions:
        deaths = read_phmrc("adult", options.data, **reproduction.reading)
        chosen = ReproductionOptions(options.resamples, options.seed, _report, options.workers, Path(options.outputs))
        with threadpool_limits(1):
            rows = reproduction.run(deaths, chosen)
        page = markdown(
            reproduction,
            rows,
            data=f"{deaths.name} ({len(deaths):,} deaths, {deaths.n_symptoms} symptoms)",
            options=chosen,
            date=datetime.now(tz=UTC).date().isoformat(),
        )
        print(page)
        if options.write:
            (Path(options.write) / f"{reproduction.name}.md").write_text(page, encoding="utf-8")
    return 0


def _report(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
