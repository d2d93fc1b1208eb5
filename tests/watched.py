"""The servers of ``va-experiments ui`` and the addresses of their pages, for a browser that looks at them."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.chromium import Page
from tests.servers import answer, start_ui

__all__ = ["Ui", "ui"]


@dataclass(frozen=True)
class Ui:
    """Two servers that answer.

    Attributes
    ----------
    mlflow, prefect : str
        Where they are.
    cells : str
        The link that the command prints: MLflow's table of cells.
    newest : str
        The link that the command prints: Prefect's page of the newest run.
    auth : str
        Password of both, as ``user:password``.
    """

    mlflow: str
    prefect: str
    cells: str
    newest: str
    auth: str

    def greet(self, page: Page) -> None:
        """Open the printed links once, as a person does: they log the browser in. Pages are light, for pictures."""
        page.before("if (location.protocol === 'http:') localStorage.setItem('color-scheme', '\"light\"')")
        for link, menu in ((self.newest, "Work Pools"), (self.cells, "Model registry")):
            if link:
                page.go(link)
                page.shows(menu)

    def runs(self, where: str) -> list[dict[str, Any]]:
        """Return MLflow's runs that a search string finds."""
        body = {"experiment_ids": ["1"], "filter": where, "max_results": 1000}
        status, content = answer(f"{self.mlflow}/api/2.0/mlflow/runs/search", body=body, auth=self.auth)
        assert status == 200, content
        return list(json.loads(content).get("runs", []))

    def open_flow_run(self, page: Page, name: str, tab: str) -> None:
        """Open Prefect's page of a flow run, at one of its tabs."""
        page.go(f"{self.prefect}/runs")
        page.click(leaf(name))
        page.shows("Task Runs", "Artifacts")
        chosen = f"new URLSearchParams(location.search).get('tab') === {json.dumps(tab)}"
        for _ in range(20):  # the page goes back to its first tab when it has learnt which ones there are
            page.click(leaf(tab))
            time.sleep(0.7)
            if page.say(chosen):
                return
        raise AssertionError(f"the tab {tab} cannot be chosen; the page says\n{page.text()}")

    def open_artifact(self, page: Page, key: str) -> None:
        """Open the latest artifact of a key on its own page."""
        page.go(f"{self.prefect}/artifacts/key/{key}")
        page.shows(f"Created {key}")
        page.click(f"{_LEAVES}.filter(e => /^[0-9a-f]{{8}}$/.test(e.innerText.trim())).pop()")

    def open_comparison(self, page: Page, runs: Sequence[str], x: str, y: str) -> None:
        """Open MLflow's comparison of runs, at the box plot of a metric by a parameter."""
        body = {"runs": list(runs), "experiments": ["1"]}
        page.go(f"{self.mlflow}/#/compare-runs?{'&'.join(f'{k}={quote(json.dumps(v))}' for k, v in body.items())}")
        page.click("[...document.querySelectorAll('[role=tab]')].find(e => e.innerText.trim() === 'Box Plot')")
        for axis, name in (("x", x), ("y", y)):
            page.click(f"document.getElementById('{axis}-axis-selector')")
            page.click(f"[...document.querySelectorAll('[role=option]')].find(e => e.innerText.trim() === '{name}')")

    def artifact(self, run: str, path: str) -> str:
        """Return the address of MLflow's page of a run where one of its artifacts is open."""
        return f"{self.mlflow}/#/experiments/1/runs/{run}/artifacts/{path}"


_LEAVES = "[...document.querySelectorAll('*')].filter(e => !e.children.length && e.innerText)"


def leaf(text: str) -> str:
    """Return the expression of the last element that says just this."""
    return f"{_LEAVES}.filter(e => e.innerText.trim() === {json.dumps(text)}).pop()"


@contextlib.contextmanager
def ui(outputs: Path) -> Iterator[Ui]:
    """Run ``va-experiments ui`` on free ports until the block ends."""
    outputs.mkdir(parents=True, exist_ok=True)
    process, text, *ports = start_ui(outputs)
    try:
        links = dict(re.findall(r"^(MLflow|Prefect) +(\S+)", text, re.MULTILINE))
        mlflow, prefect = (f"http://127.0.0.1:{port}" for port in ports)
        yield Ui(mlflow, prefect, links["MLflow"], links["Prefect"], (outputs / "prefect" / "auth").read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
