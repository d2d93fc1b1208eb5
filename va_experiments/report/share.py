"""Gather what a package of results holds from the folders of finished runs."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.checkpoints import CorruptCell
from va_experiments.errors import InputError
from va_experiments.redaction import redacted_tree
from va_experiments.report.saved_inputs import read_manifest
from va_experiments.results import load_results
from va_experiments.results.package import LEAST_DEATHS, write_package
from va_experiments.results.stored_cells import open_store, outputs_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["pack_runs"]

_PATH = re.compile(r"(/|\./|\.\./|~).*|\S*/\S+\.\w{2,7}$")
"""Text that names a file or folder of a machine, and no cause such as Diarrhea/Dysentery."""

DATA_KEYS = ("name", "sha256", "deaths", "symptoms", "causes", "sites", "simulated")


def pack_runs(runs: Sequence[Path], path: Path) -> tuple[str, int, int]:
    """Write the results of finished runs into a package.

    Parameters
    ----------
    runs : sequence of Path
        Folders of runs.
    path : Path
        A new file.

    Returns
    -------
    (str, int, int)
        The package's hash, the cells in it, and the cells left out because they describe too few deaths.

    Raises
    ------
    InputError
        If a run has not ended, or two runs have other results for one cell.
    """
    rows = load_results(*runs)
    done = rows["status"] == "done"
    differ = rows[done].groupby("cell_key")["prediction_sha256"].nunique(dropna=False)
    if (differ > 1).any():
        raise InputError(f"{int((differ > 1).sum())} cells have other predictions in another of these runs; pack one "
                         f"of them, and see va-experiments recompute")  # fmt: skip
    small = done & (rows["n_test"].fillna(0) < LEAST_DEATHS)
    rows = rows[~small].sort_values("status", kind="stable").drop_duplicates("cell_key").reset_index(drop=True)
    rows["model_params"] = [_without_paths_text(text) for text in rows["model_params"]]
    manifests = [read_manifest(run / "manifest.json") for run in runs]
    if missing := [str(run) for run, m in zip(runs, manifests, strict=True) if not m]:
        raise InputError(f"'{missing[0]}' has no manifest.json: the run has not ended")
    data = {d["sha256"]: {k: d[k] for k in DATA_KEYS} for m in manifests for d in m["data"]}
    jobs = {json.dumps(j, sort_keys=True): j for m in manifests for j in map(_job, m["jobs"])}
    about = {"data": [data[k] for k in sorted(data)], "jobs": [jobs[k] for k in sorted(jobs)]}
    provenance = [{"versions": m["versions"], "hardware": m["hardware"], "code": m["code"]} for m in manifests]
    cards = {str(name): _card(str(name), group, jobs.values()) for name, group in rows.groupby("model")}
    digest = write_package(rows, about, provenance, cards, path, ids=_ids(runs, rows))
    return digest, len(rows), int(small.sum())


def _job(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's configuration without its number, its command line and paths of this machine."""
    return {"config": _without_paths(dict(redacted_tree(job["config"])))}


def _without_paths(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_paths(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_paths(v) for v in value]
    return Path(value).name if isinstance(value, str) and _PATH.match(value) else value


def _without_paths_text(text: Any) -> str:
    try:
        return json.dumps(_without_paths(json.loads(str(text))), sort_keys=True)
    except ValueError:
        return "{}"


def _card(name: str, rows: pd.DataFrame, jobs: Any) -> str:
    """Return a model's card: what it is, its parameters, its code, what it was tested on; numbers are in the rows."""
    configs = [j["config"]["model"] for j in jobs if j["config"].get("model", {}).get("name") == name]
    target = str(configs[0].get("_target_", "")) if configs else ""
    lines = [f"# {name}", "", _summary(target), "", f"- class: `{target or 'unknown'}`"]
    lines += [f"- parameters: `{text}`" for text in sorted(set(rows["model_params"]))]
    lines += [f"- code and parameters, SHA-256: `{text}`" for text in sorted(set(rows["model_digest"].dropna()))]
    for key, word in (("data", "data"), ("features", "features"), ("protocol", "protocol"), ("testset", "test sets")):
        lines.append(f"- {word}: {', '.join(sorted(set(map(str, rows[key]))))}")
    tested = int((rows["status"] == "done").sum())
    lines += [f"- cells: {tested} done of {len(rows)}", "",
              "Meant for the comparison of methods. The results hold for these data.", ""]  # fmt: skip
    return "\n".join(lines)


def _summary(target: str) -> str:
    """Return the first line of the class's documentation, of this package's models only."""
    module, _, name = target.rpartition(".")
    if not module.startswith("va_experiments."):
        return ""
    try:
        documentation = inspect.getdoc(getattr(import_module(module), name)) or ""
    except (ImportError, AttributeError):
        return ""
    return re.split(r"\n\s*\n", documentation)[0].replace("\n", " ")


def _ids(runs: Sequence[Path], rows: pd.DataFrame) -> Iterator[str]:
    """Yield the identifiers of deaths in the stored cells of these runs, where the store is at hand."""
    from va_experiments.cell.serialization import decode_prediction

    for root in {(outputs_of(run) or run.absolute().parent.parent.parent) / "checkpoints" for run in runs}:
        store = open_store(root)
        for key in rows.loc[rows["status"] == "done"].drop_duplicates(["data", "test_site"])["cell_key"]:
            try:
                stored = store.load(str(key)) if root.is_dir() else None
            except CorruptCell:
                continue
            if stored is not None:
                yield from decode_prediction(stored.predictions())[0].tolist()
