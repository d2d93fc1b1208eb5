"""Runs that Prefect starts: asked for, refused, waiting, cancelled and tried again, through a real server's API."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.served import Api, engines, raylets, serving
from tests.servers import until

pytestmark = pytest.mark.slow


def test_a_command_is_made_of_overrides_and_our_outputs() -> None:
    from va_experiments.prefect_flow.deployment import EngineFailed, command, retries

    words = command(["model=nbc", "+x.y=1"], Path("/a b/it's"))
    assert words == [sys.executable, "-m", "va_experiments", "model=nbc", "+x.y=1", r"paths.outputs='/a b/it\'s'"]
    for bad in ("paths.outputs=/etc", "+paths.outputs=/etc", "hydra.sweep.dir=/etc", "++hydra.run.dir=x"):
        with pytest.raises(EngineFailed, match="cannot be given here"):
            command(["model=nbc", bad], Path("o"))
    assert retries(["model=nbc"]) == 2
    assert retries(["execution.flow_retries=1", "execution.flow_retries=0"]) == 0


def test_lines_are_logged_with_their_levels_and_a_stopped_command_leaves_no_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from va_experiments.prefect_flow.deployment import run_command

    log = logging.getLogger("test of a deployment")
    with caplog.at_level(logging.INFO):
        lines = "print('fits 1/2')\nprint('warning: w')\nprint('error: e')\nraise SystemExit(3)"
        code, output = run_command([sys.executable, "-c", lines], log)
    assert (code, output.splitlines()[-1]) == (3, "error: e")
    assert [(r.levelname, r.message) for r in caplog.records if r.name == log.name] == [
        ("INFO", "fits 1/2"),
        ("WARNING", "warning: w"),
        ("ERROR", "error: e"),
    ]

    class Cancelled(BaseException):
        pass

    def cancel(*_: object) -> None:
        raise Cancelled

    before = signal.signal(signal.SIGALRM, cancel)
    signal.alarm(2)
    child = "import subprocess, sys, time; subprocess.Popen(['sleep', '300']); time.sleep(300)"
    try:
        with pytest.raises(Cancelled):
            run_command([sys.executable, "-c", child], log)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    left = [p for p in psutil.Process().children(recursive=True) if "sleep" in p.name()]
    assert not left


def test_what_prefect_starts_has_the_name_of_the_flow_and_checks_its_overrides() -> None:
    from prefect.flows import load_flow_from_entrypoint

    from va_experiments.prefect_flow import deployment

    file = Path(deployment.__file__)
    started = load_flow_from_entrypoint(f"{file}:run_multirun")  # as the process of a run loads it
    assert (started.name, started.persist_result) == ("va-experiments", False)
    assert (started.description or "").startswith("Compare models")
    overrides = started.parameters.properties["overrides"]
    assert (started.parameters.required, overrides["minItems"]) == (["overrides"], 1)
    assert overrides["items"]["pattern"] == r"^[+~]{0,2}[A-Za-z_][\w./@-]*=[^\n]*$"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Api]]:
    outputs = tmp_path_factory.mktemp("served") / "o"
    with serving(outputs) as api:
        yield outputs, api


QUIET = ("report=false", "tracking=none", "n_bootstrap=0", "baselines=[]")
LONG = ("model=insilico", "model.n_iterations=16000", "model.auto_length=false", "data.n=6000", "site=pemba", *QUIET)


@pytest.mark.nightly
def test_overrides_are_checked_before_a_run(served: tuple[Path, Api]) -> None:
    _, api = served
    for bad in ((), ("--help",), ("model",), ("model=nbc\nx=1",)):
        assert api.ask(*bad)[0] == 409, bad
    state = api.wait(api.start("model=nbcc", *QUIET), ("Failed", "Completed"))
    assert state["name"] == "Failed"
    assert "unknown model 'nbcc'" in state["message"]


@pytest.mark.nightly
def test_a_run_is_cancelled_as_by_ctrl_c_and_the_second_one_waits(served: tuple[Path, Api]) -> None:
    outputs, api = served
    first = api.start("execution=inline", *LONG)
    until(lambda: bool(engines(outputs)))
    second = api.start("execution=inline", "model=nbc", "site=up", *QUIET)
    until(lambda: api.state(second)["name"] == "AwaitingConcurrencySlot", 60)
    cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": True}
    assert api("POST", f"/flow_runs/{first}/set_state", cancelling)[0] == 201
    assert api.wait(first, ("Cancelled", "Crashed", "Failed"))["name"] == "Cancelled"
    assert not engines(outputs)
    assert api.wait(second, ("Completed", "Failed"))["name"] == "Completed"
    logs = api("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [second]}}, "limit": 200})[1]
    assert any("1 done, 0 reused, 0 failed" in entry["message"] for entry in logs)
    done = next((outputs / "checkpoints" / "cells").glob("*/*"))
    assert done.is_dir()
    code = ("-m", "va_experiments", "execution=inline", "model=nbc", "site=up", *QUIET, f"paths.outputs={outputs}")
    same = subprocess.run([sys.executable, *code], capture_output=True, text=True, env={**os.environ}, timeout=120)
    assert "0 done, 1 reused" in same.stdout, "the same command in a terminal reuses its cells"


@pytest.mark.nightly
@pytest.mark.alone
def test_a_lost_engine_is_tried_again_in_the_same_flow_run(served: tuple[Path, Api]) -> None:
    outputs, api = served
    new = f"seed={time.time_ns() % 1_000_000}"  # no cell of an earlier try is reused
    run = api.start("execution=ray", "execution.num_workers=1", *LONG, new)

    def fits() -> bool:
        with contextlib.suppress(psutil.Error):
            workers = [w for raylet in raylets(outputs) for w in raylet.children()]
            return any("ray::work" in " ".join(w.cmdline()) for w in workers)
        return False

    until(fits)
    raylets(outputs)[0].kill()
    assert api.wait(run, ("Completed", "Failed"))["name"] == "Completed"
    tasks = api("POST", "/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})[1]
    assert {t["name"]: t["run_count"] for t in tasks} == {"check the overrides": 1, "run the engine": 2}


@pytest.mark.nightly
@pytest.mark.alone
def test_a_schedule_starts_runs_and_can_be_paused(served: tuple[Path, Api]) -> None:
    outputs, api = served
    options = {"overrides": ["execution=inline", "model=nbc", "site=bohol", *QUIET]}
    schedule = {"active": True, "schedule": {"interval": 5}, "parameters": options}
    path = f"/deployments/{api.deployment['id']}"
    status, made = api("POST", f"{path}/schedules", [schedule])
    assert status == 201, made

    def scheduled() -> list[dict[str, Any]]:
        body = {"deployments": {"id": {"any_": [api.deployment["id"]]}}, "limit": 200}
        runs = api("POST", "/flow_runs/filter", body)[1]
        return [r for r in runs if r["auto_scheduled"]]

    until(lambda: any(r["state"]["name"] == "Completed" for r in scheduled()), 240)
    assert api("PATCH", f"{path}/schedules/{made[0]['id']}", {"active": False})[0] == 204
    until(lambda: not [r for r in scheduled() if r["state"]["type"] in ("SCHEDULED", "PENDING", "RUNNING")], 240)
    assert list((outputs / "checkpoints" / "cells").glob("*/*"))


@pytest.mark.nightly
@pytest.mark.alone
def test_a_cron_line_plans_runs(served: tuple[Path, Api]) -> None:
    _, api = served
    options = {"overrides": ["execution=inline", "model=nbc", "site=dar", *QUIET]}
    cron = {"cron": "30 3 1 1 *", "timezone": "UTC"}
    path = f"/deployments/{api.deployment['id']}/schedules"
    status, made = api("POST", path, [{"active": True, "schedule": cron, "parameters": options}])
    assert status == 201, made

    def planned() -> list[str]:
        body = {"deployments": {"id": {"any_": [api.deployment["id"]]}}, "limit": 200}
        runs = api("POST", "/flow_runs/filter", body)[1]
        return [r["expected_start_time"] for r in runs if r["state"]["type"] == "SCHEDULED"]

    try:
        until(lambda: any("-01-01T03:30:00" in time for time in planned()), 120)
    finally:
        assert api("DELETE", f"{path}/{made[0]['id']}")[0] == 204


@pytest.mark.nightly
@pytest.mark.alone
def test_an_automation_starts_a_run_after_an_event(served: tuple[Path, Api]) -> None:
    outputs, api = served
    options = {"overrides": ["execution=inline", "model=nbc", "site=mexico", *QUIET]}
    action = {
        "type": "run-deployment",
        "source": "selected",
        "deployment_id": api.deployment["id"],
        "parameters": options,
    }
    trigger = {"type": "event", "posture": "Reactive", "expect": ["study.table.arrived"], "threshold": 1, "within": 0}
    status, made = api("POST", "/automations/", {"name": "new table", "trigger": trigger, "actions": [action]})
    assert status == 201, made

    def started() -> list[dict[str, Any]]:
        runs = api(
            "POST", "/flow_runs/filter", {"deployments": {"id": {"any_": [api.deployment["id"]]}}, "limit": 200}
        )[1]
        return [r for r in runs if (r.get("created_by") or {}).get("type") == "AUTOMATION"]

    def arrives() -> bool:
        """Tell that a table has arrived, until the server has taken up the automation."""
        now = datetime.datetime.now(datetime.UTC).isoformat()
        event = {"occurred": now, "event": "study.table.arrived", "id": str(uuid.uuid4()),
                 "resource": {"prefect.resource.id": "study.table"}}  # fmt: skip
        assert api("POST", "/events", [event])[0] == 204
        time.sleep(2)
        return bool(started())

    try:
        until(arrives, 120)
    finally:
        assert api("DELETE", f"/automations/{made['id']}")[0] == 204
    assert api.wait(started()[0]["id"], ("Completed", "Failed"))["name"] == "Completed"
    assert list((outputs / "checkpoints" / "cells").glob("*/*"))
