"""A fit and its cells: fitted once, the same bits as alone, errors kept, everything that a row needs recorded."""

from __future__ import annotations

import dataclasses
import os
import resource
import socket
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from va_experiments.cell import (
    Cell,
    Fit,
    ModelSpec,
    Setting,
    decode_prediction,
    failure_of,
    prediction_sha256,
    run_fit,
)
from va_experiments.cell import run as run_module
from va_experiments.cell.serialization import versions
from va_experiments.data.deaths import Deaths
from va_experiments.models.nbc import NaiveBayes
from va_experiments.protocols import splits
from va_experiments.seeds import integer_seed


def cells_of(deaths: Deaths, model: dict, protocol: dict | None = None, n_bootstrap: int = 20) -> list[Cell]:
    setting = Setting("small", deaths.fingerprint, "hce", {"name": "natural"}, "model", n_bootstrap, 1)
    spec = ModelSpec.from_config(model)
    protocol = protocol or {"name": "one_to_one", "train_sites": "North"}
    return [Cell(spec, split, setting) for split in splits(protocol, deaths)]


NBC = {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"}
FOREST = {"name": "forest", "_target_": "va_experiments.models.random_forest.RandomForest", "n_trees": 5}


@pytest.mark.parametrize("model", [NBC, FOREST], ids=["nbc", "forest"])
def test_cells_that_share_a_fit_get_the_bits_that_each_gets_alone(small_deaths: Deaths, model: dict) -> None:
    cells = cells_of(small_deaths, model)
    together = run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths)
    alone = [run_fit(Fit(c.fit_key, (c,)), small_deaths)[0] for c in cells]
    assert len(together) == 2
    for shared, single in zip(together, alone, strict=True):
        assert shared.failure is None
        assert shared.prediction_sha256 == single.prediction_sha256
        assert shared.predictions == single.predictions
        assert shared.metrics == single.metrics


def test_the_model_is_fitted_once(small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []
    fit = NaiveBayes.fit
    monkeypatch.setattr(NaiveBayes, "fit", lambda self, *a, **k: fitted.append(1) or fit(self, *a, **k))
    cells = cells_of(small_deaths, NBC)
    run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths)
    assert len(fitted) == 1


def test_a_result_says_what_a_row_needs(small_deaths: Deaths) -> None:
    cell = cells_of(small_deaths, NBC)[0]
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    train, test = cell.split.indices(small_deaths)
    assert result.facts["n_train"] == len(train)
    assert result.facts["n_test"] == len(test)
    assert result.facts["split_sha256"] == cell.split.hash(small_deaths)
    assert result.facts["model_seed"] == integer_seed(cell.fit_seed_key, "fit")
    assert result.facts["ended"] >= result.facts["started"]
    assert {"fit_seconds", "predict_seconds", "score_seconds", "encode_seconds", "cpu_seconds"} <= set(result.timings)
    ids, truth, prediction = decode_prediction(result.predictions)
    assert ids.tolist() == small_deaths.id[test].tolist()
    assert small_deaths.cause is not None
    assert truth.tolist() == small_deaths.cause[test].tolist()
    assert prediction_sha256(prediction) == result.prediction_sha256
    assert result.metrics["top1"] == pytest.approx((prediction.top_cause == truth).mean(), abs=1e-12)


def test_figures_by_cause_are_recorded(small_deaths: Deaths) -> None:
    cell = cells_of(small_deaths, NBC)[0]
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    _, truth, prediction = decode_prediction(result.predictions)
    sensitivity = [float((prediction.top_cause[truth == c] == c).mean()) for c in range(4)]
    assert result.per_cause["sensitivity"] == pytest.approx(sensitivity, abs=1e-12)
    assert {len(values) for values in result.per_cause.values()} == {4}
    assert {type(v) for values in result.per_cause.values() for v in values} == {float}


def test_the_number_of_the_attempt_is_recorded(small_deaths: Deaths) -> None:
    cells = cells_of(small_deaths, NBC)
    assert [r.attempt for r in run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths, attempt=2)] == [2, 2]
    assert [r.attempt for r in run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths)] == [1, 1]


