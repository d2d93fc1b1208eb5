"""The pages that people watch a run on, opened in a real browser: Prefect's, MLflow's, the report."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chromium import CHROMIUM, MISSING, Page, chromium
from tests.end_to_end.conftest import Ran, run_command
from tests.watched import Ui, ui

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.nightly]

CELLS = {"nbc → AP", "nbc → Pemba", "interva → AP", "interva → Pemba"}
JOBS = {f"model={model} site={site}" for model in ("nbc", "interva") for site in ("ap", "pemba")}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ui, Ran, Page]]:
    """One run that both servers recorded, and a browser."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    outputs = tmp_path_factory.mktemp("watched") / "o"
    with ui(outputs) as servers:
        jobs = ("model=nbc,interva", "site=ap,pemba", "execution=inline", "-m")
        ran = run_command(*jobs, outputs=outputs)
        assert ran.code == 0, ran.err
        with chromium(outputs.parent / "profile") as page:
            page.size(1400, 900)
            servers.greet(page)
            yield servers, ran, page


def test_prefect_shows_the_run_its_jobs_and_its_artifacts(seen: tuple[Ui, Ran, Page]) -> None:
    servers, ran, page = seen
    name = f"{ran.folder.parent.name}/{ran.folder.name}"
    servers.open_flow_run(page, name, "Task Runs")
    page.shows(name, "Completed", "prepare data", *JOBS, "report", "6 Task runs")
    servers.open_flow_run(page, name, "Artifacts")
    page.shows("va-progress", "va-answer", "va-leaderboard", "va-mlflow", "4 done, 0 reused, 0 failed of 4 cells")
    assert page.faults == []


def test_prefects_leaderboard_has_every_model_and_site(seen: tuple[Ui, Ran, Page]) -> None:
    servers, ran, page = seen
    servers.open_artifact(page, "va-leaderboard")
    page.shows("CSMF accuracy (top causes)", "mean", "AP", "Pemba", "nbc", "interva", "prior *", "uniform *")
    one = ran.cells.query("model == 'nbc' and test_site == 'AP'")["csmf_accuracy_top"].item()
    page.shows(f"{one:.3f}".lstrip("0"), "simulated")


def test_the_printed_link_opens_the_newest_run_with_its_artifacts(seen: tuple[Ui, Ran, Page]) -> None:
    servers, ran, page = seen
    page.go(servers.newest)
    page.shows(f"{ran.folder.parent.name}/{ran.folder.name}", "va-answer", "va-leaderboard", "va-progress")
    assert page.faults == []
    assert "Upgrade" not in page.text()
    address = page.say("location.href")
    assert address.startswith(f"{servers.prefect}/runs/flow-run/")
    assert "key=" not in address


def test_the_printed_link_logs_the_browser_in(seen: tuple[Ui, Ran, Page]) -> None:
    servers, _, page = seen
    page.go(servers.cells)
    page.shows("cells, best first")
    assert "key=" not in page.say("location.href"), "the key does not stay in the address"


def test_mlflow_opens_on_the_cells_with_the_columns_that_matter(seen: tuple[Ui, Ran, Page]) -> None:
    servers, ran, page = seen
    page.go(servers.cells)
    page.shows("cells, best first", *CELLS, "4 matching runs")
    page.shows("csmf_accuracy_top", "csmf_accuracy_model", "top1", "mean_ccc")
    assert not {"GenAI", "Traces", "MLflow Assistant", "Override saved view"} & set(page.text().splitlines())
    page.size(2400, 900)  # the table draws the columns that can be seen
    page.shows("model", "test_site", "train_sites")
    page.size(1400, 900)
    best = ran.cells["csmf_accuracy_top"].max()
    page.shows(str(round(best, 4)))


def test_mlflow_compares_models(seen: tuple[Ui, Ran, Page]) -> None:
    servers, _, page = seen
    cells = [run["info"]["run_id"] for run in servers.runs("tags.`va.kind` = 'cell'")]
    servers.open_comparison(page, cells, "model", "csmf_accuracy_top")
    page.shows("Comparing 4 Runs from 1 Experiment", "csmf_accuracy_top", "brier", "model.alpha", "test_site")
    page.until("document.querySelectorAll('.js-plotly-plot .trace.boxes').length === 2")


def test_mlflow_opens_the_report_of_the_multirun(seen: tuple[Ui, Ran, Page]) -> None:
    servers, _, page = seen
    parent = servers.runs("tags.`va.kind` = 'multirun'")[0]["info"]["run_id"]
    page.go(servers.artifact(parent, "report.html"))
    page.shows("cells.csv", "manifest.json", "report.html", "on simulated deaths, ", "comes first: Top-1 accuracy")
    page.shows("Overview", "Model metrics", "Artifacts")
    assert not {"GenAI", "Traces"} & set(page.text().splitlines()), "no tab for language models"


def test_the_report_answers_in_its_first_sentence(seen: tuple[Ui, Ran, Page]) -> None:
    _, ran, page = seen
    page.go((ran.folder / "report.html").as_uri())
    page.until("document.body.dataset.figures === 'drawn'")
    page.shows("Simulated data.", "on simulated deaths, ", "comes first: Top-1 accuracy", "Leaderboard")
    assert page.faults == []
