"""Define the multirun as a Prefect flow: prepare data, train and evaluate each job, report.

The tasks wait for milestones that the engine reaches (`va_experiments.prefect_flow.events`): no fit waits for Prefect.
This module imports Prefect, which takes seconds: only the thread of the observer imports it.
"""

from __future__ import annotations

from typing import Any

from prefect import flow, runtime, task
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.task_runners import ThreadPoolTaskRunner

from va_experiments.prefect_flow.events import RUNS
from va_experiments.prefect_flow.stale_runs import FLOW, PROGRESS

__all__ = ["multirun"]


@task(name="prepare data", task_run_name="prepare data", persist_result=False)
def prepare_data(run_id: str) -> str:
    """Wait until the data are read and the cells are planned."""
    return RUNS[run_id].prepared.wait()


@task(name="train and evaluate", task_run_name="{label}", persist_result=False)
def train_and_evaluate(run_id: str, number: int, label: str) -> str:
    """Wait until all cells of a Hydra job are settled."""
    return RUNS[run_id].jobs[number].wait()


@task(name="report", task_run_name="report", persist_result=False)
def report(run_id: str) -> str:
    """Wait until tables and report are written."""
    return RUNS[run_id].reported.wait()


@flow(
    name=FLOW,
    flow_run_name="{run_id}",
    task_runner=ThreadPoolTaskRunner(max_workers=64),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=False,
)
def multirun(run_id: str) -> str:
    """Prepare data, train and evaluate every job, report; show progress, leaderboard and links as artifacts."""
    events = RUNS[run_id]
    progress: Any = create_progress_artifact(progress=0.0, key=PROGRESS, description=f"cells of {run_id}")
    events.started(str(runtime.flow_run.id))

    steps = [prepare_data.submit(run_id)]
    while (message := events.next_message())[0] != "finish":
        kind, content = message
        if kind == "jobs":
            steps += [train_and_evaluate.submit(run_id, number, label[:200]) for number, label in content.items()]
        else:
            update_progress_artifact(progress, progress=content[0], description=content[1])
    steps.append(report.submit(run_id))
    failed = sum(step.wait() is None and step.state.is_failed() for step in steps)

    end = message[1]
    if end.answers:
        create_markdown_artifact(
            "\n\n".join((*end.answers, end.counts)), key="va-answer", description=f"answer of {run_id}"
        )
    if end.table:
        title = ": ".join(filter(None, (f"leaderboard of {run_id}", end.setting)))
        create_table_artifact(table=end.table, key="va-leaderboard", description=title)
    for key, link in end.links.items():
        create_link_artifact(link=link, key=key, link_text=link, description=f"MLflow's page of {run_id}")
    update_progress_artifact(progress, progress=100.0, description=end.counts or None)
    if failed or end.error:
        raise RuntimeError(end.error or f"{failed} of {len(steps)} steps failed")
    return "done"