def test_a_cell_that_trains_on_other_deaths_than_its_fit_fails(small_deaths: Deaths) -> None:
    first, other = cells_of(small_deaths, NBC)[0], cells_of(small_deaths, NBC, {"name": "leave_one_site_out"})[0]
    results = run_fit(Fit(first.fit_key, (first, other)), small_deaths)
    assert [r.status for r in results] == ["done", "failed"]
    assert results[1].failure is not None
    assert results[1].failure.message == "cells of one fit must share their training rows"


def test_tuning_is_timed_apart_inside_the_fit(small_deaths: Deaths) -> None:
    tuned = {"name": "tuned", "_target_": "va_experiments.models.ensembles.tuned.Tuned", "model": "nbc", "budget": 2}
    for model, chooses in ((NBC, False), (tuned, True)):
        cell = cells_of(small_deaths, model)[0]
        (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
        assert (result.timings["tuning_seconds"] > 0) is chooses
        assert result.timings["tuning_seconds"] < result.timings["fit_seconds"]


def test_an_error_fails_every_cell_of_the_fit_and_is_told(small_deaths: Deaths) -> None:
    broken = {"name": "broken", "_target_": "va_experiments.models.xgboost.XGBoost", "device": "cuda"}
    cells = cells_of(small_deaths, broken)
    results = run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths, attempt=2)
    assert [r.status for r in results] == ["failed", "failed"]
    for result in results:
        assert result.failure is not None
        assert "Traceback" in result.failure.traceback
        assert result.attempt == result.failure.attempts == 2
        assert not result.metrics
        assert result.facts["ended"] >= result.facts["started"] > 1e9
        assert result.facts["versions"] == dict(versions())
    assert [r.key for r in results] == [c.key for c in cells]


def test_an_error_in_predict_fails_that_cell_alone(small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = NaiveBayes.predict

    def fails_in_the_south(self, test, *, seed=0):
        if test.sites[int(test.site[0])] == "South":
            raise ArithmeticError("no answer")
        return predict(self, test, seed=seed)

    monkeypatch.setattr(NaiveBayes, "predict", fails_in_the_south)
    cells = cells_of(small_deaths, NBC)
    south, west = run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths, attempt=2)
    assert west.failure is None
    assert south.failure is not None
    assert (south.failure.error, south.failure.message, south.failure.attempts) == ("ArithmeticError", "no answer", 2)
    assert south.facts["worker"]


