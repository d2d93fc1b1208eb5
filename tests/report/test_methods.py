"""The methods paragraph: every choice of a run in words, and every source that it names in the list."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.fake_content import fake_content, fuller
from va_experiments.analysis.leaderboard import leaderboards
from va_experiments.analysis.run_tables import checked_cells
from va_experiments.config.schema import conf_dir
from va_experiments.models.base import Model
from va_experiments.models.model_import import allowed_class
from va_experiments.report.bibliography import SOURCES, cited
from va_experiments.report.methods import OVER_DIVISIONS, OVER_SITES, report_methods
from va_experiments.report.run_methods import ESTIMATORS, MODELS, protocol_words, run_methods
from va_experiments.report.sections import page_sections

NAMED = re.compile(r"([A-Z][A-Za-z-]+ (?:19|20)\d\d)")


def yamls(group: str) -> list[dict]:
    import yaml

    return [yaml.safe_load(p.read_text()) for p in sorted((conf_dir() / group).glob("*.yaml"))]


def job(**changed: object) -> dict:
    base = {
        "model": {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"},
        "protocol": {"name": "leave_one_site_out", "train_size": "all"},
        "testset": {"name": "natural"},
        "features": {"name": "hce"},
        "baselines": ["prior", "uniform"],
        "csmf": "model",
        "n_bootstrap": 100,
    }
    return base | changed


def every_sentence() -> list[str]:
    """What is said of any run: all models, protocols, designs, estimators, and a report with everything in it."""
    jobs = [job(model=m) for m in yamls("model")] + [job(protocol=p) for p in yamls("protocol")]
    jobs.append(job(protocol={"name": "pooled", "stratified": False}))
    jobs += [job(testset=t) for t in yamls("testset")] + [job(csmf=c) for c in ESTIMATORS]
    content = fuller(fake_content())
    assert content.comparisons is not None
    cells = checked_cells(content)
    boards = leaderboards(cells, content.primary_metric, intervals=content.intervals)
    texts = [*run_methods(jobs), *report_methods(content, cells, boards), OVER_SITES, OVER_DIVISIONS]
    resampled = checked_cells(dataclasses.replace(content, cells=content.cells.assign(testset="dirichlet")))
    return texts + report_methods(content, resampled, leaderboards(resampled, content.primary_metric))


def test_whatever_is_cited_is_in_the_list_and_whatever_is_listed_is_cited() -> None:
    texts = every_sentence()
    named = set(NAMED.findall(" ".join(texts)))
    assert named - set(SOURCES) == set()
    assert set(SOURCES) - set(cited(texts)) == set()
    assert list(SOURCES) == sorted(SOURCES)
    for short, full in SOURCES.items():
        author, year = short.rsplit(" ", 1)
        assert full.startswith(author), short
        assert year in full, short


def test_every_model_of_ours_that_has_a_paper_is_cited() -> None:
    for options in yamls("model"):
        assert issubclass(allowed_class(options["_target_"]), Model)
        kind = options["_target_"].rpartition(".")[2]
        without_paper = {"Prior", "Uniform", "Majority", "Predictions", "LogisticRegression"}
        without_paper |= {
            "InvariantRegression",
            "Registered",
            "Blended",
            "BoundedBlend",
            "QuickBlend",
            "Calibrated",
            "Chosen",
        }
        without_paper |= {"TfidfRegression", "Tuned", "Voting"}
        assert kind in MODELS or kind in without_paper, "name its source in MODELS, or here that it has none"
    methods = run_methods([job(), job(model={"name": "lr", "_target_": "sklearn.linear_model.LogisticRegression"})])
    assert methods[0] == (
        "Models: nbc (Miasnikof 2015), lr (sklearn.linear_model.LogisticRegression); baselines, "
        "which use no symptoms: prior, uniform."
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "pooled", "repeats": 500, "test_share": 0.25}, "500 random divisions of the deaths of all sites "
         "together, 25% of the deaths tested, stratified by cause (Murray 2011)"),
        ({"name": "in_domain", "folds": 5, "repeats": 2}, "trained and tested within one site (5 stratified folds, 2 "
         "times)"),
        ({"name": "leave_one_site_out", "train_size": [0.1, 1.0], "replicates": 5}, "trained on all sites but one, "
         "tested on that one, on nested stratified parts of the training deaths (0.1, 1.0), 5 replicates each"),
        ({"name": "combined", "parts": {"a": {"name": "one_to_one"}, "b": {"name": "in_domain", "folds": 1,
          "test_share": 0.2, "test_sites": ["AP", "UP"]}}}, "trained on one site, tested on another; trained and "
         "tested within one site (one stratified division, 20% of the deaths tested), at AP, UP"),
    ],
)  # fmt: skip
def test_a_protocol_in_words(options: dict, words: str) -> None:
    assert protocol_words(options) == words


def test_the_page_lists_the_sources_under_its_methods_and_names_pairs_that_were_not_compared() -> None:
    content = fuller(fake_content())
    assert content.comparisons is not None
    refused = content.comparisons.assign(method="not compared: at 6 of 6 splits ...", difference=float("nan"))
    content = dataclasses.replace(content, comparisons=pd.concat([content.comparisons.iloc[1:], refused.iloc[:1]]))
    cells = checked_cells(content)
    boards = leaderboards(cells, content.primary_metric)
    by_id = {s.id: s for s in page_sections(content, cells, boards, [])}
    table = by_id["methods"].items[-1]["table"]
    assert table["title"] == "Sources"
    assert ("Davison 1997", "") in [row["cells"][0] for row in table["rows"]]
    (paragraph,) = by_id["differences"].paragraphs
    pair = refused.iloc[0]
    assert paragraph["text"].startswith(f"Not compared: {pair['model_a']} and {pair['model_b']};")


def test_the_page_of_the_metrics_gives_the_same_sources() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "explanation" / "metrics.md").read_text(encoding="utf-8")
    plain = " ".join(page.split())
    assert [short for short, full in SOURCES.items() if full not in plain] == []
