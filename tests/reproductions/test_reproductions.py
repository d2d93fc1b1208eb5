"""The reproductions: the printed page, that each runs, and that openVA's published figures are reproduced."""

from __future__ import annotations

import dataclasses
import importlib
import math

import numpy as np
import pytest

from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models import NaiveBayes, Prior
from va_experiments.reproductions import REPRODUCTIONS, fitting, reproduction_of
from va_experiments.reproductions.__main__ import main
from va_experiments.reproductions.fitting import divisions
from va_experiments.reproductions.openva_ap import ROWS
from va_experiments.reproductions.table import Compared, ReproductionOptions, markdown, median_and_interval

CHEAP = {"insilico": Prior, "nbc": NaiveBayes}


@pytest.fixture
def deaths(small_deaths) -> Deaths:
    """The simulated deaths, one of whose sites is called AP."""
    return dataclasses.replace(small_deaths, sites=("AP", "South", "West"))


def test_a_row_by_hand():
    row = Compared("InterVA", "interva", "AP", "CSMF accuracy", 0.53, 0.55, 0.51, 0.58)
    assert row.difference == pytest.approx(0.02)
    assert row.difference_interval == pytest.approx((-0.02, 0.05))
    alone = Compared("", "prior", "AP", "CSMF accuracy", math.nan, 0.7, 0.6, 0.8)
    reproduction = reproduction_of("openva_ap")
    page = markdown(reproduction, [row, alone], data="made up", options=ReproductionOptions(), date="2026-11-23")
    assert "| 0.530 | 0.550 | +0.020 | -0.020 to +0.050 | 1 |" in page
    assert "| not given | 0.700 (0.600 to 0.800) |  |  | 1 |" in page
    assert "nan" not in page


def test_median_and_its_interval():
    x = np.random.default_rng(0).normal(size=400)
    middle, low, high = median_and_interval(x)
    assert middle == np.median(x)
    half = 1.96 * 1.2533 / math.sqrt(400)  # the median's standard error is sqrt(pi / 2) times that of the mean
    assert high - low == pytest.approx(2 * half, rel=0.35)
    assert low < middle < high
    assert math.isnan(median_and_interval([1.0, 2.0])[1])


OPTIONS = {"stratified": True, "metrics": ("csmf_accuracy_model", "top1")}


def test_divisions_are_the_same_for_every_model_and_follow_the_seed(deaths):
    both = divisions({"a": NaiveBayes, "b": NaiveBayes, "prior": Prior}, deaths, ReproductionOptions(4), **OPTIONS)
    assert np.array_equal(both["a"]["top1"], both["b"]["top1"])
    assert both["a"]["csmf_accuracy_model"].mean() > both["prior"]["csmf_accuracy_model"].mean()
    other = divisions({"a": NaiveBayes}, deaths, ReproductionOptions(4, seed=2), **OPTIONS)
    assert not np.array_equal(both["a"]["top1"], other["a"]["top1"])


def test_divisions_continue_after_an_interruption_with_any_number_of_processes(deaths, tmp_path, monkeypatch):
    whole = divisions({"a": NaiveBayes}, deaths, ReproductionOptions(4), **OPTIONS)
    divisions({"a": NaiveBayes}, deaths, ReproductionOptions(2, cache_folder=tmp_path), **OPTIONS)
    (file,) = tmp_path.glob("*.jsonl")
    file.write_text(file.read_text(encoding="utf-8") + '{"division": 3, "figu', encoding="utf-8")
    lines: list[str] = []
    two = ReproductionOptions(4, report=lines.append, workers=2, cache_folder=tmp_path)
    assert np.array_equal(divisions({"a": NaiveBayes}, deaths, two, **OPTIONS)["a"]["top1"], whole["a"]["top1"])
    assert lines[0] == "2 of 4 divisions are finished already"
    monkeypatch.setattr(fitting, "fitted_scores", None)  # nothing is left to fit
    again = divisions({"a": NaiveBayes}, deaths, ReproductionOptions(4, cache_folder=tmp_path), **OPTIONS)
    assert np.array_equal(again["a"]["top1"], whole["a"]["top1"])
    with pytest.raises(TypeError, match="not callable"):
        divisions(
            {"a": Prior}, deaths, ReproductionOptions(4, cache_folder=tmp_path), **OPTIONS
        )  # another model: other figures