def test_a_model_of_fixed_knowledge_is_given_no_training_deaths(
    small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, sizes = NaiveBayes.fit, []
    monkeypatch.setattr(
        NaiveBayes, "fit", lambda self, d, *, seed=0: sizes.append(len(d)) or fit(self, small_deaths, seed=seed)
    )
    for csmf in ("model", "em"):
        setting = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, csmf, 0, 1)
        spec = dataclasses.replace(ModelSpec.from_config(NBC), trains=False)
        cell = Cell(spec, splits({"name": "leave_one_site_out"}, small_deaths)[0], setting)
        (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    assert sizes == [0, 0], "and it is not fitted to folds of them either"
    assert result.failure is not None
    assert result.failure.message.endswith("learns from predictions of training deaths; none are given")


def test_warnings_are_recorded_sorted_each_once_and_shortened(
    small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = NaiveBayes.fit

    def warning_fit(self, train, *, seed=0):
        for number in range(12):
            warnings.warn(f"{number % 11:02d} {'x' * 400}", stacklevel=1)
        return fit(self, train, seed=seed)

    monkeypatch.setattr(NaiveBayes, "fit", warning_fit)
    cell = cells_of(small_deaths, NBC)[0]
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    assert result.facts["warnings"] == [f"{number:02d} {'x' * 400}"[:300] for number in range(10)]


def test_seconds_of_a_fit_are_shared_by_its_cells(small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = {"wall": 0.0, "cpu": 0.0}

    def tick(name: str, step: float) -> float:
        ticks[name] += step
        return ticks[name]

    fake = SimpleNamespace(
        perf_counter=lambda: tick("wall", 8.0), process_time=lambda: tick("cpu", 2.0), time=lambda: 1.5e9
    )
    monkeypatch.setattr(run_module, "time", fake)
    monkeypatch.setattr(NaiveBayes, "tuning_seconds_", 6.0, raising=False)
    cells = cells_of(small_deaths, NBC)
    first, second = run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths)
    for result in (first, second):
        # each reading of a clock is 8 seconds (2 of CPU) after the one before
        assert result.timings["load_seconds"] == result.timings["fit_seconds"] == 4.0
        assert result.timings["tuning_seconds"] == 3.0
        assert result.timings["fit_cpu_seconds"] == 1.0
        assert [result.timings[f"{p}_seconds"] for p in ("predict", "score", "encode")] == [8.0, 8.0, 8.0]
        # four readings of the CPU clock in the test, and half of the fit's two
        assert result.timings["cpu_seconds"] == 8.0 + 2.0
        assert result.facts["started"] == result.facts["ended"] == 1.5e9
    monkeypatch.setattr(NaiveBayes, "predict", lambda *_, **__: 1 / 0)
    for result in run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths):
        assert result.status == "failed"
        assert result.timings["cpu_seconds"] == 2.0


def test_where_a_cell_ran_and_its_peak_memory_are_recorded(small_deaths: Deaths) -> None:
    cell = cells_of(small_deaths, NBC)[0]
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    assert result.facts["worker"] == f"{socket.gethostname()}:{os.getpid()}"
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if sys.platform == "linux":
        assert result.facts["peak_memory_mb"] == pytest.approx(kilobytes / 1024, rel=0.01)
        assert round(result.facts["peak_memory_mb"], 1) == result.facts["peak_memory_mb"]


def test_libraries_use_one_thread_in_a_fit(small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, seen = NaiveBayes.fit, []
    monkeypatch.setattr(
        NaiveBayes,
        "fit",
        lambda self, d, *, seed=0: seen.extend(p["num_threads"] for p in threadpool_info()) or fit(self, d, seed=seed),
    )
    cell = cells_of(small_deaths, NBC)[0]
    with threadpool_limits(3):
        run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    assert set(seen) == {1}


def test_an_interrupt_is_no_failure() -> None:
    with pytest.raises(KeyboardInterrupt):
        failure_of(KeyboardInterrupt())
    assert failure_of(MemoryError("10 GB")).message == "out of memory: 10 GB"


def test_a_failure_holds_class_message_end_of_the_traceback_and_bases() -> None:
    try:
        raise FileNotFoundError(2, "x" * 3000)
    except FileNotFoundError as error:
        failure = failure_of(error, attempt=3)
    assert failure.error == "FileNotFoundError"
    assert failure.message == f"[Errno 2] {'x' * 3000}"[:2000]
    assert failure.attempts == 3
    assert failure.classes == ("FileNotFoundError", "OSError", "Exception", "BaseException", "object")
    assert failure.traceback.startswith("Traceback (most recent call last):\n  File")
    assert failure.traceback.endswith("x\n")
    assert failure_of(ValueError()).message == "ValueError()"
    assert failure_of(ValueError()).attempts == 1
    long = failure_of(ValueError("y" * 50_000))
    assert len(long.traceback) == 20_000
    with pytest.raises(GeneratorExit):
        failure_of(GeneratorExit())


def test_the_threads_of_libraries_are_given_back(small_deaths: Deaths) -> None:
    before = {p["filepath"]: p["num_threads"] for p in threadpool_info()}
    cell = cells_of(small_deaths, NBC)[0]
    run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    after = {p["filepath"]: p["num_threads"] for p in threadpool_info()}
    assert {k: after[k] for k in before} == before


def test_models_of_a_split_are_scored_on_the_same_resamples(small_deaths: Deaths) -> None:
    # the bootstrap's seed comes from the split: two models that predict alike have equal intervals
    first = cells_of(small_deaths, NBC)[0]
    second = cells_of(small_deaths, {**NBC, "alpha": 1.0 + 1e-13})[0]
    assert first.key != second.key
    a, b = (run_fit(Fit(c.fit_key, (c,)), small_deaths)[0].metrics for c in (first, second))
    assert np.isclose(a["top1_low"], b["top1_low"], rtol=0, atol=0)
    assert a["top1_low"] < a["top1"] < a["top1_high"]
