"""Share results: pack the rows of finished runs, merge packages, verify them, make a leaderboard site of many.

A package holds rows of cells, hashes of splits, configurations and model cards; no row of a person.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from va_experiments.commands.command_line import App
from va_experiments.commands.run_lookup import OUTPUTS, Outputs, find_run
from va_experiments.errors import InputError
from va_experiments.terminal import say

__all__ = ["app"]

app = App(help=__doc__)

Packages = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Packages that pack or merge wrote.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="The package to write.")]


@app.action()
def pack(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Names or folders of runs.")],
    out: Out = Path("results.zip"),
    outputs: Outputs = OUTPUTS,
) -> int:
    """Pack the rows, split hashes, configurations and model cards of finished runs into one file."""
    from va_experiments.report.share import pack_runs
    from va_experiments.results.package import LEAST_DEATHS

    digest, cells, small = pack_runs([find_run(outputs, run) for run in runs], out)
    if small:
        say(f"{small:,} cells left out: they have fewer than {LEAST_DEATHS} test deaths")
    say(f"{cells:,} cells in {out}, package hash {digest}")
    return 0


@app.action()
def merge(packages: Packages, out: Out = Path("results.zip")) -> int:
    """Merge packages into one; a cell with other results in two of them is refused."""
    from va_experiments.results.package import merge_packages, read_package

    read = [read_package(path) for path in packages]
    digest = merge_packages(read, out)
    say(f"{len(read)} packages merged into {out}, package hash {digest}")
    return 0


@app.action()
def verify(
    package: Annotated[Path, typer.Argument(metavar="FILE", help="A package.")],
    sample: Annotated[int, typer.Option(metavar="N", min=0, help="Cells to compute again; 0: all.")] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="Chooses the sample.")] = 0,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the data files.")] = None,
) -> int:
    """Check a package, and compute a sample of its cells again where the data are at hand.

    What was and was not verified is said, and written beside the package for results site. Exit code 3: a cell has
    other results.
    """
    from va_experiments.cell import Fit, run_fit, versions
    from va_experiments.checkpoints.atomic_files import write_atomically
    from va_experiments.results.package import read_package

    if data is not None and not data.is_dir():
        raise InputError(f"--data: there is no folder '{data}'")
    read = read_package(package)
    say(f"{package}: {len(read.rows):,} rows, all files match their SHA-256, package hash {read.sha256[:12]}")
    done = read.rows[read.rows["status"] == "done"].set_index("cell_key")
    planned, deaths, absent = _planned(read.manifest["jobs"], data)
    rows = {planned.key(row): row for row in range(len(planned))} if planned is not None else {}
    stored = sorted(key for key in done.index if key in rows)
    chosen = sorted(random.Random(seed).sample(stored, sample)) if 0 < sample < len(stored) else stored
    equal: list[str] = []
    wrong: dict[str, str] = {}
    for key in chosen:
        row, cell = done.loc[key], planned.cell(rows[key])
        result = run_fit(Fit(cell.fit_key, (cell,)), deaths[cell.setting.fingerprint])[0]
        problem = _difference(row, result)
        if problem:
            wrong[key] = problem
            say(f"{key[:12]} {row['model']} at {row['test_site']}: {problem}")
        else:
            equal.append(key)
    reasons = [*absent]
    if others := len(done) - len(stored):
        reasons.append(f"{others:,} cells: their data are not at hand, or the code of their models is another")
    if left := len(stored) - len(chosen):
        reasons.append(f"{left:,} cells: not in the sample (--sample 0 computes all)")
    for reason in reasons:
        say(f"not verified: {reason}")
    say(f"{len(equal):,} of {len(chosen):,} cells computed again are equal to the last bit")
    receipt = {"package": read.sha256, "equal": equal, "different": wrong, "not_verified": reasons,
               "versions": dict(versions())}  # fmt: skip
    written = json.dumps(receipt, indent=1, sort_keys=True) + "\n"
    write_atomically(package.with_name(f"{package.name}.verified.json"), written.encode(), durable=False)
    return 3 if wrong else 0


@app.action()
def site(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders with packages, or packages.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the site.")] = Path("site"),
) -> int:
    """Make a static leaderboard site from packages; those that cannot be read are listed and left out.

    A package is verified where results verify was run on this machine: its receipt lies beside it. Exit code 3: a
    package was changed, or has results that could not be repeated.
    """
    from va_experiments.report.site import find_packages, write_site

    entries = find_packages(folders)
    index = write_site(entries, out)
    for entry in entries:
        say(f"{entry.path.name}: {entry.state}{f' ({entry.problem})' if entry.problem else ''}")
    say(f"site  {index}")
    return 3 if any(entry.problem for entry in entries) else 0


def _difference(row: Mapping[str, Any], result: Any) -> str:
    """Describe how a computed cell differs from its row; return empty text where it is the same."""
    if result.failure is not None:
        return f"failed: {result.failure.error}: {result.failure.message}"
    if result.prediction_sha256 != row["prediction_sha256"]:
        return f"other predictions: {result.prediction_sha256[:12]}, packed {str(row['prediction_sha256'])[:12]}"
    for name, value in result.metrics.items():
        packed = row.get(name)
        if value is not None and value == value and (packed is None or not abs(packed - value) <= 1e-9):
            return f"{name} is {value:.6g}, packed {packed}"
    return ""


def _planned(jobs: list[Any], folder: Path | None) -> tuple[Any, dict[str, Any], list[str]]:
    """Return the plan of the packed jobs, the data at hand by fingerprint, and which data are not."""
    from va_experiments.config.schema import RunConfig
    from va_experiments.data import load
    from va_experiments.plan import plan
    from va_experiments.report.saved_inputs import jobs_of

    numbered = [{"number": n, "overrides": [], "config": _at_hand(j["config"], folder)} for n, j in enumerate(jobs)]
    fingerprints, deaths, ready, absent = {}, {}, [], []
    for job in jobs_of({"jobs": numbered}):
        identity = json.dumps(job.config.data.tree(), sort_keys=True)
        if identity not in fingerprints:
            try:
                data = load(job.config.data.name, job.config.data.model_dump())
            except InputError as error:
                fingerprints[identity] = ""
                absent.append(f"data '{job.config.data.name}': {str(error).splitlines()[0][:200]}")
                continue
            deaths[data.fingerprint] = data
            fingerprints[identity] = data.fingerprint
        if fingerprints[identity]:
            ready.append(dataclasses.replace(job, data=fingerprints[identity]))
    if not ready:
        return None, deaths, absent
    return plan(ready, deaths, run=RunConfig()), deaths, absent


def _at_hand(config: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """Return a job's configuration with the file of its data in `folder`."""
    data = dict(config.get("data", {}))
    if folder is not None and isinstance(data.get("path"), str):
        data["path"] = str(folder / Path(data["path"]).name)
    return {**config, "data": data}
