"""Reproduce a published table and print it beside the published figures."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from va_experiments.errors import InputError
from va_experiments.reproductions.registry import PAGES, REPRODUCTIONS, page_of, reproduction_of
from va_experiments.terminal import say

__all__ = ["reproduce"]


NAMES = "; ".join(f"{name}: {text}" for name, text in (*REPRODUCTIONS.items(), *PAGES.items()))


def reproduce(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"{NAMES}; or 'all': those on the PHMRC adults.")],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="PHMRC adult file, or its folder; default: VA_PHMRC_DIR. Other data where the name says so.",
        ),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Number of divisions, with one test set each; the publications have 500. Models are fitted to each.",
        ),
    ] = 20,
    workers: Annotated[int, typer.Option(metavar="N", help="Number of processes.")] = 1,
    outputs: Annotated[
        str,
        typer.Option(
            metavar="FOLDER", help="Finished divisions are stored here, so that the same command can continue."
        ),
    ] = "outputs/reproductions",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of divisions and models.")] = 1,
    write: Annotated[str | None, typer.Option(metavar="FOLDER", help="Also write NAME.md into this folder.")] = None,
) -> int:
    """Compute a published comparison again, and print its figures beside the published ones."""
    from threadpoolctl import threadpool_limits

    from va_experiments.data import read_phmrc
    from va_experiments.reproductions.table import ReproductionOptions, markdown

    if problems := [
        f"--{option} must be 1 or more; got {value}"
        for option, value in (("resamples", resamples), ("workers", workers))
        if value < 1
    ]:
        raise InputError(problems)
    if write and not Path(write).is_dir():
        raise InputError(f"--write: no such folder: '{write}'")
    if (other := page_of(name)) is not None:
        full, page_on = other
        page = page_on(data)
        say(page)
        if write:
            (Path(write) / f"{full}.md").write_text(page, encoding="utf-8")
        return 0
    reproductions = [reproduction_of(name) for name in (REPRODUCTIONS if name == "all" else [name])]
    for reproduction in reproductions:
        deaths = read_phmrc("adult", data, **reproduction.reading)
        chosen = ReproductionOptions(resamples, seed, _report, workers, Path(outputs))
        with threadpool_limits(1):
            rows = reproduction.run(deaths, chosen)
        page = markdown(
            reproduction,
            rows,
            data=f"{deaths.name} ({len(deaths):,} deaths, {deaths.n_symptoms} symptoms)",
            options=chosen,
            date=datetime.now(tz=UTC).date().isoformat(),
        )
        say(page)
        if write:
            (Path(write) / f"{reproduction.name}.md").write_text(page, encoding="utf-8")
    return 0


def _report(text: str) -> None:
    say(f"  {text}", file=sys.stderr, flush=True)
