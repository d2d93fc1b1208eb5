"""Compute a published table again and print it beside the published figures."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from va_experiments.errors import InputError
from va_experiments.reproductions.registry import REPRODUCTIONS, reproduction_of
from va_experiments.reproductions.table import Given, markdown

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
        help="divisions with one test set each, where the publication has 500 (default: %(default)s); models are "
        "fitted anew for each",
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that divisions are shared out to (default: 1)"
    )
    parser.add_argument(
        "--outputs",
        default="outputs/replays",
        metavar="FOLDER",
        help="finished divisions are kept there, so that the same command goes on where it was (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--write", metavar="FOLDER", help="write NAME.md there as well")


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
    replays = [reproduction_of(name) for name in (REPRODUCTIONS if options.name == "all" else [options.name])]
    if options.write and not Path(options.write).is_dir():
        raise InputError(f"--write: no such folder: '{options.write}'")
    for replay in replays:
        deaths = read_phmrc("adult", options.data, **replay.reading)
        given = Given(options.resamples, options.seed, _say, options.workers, Path(options.outputs))
        with threadpool_limits(1):
            rows = replay.run(deaths, given)
        page = markdown(
            replay,
            rows,
            data=f"{deaths.name} ({len(deaths):,} deaths, {deaths.n_symptoms} symptoms)",
            given=given,
            date=datetime.now(tz=UTC).date().isoformat(),
        )
        print(page)
        if options.write:
            (Path(options.write) / f"{replay.name}.md").write_text(page, encoding="utf-8")
    return 0


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
