"""Check the installation and the machine, and say how to fix problems.

--quick looks only; without it Ray, MLflow and Prefect are started once and stopped again, in a temporary folder, which
takes up to a minute or two. Exit code 3: there is a problem to fix.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from va_experiments.commands.command_line import App
from va_experiments.commands.run_lookup import OUTPUTS, Outputs
from va_experiments.terminal import say, say_json

__all__ = ["Check", "app", "doctor"]

PORTS = {5000: "--mlflow-port", 4200: "--prefect-port"}


@dataclass(frozen=True)
class Check:
    """What was found: `state` is ``ok``, ``note`` (works, with a limit) or ``wrong``; `advice` says what to do."""

    what: str
    state: str
    found: str
    advice: str = ""


app = App()


@app.action(help=__doc__)
def doctor(
    outputs: Outputs = OUTPUTS,
    quick: Annotated[bool, typer.Option("--quick", help="Start nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each check.")] = False,
) -> int:
    """Print each check as it is done."""
    wrong = notes = 0
    for check in _checks(outputs, quick=quick):
        wrong += check.state == "wrong"
        notes += check.state == "note"
        if as_json:
            say_json(vars(check), flush=True)
        else:
            say(
                f"{check.state:<6} {check.what}: {check.found}"
                + (f"\n       -> {check.advice}" if check.advice else ""),
                flush=True,
            )
    if not as_json:
        say(f"{wrong} problem{'' if wrong == 1 else 's'}, {notes} note{'' if notes == 1 else 's'}")
    return 3 if wrong else 0


def _checks(outputs: Path, *, quick: bool) -> Iterator[Check]:
    yield _python()
    yield from _packages()
    yield _conf()
    yield _outputs_folder(outputs)
    yield _database(outputs)
    yield _disk(outputs)
    yield _memory()
    yield from _ports()
    yield _gpu()
    if not quick:
        for what, try_it in (("Ray", _ray), ("MLflow", _mlflow), ("Prefect", _prefect)):
            yield _tried(what, try_it)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    right = (3, 11) <= sys.version_info[:2] < (3, 14)
    advice = "" if right else "make an environment with Python 3.11, 3.12 or 3.13 and install into it"
    return Check("Python", "ok" if right else "wrong", f"{version} at {sys.executable}", advice)


def _packages() -> Iterator[Check]:
    from importlib import metadata

    from packaging.requirements import Requirement

    try:
        required = metadata.requires("va-experiments") or []
    except metadata.PackageNotFoundError:
        yield Check("packages", "wrong", "va-experiments itself is not installed", "pip install -e . in the checkout")
        return
    right, extras = 0, dict[str, list[str]]()
    for line in required:
        requirement = Requirement(line)
        extra = requirement.marker is not None and "extra" in str(requirement.marker)
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            if not extra:
                yield Check(
                    requirement.name, "wrong", "missing", f"pip install '{requirement.name}{requirement.specifier}'"
                )
            elif requirement.name != "va-experiments":
                extras.setdefault(str(requirement.marker).rsplit('"', 2)[-2], []).append(requirement.name)
            continue
        if not extra and not requirement.specifier.contains(version, prereleases=True):
            yield Check(
                requirement.name,
                "wrong",
                f"{version}, expected {requirement.specifier}",
                f"pip install '{requirement.name}{requirement.specifier}'",
            )
        elif not extra:
            right += 1
    yield Check("packages", "ok", f"{right} required ones with the right versions")
    for extra_name, missing in sorted(extras.items()):
        if extra_name not in ("dev", "test", "docs"):
            yield Check(
                f"extra {extra_name}",
                "note",
                f"not installed: {', '.join(missing)}",
                f"if you need it: pip install 'va-experiments[{extra_name}]'",
            )


def _conf() -> Check:
    from va_experiments.config.schema import conf_dir

    groups = [p.name for p in conf_dir().iterdir() if p.is_dir()] if conf_dir().is_dir() else []
    right = {"model", "data", "protocol"} <= set(groups)
    advice = "" if right else "the installation is incomplete: install it again"
    return Check("configuration", "ok" if right else "wrong", f"{len(groups)} groups in {conf_dir()}", advice)


def _outputs_folder(outputs: Path) -> Check:
    from va_experiments.checkpoints import Locked, lock_outputs
    from va_experiments.errors import InputError

    if not outputs.exists():
        parent = next(p for p in outputs.absolute().parents if p.exists())
        right = os.access(parent, os.W_OK)
        advice = "" if right else f"choose a folder you may write to with paths.outputs=FOLDER; {parent} is not"
        return Check("outputs", "ok" if right else "wrong", f"'{outputs}' will be made on the first run", advice)
    try:
        with lock_outputs(outputs):
            return Check("outputs", "ok", f"'{outputs}' can be written and locked")
    except Locked as error:
        return Check("outputs", "note", str(error))
    except InputError as error:
        return Check("outputs", "wrong", str(error), "choose a local folder with paths.outputs=FOLDER")


def _database(outputs: Path) -> Check:
    from va_experiments.config.schema import TrackingConfig
    from va_experiments.tracking.preflight import tracking_problem

    problem, _, advice = tracking_problem(TrackingConfig(), outputs).partition(": ")
    return Check(
        "MLflow's database", "wrong" if problem else "ok", problem or "it can be used, or is not there yet", advice
    )


def _disk(outputs: Path) -> Check:
    place = next(p for p in (outputs.absolute(), *outputs.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free / 2**30
    advice = "" if free > 2 else "free some space, or choose another disk with paths.outputs=FOLDER"
    return Check("disk", "ok" if free > 2 else "wrong", f"{free:.1f} GB free at {place}", advice)


def _memory() -> Check:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    shared = shutil.disk_usage("/dev/shm").free / 2**30 if Path("/dev/shm").exists() else None
    memory = f"{free:.1f} GB available, {os.cpu_count()} cores"
    if shared is not None:
        memory += f", {shared:.1f} GB of shared memory"
    if free < 2:
        return Check("memory", "wrong", memory, "close other programs, or run in one process with execution=inline")
    if shared is not None and shared < 1:
        return Check(
            "memory", "note", memory, "Ray keeps data on disk then; in a container start it with --shm-size=2g"
        )
    return Check("memory", "ok", memory)


def _ports() -> Iterator[Check]:
    for port, option in PORTS.items():
        with socket.socket() as probe:
            probe.settimeout(1)
            used = probe.connect_ex(("127.0.0.1", port)) == 0
        advice = f"only for va-experiments ui: choose another with {option} N" if used else ""
        yield Check(f"port {port}", "note" if used else "ok", "in use" if used else "free", advice)


def _gpu() -> Check:
    from va_experiments.models.devices import cuda_devices

    count = cuda_devices()
    if not count:
        return Check("GPU", "ok", "none; everything runs without one")
    return Check(
        "GPU", "ok", f"{count} CUDA device{'s' if count > 1 else ''}; use with model.device=cuda where a model has it"
    )


def _tried(what: str, try_it: Callable[[Path], str]) -> Check:
    began = time.monotonic()
    without = {"Ray": "execution=inline", "MLflow": "tracking.mlflow=false", "Prefect": "tracking.prefect=false"}[what]
    with tempfile.TemporaryDirectory(prefix="va-doctor-", ignore_cleanup_errors=True) as folder:
        try:
            result = try_it(Path(folder))
        except Exception as error:
            text = f"does not work: {type(error).__name__}: {str(error)[:300]}"
            return Check(
                what, "wrong", text, f"install the versions of requirements.lock; until then run with {without}"
            )
    return Check(what, "ok", f"{result} in {time.monotonic() - began:.0f} s")


def _ray(folder: Path) -> str:
    from va_experiments.config.schema import ExecutionConfig
    from va_experiments.execute import ray_cluster

    ray = ray_cluster.connect(ExecutionConfig(num_workers=1))
    try:
        pid = ray.get(ray.remote(lambda: os.getpid()).remote(), timeout=60)
    finally:
        ray_cluster.disconnect()
    if pid == os.getpid():
        raise RuntimeError("a task ran in this process instead of a worker")
    return "started, ran a task in a worker and stopped"


def _mlflow(folder: Path) -> str:
    from va_experiments.config.schema import TrackingConfig
    from va_experiments.tracking import connect

    client, experiment = connect(TrackingConfig(), folder)
    run_id = client.create_run(experiment, run_name="doctor").info.run_id
    client.log_metric(run_id, "works", 1.0)
    client.set_terminated(run_id)
    return "made a database and logged a run"


def _prefect(folder: Path) -> str:
    from va_experiments.config.schema import TrackingConfig
    from va_experiments.prefect_flow.server import PrefectServer

    home = folder / "prefect"
    home.mkdir()
    server = PrefectServer(TrackingConfig(), home)
    server.start()
    try:
        if not server.wait(150):
            tail = (home / "server.log").read_text(errors="replace")[-300:]
            raise RuntimeError(f"its server did not answer; the end of its log: {tail}")
    finally:
        server.stop()
    return "a server started on loopback and stopped"
