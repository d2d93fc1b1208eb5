"""Faults of runs that Prefect has started: the engine under them is lost, or somebody cancels them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.faults.harness import Row, commit_times, stored, undisturbed
from tests.served import Api, engines, raylets, serving
from tests.servers import until

__all__ = ["engine_lost"]

SMALL = ("data.n=600", "n_bootstrap=0", "baselines=[]", "report=false", "tracking=none", "model.auto_length=false")


def engine_lost(times: int = 2) -> Row:
    """Kill the raylet under a run that Prefect started: the same flow run tries again and goes on from its cells."""
    row = Row("served", "raylet killed under a run that Prefect started; then the run cancelled, and repeated", 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="va-served-") as name:
        outputs = Path(name) / "o"
        with serving(outputs) as api:
            for number in range(times):
                grid = ("model=insilico", "site=all", f"model.n_iterations={1000 + number}", *SMALL)
                right = undisturbed(*grid, base=("execution=inline",))
                n_before = len(commit_times(outputs))
                run = api.start(*grid, "execution=ray", "execution.num_workers=1")
                until(lambda n_before=n_before: bool(raylets(outputs)) and len(commit_times(outputs)) > n_before, 300)
                before = commit_times(outputs)
                raylets(outputs)[0].kill()
                row.injected += 1
                until(lambda run=run: len(attempts(api, run)) and attempts(api, run)[0] > 1, 300)
                cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": True}
                api("POST", f"/flow_runs/{run}/set_state", cancelling)
                row.injected += 1
                state = api.wait(run, ("Cancelled", "Completed", "Failed", "Crashed"))["name"]
                row.expect(state in ("Cancelled", "Completed"), f"the run is {state}")
                row.expect(not engines(outputs), "a process is left")
                again = api.wait(api.start(*grid, "execution=inline"), ("Completed", "Failed"))["name"]
                row.expect(again == "Completed", f"the repeated run is {again}")
                after, have = commit_times(outputs), stored(outputs)
                row.recomputed += sum(after.get(key) != moment for key, moment in before.items())
                row.lost += len(set(right) - set(have))
                row.expect(all(have.get(k) == v for k, v in right.items()), "other predictions")
    return row


def attempts(api: Api, run: str) -> list[int]:
    """Return how often the engine of a flow run was started."""
    tasks = api("POST", "/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})[1]
    return [int(t["run_count"]) for t in tasks if t["name"] == "run the engine"]
