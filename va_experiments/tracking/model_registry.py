"""Put saved models into MLflow's model registry, and get them from it by name.

A version of a registered model is the folder that ``va-experiments train`` wrote, as files of an MLflow run; its tag
``va.manifest_sha256`` is the checksum that a folder from the registry is held against.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from va_experiments.checkpoints.atomic_files import TEMPORARY
from va_experiments.config.fields import MODEL_NAME
from va_experiments.config.schema import TrackingConfig
from va_experiments.engine.context import RunContext
from va_experiments.errors import InputError, VaError, did_you_mean, shown
from va_experiments.models.saved_model import MANIFEST, listed_files, read_card
from va_experiments.tracking.connection import answering, connect
from va_experiments.tracking.limits import fetch_file

__all__ = ["fetch_model", "register_model", "register_saved"]

CHECKSUM = "va.manifest_sha256"
_PLACE = "model"


def register_model(
    config: TrackingConfig, outputs: Path, name: str, folder: Path, card: Mapping[str, Any], digest: str
) -> int:
    """Register a saved model and return the number of its version.

    Parameters
    ----------
    config : TrackingConfig
    outputs : Path
        Where the database is if no server is named.
    name : str
        Of the registered model.
    folder : Path
        That `va_experiments.models.saved_model.write_model` wrote.
    card : mapping
        Its card; the metrics at left-out sites become metrics of the run.
    digest : str
        SHA-256 of its manifest.
    """
    check_name(name)
    from mlflow.exceptions import MlflowException

    outputs.mkdir(parents=True, exist_ok=True)
    client, experiment = connect(config, outputs)
    run = client.create_run(experiment, run_name=f"train {name}", tags={"va.command": "train", CHECKSUM: digest})
    for site, metrics in card["metrics_at_left_out_sites"].items():
        for metric, value in metrics.items():
            client.log_metric(run.info.run_id, f"{metric}/{re.sub(r'[^A-Za-z0-9_. /-]', '_', site)}", value)
    client.log_artifacts(run.info.run_id, str(folder), _PLACE)
    client.set_terminated(run.info.run_id)
    try:
        client.create_registered_model(name)
    except MlflowException:  # it is there: this is its next version
        client.get_registered_model(name)
    source = f"{run.info.artifact_uri}/{_PLACE}"
    tags = {CHECKSUM: digest, "va.data_sha256": str(card["data"]["sha256"])}
    version = client.create_model_version(name, source, run.info.run_id, tags=tags, description=_summary(card))
    return int(version.version)


def register_saved(run: RunContext) -> list[str]:
    """Register the models that a run has saved; add a line to its notes for each, and return what went wrong.

    One model gets the name in ``register_model``; of several, each gets its own name behind it.
    """
    from mlflow.exceptions import MlflowException

    config, problems = run.config, []
    for saved in run.saved:
        name = str(config.register_model) + (f"-{saved.folder.name}" if len(run.saved) > 1 else "")
        try:
            version = register_model(config.tracking, run.outputs, name, saved.folder, saved.card, saved.digest)
        except (VaError, MlflowException, OSError) as error:
            problems.append(f"model {name} is saved but not registered in MLflow: {error}")
        else:
            run.notes.append(f"model   registered in MLflow as {name}, version {version}")
    return problems


def fetch_model(config: TrackingConfig, outputs: Path, name: str) -> Path:
    """Return the folder of the newest version of a registered model, fetched once.

    Raises
    ------
    InputError
        If there is none by this name, or its files are not those that were registered.
    """
    check_name(name)
    with answering(config.uri, outputs):
        client, _ = connect(config, outputs)
        versions = client.search_model_versions(f"name='{name}'")
        if not versions:
            known = [m.name for m in client.search_registered_models(max_results=100)]
            raise InputError(
                f"model.name is {shown(name)}: no model is registered by this name; known: {', '.join(known) or 'none'}"
                f"{did_you_mean(name, known)}"
            )
        newest = max(versions, key=lambda v: int(v.version))
        folder = outputs / "models" / f"{name}-{int(newest.version)}"
        if not folder.is_dir():
            _download(client, newest, folder)
        if _digest(folder) != newest.tags.get(CHECKSUM):
            raise InputError(
                f"the files of model {shown(name)}, version {newest.version}, are not those that were registered "
                f"(the SHA-256 of {MANIFEST} differs); delete '{folder}' and try again"
            )
        read_card(folder)
        return folder


def _download(client: Any, version: Any, folder: Path) -> None:
    """Download the files that a version's manifest names, once that is the registered one; then the folder is there."""
    run = client.get_run(version.run_id)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder.parent) as name:
        place = Path(name) / "model"
        place.mkdir()
        fetch_file(client, run, f"{_PLACE}/{MANIFEST}", place / MANIFEST)
        if _digest(place) == version.tags.get(CHECKSUM):
            for file in listed_files(place):
                fetch_file(client, run, f"{_PLACE}/{file}", place / file)
            read_card(place)
        place.rename(folder)


def _digest(folder: Path) -> str:
    """Return the SHA-256 of the manifest in a folder, empty where there is none."""
    path = folder / MANIFEST
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def check_name(name: str) -> None:
    """Raise `InputError` for a name that cannot be one of a model and of a folder."""
    if not MODEL_NAME.fullmatch(name):
        raise InputError(f"{shown(name)} cannot name a model; expected at most 64 letters, digits, spaces and _ . -")


def _summary(card: Mapping[str, Any]) -> str:
    data = card["data"]
    real = "simulated " if data["simulated"] else ""
    return (
        f"{card['model']['name']}, trained on {data['deaths']:,} {real}deaths of {data['name']} "
        f"({len(card['questions'])} questions, {len(card['causes'])} causes); licence of the data: {data['licence']}"
    )
