"""The deployment ``va-experiments/multirun``: a function that Prefect starts, which runs the command line as a child.

The flow with the steps of a multirun is in `va_experiments.prefect_flow.flow`; the command reports it as another run.

In: a list of Hydra's overrides, from Prefect's page, a schedule, an automation or the API. Out: the same folder, cells
and MLflow runs as the same command from a terminal has. `serve_forever` registers the deployment and runs what is asked
of it. This module imports Prefect, which takes seconds.
"""

# No `from __future__ import annotations`: Prefect runs this file as a script and reads the types of the parameters.

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Annotated, Any, ParamSpec, TypeVar

from prefect import Flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from pydantic import Field, StringConstraints

from va_experiments.prefect_flow.stale_runs import FLOW

__all__ = ["DEPLOYMENT", "OUTPUTS", "EngineFailed", "run_multirun", "serve_forever"]

DEPLOYMENT = "multirun"
"""Name of the deployment; with the flow's name before it, ``va-experiments/multirun``."""

OUTPUTS = "VA_SERVE_OUTPUTS"
"""Variable of the environment that names the outputs folder to the processes of the runs."""

CODE_LOST, CODE_IN_USE = 5, 4
"""Exit codes of the command line: the workers are lost or the disk is full; another run uses the outputs folder."""

GRACE_SECONDS = 20.0, 5.0
"""After a cancel: until the second signal, which stops at once, and until the end. Prefect kills after 30 s."""

P = ParamSpec("P")
R = TypeVar("R")
Override = Annotated[str, StringConstraints(pattern=r"^[+~]{0,2}[A-Za-z_][\w./@-]*=[^\n]*$", max_length=10_000)]


class EngineFailed(RuntimeError):
    """The command ended with an exit code other than 0; the message is what it said last."""


class EngineLost(EngineFailed):
    """The workers were lost: another attempt reuses the finished cells and runs the others."""


def command(overrides: Sequence[str], outputs: Path) -> list[str]:
    """Return the command line of a run that Prefect has asked for.

    Raises
    ------
    EngineFailed
        If an override names what the serving command has chosen.
    """
    for override in overrides:
        key = override.partition("=")[0].lstrip("+~")
        if key in ("paths.outputs", "paths") or key.startswith("hydra."):
            raise EngineFailed(f"'{key}' cannot be given here: the outputs are those of va-experiments serve")
    quoted = str(outputs).replace("\\", "\\\\").replace("'", "\\'")
    return [sys.executable, "-m", "va_experiments", *overrides, f"paths.outputs='{quoted}'"]


def environment() -> dict[str, str]:
    """Return the environment of the command: without what belongs to the flow run around it."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return variables | {k: os.environ[k] for k in ("PREFECT_API_AUTH_STRING",) if k in os.environ}


def forward(lines: IO[str], log: Any, last: list[str]) -> None:
    """Log the lines of a command with their levels, and keep the last ones."""
    for line in lines:
        text = line.rstrip()
        if not text:
            continue
        level = "error" if text.startswith("error") else "warning" if text.startswith("warning") else "info"
        getattr(log, level)("%s", text)
        last[:] = [*last, text][-6:]


def run_command(words: Sequence[str], log: Any) -> tuple[int, str]:
    """Run a command in a session of its own and return its exit code and its last lines.

    Whatever ends the waiting (Prefect raises its own exception on a cancel) stops the command as Ctrl-C once does, and
    at once if that takes too long; no process is left.
    """
    child = subprocess.Popen(
        list(words), env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    last: list[str] = []
    reader = threading.Thread(target=forward, args=(child.stdout, log, last), daemon=True)
    reader.start()
    try:
        while child.poll() is None:  # short waits: a signal is seen between them
            time.sleep(0.2)
    except BaseException:
        for number, seconds in ((signal.SIGTERM, GRACE_SECONDS[0]), (signal.SIGTERM, GRACE_SECONDS[1])):
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(seconds)
                break
        raise
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # what the command left behind, if anything
        child.wait()
        reader.join(5)
    return child.returncode, "\n".join(last)


@task(name="check the overrides", task_run_name="check the overrides", persist_result=False, cache_policy=NO_CACHE)
def check(words: list[str]) -> None:
    """Compose and plan all jobs without running any: what is wrong is said before the run."""
    code, output = run_command([*words, "dry_run=true"], get_run_logger())
    if code:
        raise EngineFailed(f"the run was not started (exit code {code}):\n{output}")


@task(name="run the engine", task_run_name="run the engine", persist_result=False, cache_policy=NO_CACHE)
def run_engine(words: list[str]) -> str:
    """Run the command to its end; a lost engine is a failed attempt, another run in the folder is waited for."""
    log = get_run_logger()
    while True:
        code, output = run_command(words, log)
        if code != CODE_IN_USE:
            break
        log.warning("another run uses the outputs folder: waiting for it")
        time.sleep(10)
    if code == CODE_LOST:
        raise EngineLost(f"the engine was lost (exit code {code}); finished cells are kept:\n{output}")
    if code:
        raise EngineFailed(f"exit code {code}:\n{output}")
    return output


def retries(overrides: Sequence[str]) -> int:
    """Return how often a lost engine is started again: ``execution.flow_retries`` of these overrides.

    The overrides are known to be valid.
    """
    from va_experiments.config.schema import ExecutionConfig

    values = [o.partition("=")[2] for o in overrides if o.partition("=")[0].lstrip("+") == "execution.flow_retries"]
    return int(values[-1]) if values else ExecutionConfig().flow_retries


def started_by_prefect(function: Callable[P, R]) -> Flow[P, R]:
    """Return a function as Prefect starts it; its runs stand on the page of the flow `FLOW`, as those of a terminal."""
    return Flow(function, name=FLOW, persist_result=False)


@started_by_prefect
def run_multirun(overrides: Annotated[list[Override], Field(min_length=1)]) -> str:
    """Compare models: every item is one of Hydra's overrides, such as model=nbc,interva or site=all.

    Parameters
    ----------
    overrides : list of str
        As on the command line, one KEY=VALUE an item.
    """
    words = command(overrides, Path(os.environ[OUTPUTS]))
    check(words)
    attempt = run_engine.with_options(
        retries=retries(overrides), retry_delay_seconds=2, retry_condition_fn=_engine_lost
    )
    return attempt(words)


def _engine_lost(task: Any, run: Any, state: Any) -> bool:
    """Return whether an attempt ended because the engine was lost: only then another one can do better."""
    try:
        state.result()
    except EngineLost:
        return True
    except Exception:
        return False
    return False


def serve_forever(outputs: Path) -> None:
    """Register the deployment and run what is asked of it, until a signal comes; the environment names the server."""
    os.environ[OUTPUTS] = str(outputs.resolve())
    one = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
    description = f"Runs va-experiments with the given overrides; results go to {outputs.resolve()}."
    run_multirun.serve(
        name=DEPLOYMENT,
        description=description,
        limit=4,
        global_limit=one,
        pause_on_shutdown=False,
        print_starting_message=False,
    )