@pytest.mark.parametrize("name", sorted(set(REPRODUCTIONS) - {"reproduce_openva_ap"}))
def test_each_runs(name, deaths, monkeypatch):
    module = importlib.import_module(f"va_experiments.reproductions.{name.removeprefix('reproduce_')}")
    monkeypatch.setattr(module, "MAKERS", {m: CHEAP.get(m.split()[0], NaiveBayes) for m in module.MAKERS})
    lines: list[str] = []
    reproduction = reproduction_of(name)
    rows = reproduction.run(deaths, ReproductionOptions(resamples=3, report=lines.append))
    assert lines
    assert any(np.isfinite(r.published) for r in rows)
    assert any(np.isnan(r.published) for r in rows)
    assert all(np.isfinite(r.obtained) for r in rows)
    page = markdown(reproduction, rows, data="made up", options=ReproductionOptions(3), date="today")
    assert ("has 500 divisions, this page 3." in page) == (reproduction.divisions == 500)
    assert page.count("\n| ") == len(rows) + 1


def test_invalid_options_are_named(capsys, tmp_path):
    with pytest.raises(InputError, match="did you mean 'reproduce_li_2020'"):
        reproduction_of("li_2021")
    assert main(["openva_ap", "--resamples", "0"]) == 2
    assert main(["openva_ap", "--workers", "0"]) == 2
    assert main(["openva_ap", "--write", str(tmp_path / "nowhere")]) == 2
    assert main(["openva_app"]) == 2
    assert "did you mean 'reproduce_openva_ap'" in capsys.readouterr().err


@pytest.mark.real_data
def test_openva_published_figures_are_reproduced(phmrc_dir, monkeypatch):
    """R Journal 2023: InterVA .53, NBC .77 (rounded). InSilicoVA and Tariff take longer: docs/results has them."""
    deaths = read_phmrc("adult", phmrc_dir / "adult.csv.gz", compat=True)
    module = importlib.import_module("va_experiments.reproductions.openva_ap")
    monkeypatch.setattr(module, "ROWS", [r for r in ROWS if r[0] in ("InterVA", "NBC")])
    for row in module.run(deaths, ReproductionOptions()):
        print(row.method, row.published, row.obtained)
        assert row.obtained == pytest.approx(row.published, abs=0.0051)
        assert row.low < row.obtained < row.high


def test_other_data_have_pages_of_their_own(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a short path stands whole in the errors
    (tmp_path / "empty").mkdir()
    assert main(["vacalibration_comsa", "--data", "x.csv"]) == 2
    assert main(["eava_openva"]) == 2
    assert main(["lcva_simulated", "--data", "empty"]) == 2
    assert main(["eava_openva", "--data", "empty"]) == 2
    error = capsys.readouterr().err
    assert "needs no file; leave --data out" in error
    assert "name the example deaths of package EAVA with --data FILE" in error
    assert "simulated_train.csv.gz" in error
    assert "DataEAVA.csv" in error


def test_a_page_on_other_data_is_printed_and_written(capsys, tmp_path, monkeypatch):
    module = importlib.import_module("va_experiments.reproductions.vacalibration_comsa")
    monkeypatch.setattr(module, "page", lambda data: "# a page\n")
    assert main(["vacalibration_comsa", "--write", str(tmp_path)]) == 0
    assert "# a page" in capsys.readouterr().out
    assert (tmp_path / "reproduce_vacalibration_comsa.md").read_text(encoding="utf-8") == "# a page\n"


@pytest.mark.real_data
def test_eava_in_the_vignette_is_reproduced_in_every_digit(reference_dir):
    from va_experiments.reproductions.eava_openva import page

    assert "21 of 21 fractions equal" in page(str(reference_dir / "eava" / "DataEAVA.csv.gz"))
