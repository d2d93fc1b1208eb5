"""Compute a sample of a finished run's cells again, from its manifest, and compare the predictions bit for bit.

Nothing is stored. Exit code 3: a prediction differs, or a cell cannot be made again (data or code have changed).
"""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Annotated, Any

import typer

from va_experiments.commands.command_line import App
from va_experiments.commands.run_lookup import OUTPUTS, Outputs, RunName, find_run
from va_experiments.errors import InputError
from va_experiments.terminal import say

__all__ = ["app", "recompute"]

app = App()


@app.action(help=__doc__)
def recompute(
    run: RunName = None,
    outputs: Outputs = OUTPUTS,
    sample: Annotated[int, typer.Option(metavar="N", help="Cells to compute; 0: all.")] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="Chooses the sample.")] = 0,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="PACKAGE", help="Package of yours that models may come from; can be repeated."),
    ] = None,
) -> int:
    """Compute the sample and compare."""
    from va_experiments.cell import Fit, run_fit

    if sample < 0:
        raise InputError(f"--sample must be 0 or more; got {sample}")
    folder = find_run(outputs, run)
    expected = _expected(folder)
    chosen = sorted(expected)
    if sample and sample < len(chosen):
        chosen = sorted(random.Random(seed).sample(chosen, sample))
    planned, deaths = _planned(folder, tuple(allow or ()))
    rows = {planned.key(row): row for row in range(len(planned))}
    equal, wrong = 0, []
    for key in chosen:
        stored = expected[key]
        if key not in rows:
            wrong.append(
                f"{key[:12]} {stored['label']}: cannot be made again: its model's code or its data have changed"
            )
            continue
        cell = planned.cell(rows[key])
        result = run_fit(Fit(cell.fit_key, (cell,)), deaths[cell.setting.fingerprint])[0]
        if result.failure is not None:
            wrong.append(f"{key[:12]} {stored['label']}: failed: {result.failure.error}: {result.failure.message}")
        elif result.prediction_sha256 != stored["sha256"]:
            wrong.append(f"{key[:12]} {stored['label']}: other predictions: {result.prediction_sha256[:12]}, recorded "
                         f"{stored['sha256'][:12]}{_versions(folder)}")  # fmt: skip
        else:
            equal += 1
            say(f"{key[:12]} {stored['label']}: equal, SHA-256 {stored['sha256'][:12]}")
    for text in wrong:
        say(text)
    say(f"{equal} of {len(chosen)} cells equal to the last bit ({len(expected)} finished cells in the run)")
    return 3 if wrong else 0


def _expected(folder: Path) -> dict[str, dict[str, str]]:
    from va_experiments.results import load_results

    if not (folder / "cells.parquet").exists():
        raise InputError(f"'{folder}' has no cells.parquet: the run has not ended (see va-experiments status)")
    cells = load_results(folder, unknown="keep")
    cells = cells[cells["status"] == "done"]
    if not len(cells):
        raise InputError(f"'{folder}' has no finished cells to verify")
    return {
        str(row.cell_key): {"sha256": str(row.prediction_sha256), "label": f"{row.model} at {row.test_site}"}
        for row in cells.itertuples()
    }


def _planned(folder: Path, allowed: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    """Return the run's plan, made again from its manifest, and its data, read again."""
    from va_experiments.config.schema import RunConfig, parse_config
    from va_experiments.data import load
    from va_experiments.hydra_app.job_configs import with_folder
    from va_experiments.plan import plan
    from va_experiments.report.saved_inputs import jobs_of, read_manifest

    manifest = read_manifest(folder / "manifest.json")
    jobs = jobs_of(manifest)
    if not jobs:
        raise InputError(f"'{folder / 'manifest.json'}' is missing or cannot be read; the run cannot be made again")
    run, _ = parse_config(manifest["config"] | jobs[0].config.tree())
    loaded: dict[str, str] = {}
    deaths, ready = {}, []
    for job in jobs:
        identity = json.dumps(job.config.data.tree(), sort_keys=True)
        if identity not in loaded:
            deaths_of_job = load(job.config.data.name, job.config.data.model_dump())
            deaths[deaths_of_job.fingerprint] = deaths_of_job
            loaded[identity] = deaths_of_job.fingerprint
        model = dict(with_folder(run, job.config.model))
        config = job.config.model_copy(update={"model": model})
        ready.append(dataclasses.replace(job, config=config, data=loaded[identity]))
    # only packages named on the command line: a run's folder may have come from somebody else
    return plan(ready, deaths, run=RunConfig(allowed_targets=allowed)), deaths


def _versions(folder: Path) -> str:
    from va_experiments.cell import versions
    from va_experiments.report.saved_inputs import read_manifest

    then, now = read_manifest(folder / "manifest.json").get("versions", {}), versions()
    other = ", ".join(f"{k} {v} (now {now.get(k, 'absent')})" for k, v in sorted(then.items()) if now.get(k) != v)
    return f"; libraries differ: {other}" if other else ""
