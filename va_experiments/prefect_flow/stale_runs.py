"""End flow runs: wait for the last states, and mark those that a killed driver left behind."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

__all__ = ["FLOW", "PROGRESS", "await_last_events", "owner_tag", "sweep_stale_runs"]

FLOW = "va-experiments"
"""Name of the flow."""

PROGRESS = "va-progress"
"""Key of the artifact that a flow run makes first."""


def await_last_events(flow_run_id: str, timeout: float = 8.0) -> None:
    """Wait until the server has taken the final state of every task run: it comes a moment after the flow has ended."""
    import uuid

    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    deadline = time.monotonic() + timeout
    this_run = FlowRunFilter(id=FlowRunFilterId(any_=[uuid.UUID(flow_run_id)]))
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            runs = client.read_task_runs(flow_run_filter=this_run)
            if all(r.state is not None and r.state.is_final() for r in runs):
                return
            time.sleep(0.2)


def owner_tag(home: Path) -> str:
    """Return the tag that only the flow runs of one outputs folder on one host have on a server."""
    return f"{socket.gethostname()}:{home.resolve().parent}"


def sweep_stale_runs(owner: str) -> int:
    """Mark flow runs, and task runs in them, that a killed driver left RUNNING as crashed; return how many flow runs.

    Only runs with this owner's tag are touched: the caller holds that outputs folder's lock, so none of them can live.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowFilter,
        FlowFilterName,
        FlowRunFilter,
        FlowRunFilterId,
        FlowRunFilterState,
        FlowRunFilterStateType,
        FlowRunFilterTags,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    with get_client(sync_client=True) as client:
        stale = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])),
                tags=FlowRunFilterTags(all_=[owner]),
            ),
            limit=200,
        )
        crashed: Any = Crashed(message="the driver died; swept at the next start")
        for run in stale:
            for step in client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))):
                if step.state is None or not step.state.is_final():
                    client.set_task_run_state(step.id, crashed, force=True)
            client.set_flow_run_state(run.id, crashed, force=True)
    return len(stale)
