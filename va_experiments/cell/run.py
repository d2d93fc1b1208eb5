"""Run a fit and the cells that share it: pure, without disk, server or scheduler."""

from __future__ import annotations

import dataclasses
import os
import resource
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments import callbacks
from va_experiments.cell.cause_level import CauseLevel, at_level, truth_at_level
from va_experiments.cell.cell import Cell, Fit
from va_experiments.cell.conformal import NEEDS_TRAINING_FRACTIONS, conformal_intervals
from va_experiments.cell.csmf_correction import out_of_fold, with_fractions
from va_experiments.cell.prepare import prepare
from va_experiments.cell.result import Failure, Result
from va_experiments.cell.serialization import encode_prediction, plain, prediction_sha256, versions
from va_experiments.cell.target_labels import GBQL, label_scores, labelled_deaths, predict_labelled
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.quantification import OutOfFoldPredictions
from va_experiments.models.base import Model, Prediction
from va_experiments.seeds import integer_seed

__all__ = ["failure_of", "one_thread", "run_fit"]


def run_fit(fit: Fit, deaths: Deaths, *, attempt: int = 1) -> list[Result]:
    """Fit once, test every cell of the fit, and return their results in order; errors become failures.

    Parameters
    ----------
    fit : Fit
    deaths : Deaths
        The data whose fingerprint the cells name, at all feature levels.
    attempt : int
        Which try this is; recorded.
    """
    started = time.time()
    with one_thread(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        clock = _Clock()
        try:
            prepared = prepare(fit.cells[0].split, fit.setting.features, deaths)
            data, train_rows = prepared.deaths, prepared.train_rows
            rows = train_rows, prepared.test_rows
            train = data.take(train_rows)
            with_own_causes = _in_own_causes(data, fit.setting.level)
            load = clock.lap()
            estimator = fit.model.estimator()
            learned_from = train if fit.model.trains else with_own_causes.take(np.zeros(0, dtype=np.intp))
            parts = _parts(fit, estimator)
            with parts.next():
                estimator.fit(learned_from, seed=integer_seed(fit.seed_key, "fit"))
            training = out_of_fold(fit, train) if fit.model.trains else None
            trained = _Trained(estimator, data, train_rows, train, training)
            fitted = clock.lap()
        except BaseException as error:
            failure = failure_of(error, attempt)
            return [Result(key=c.key, failure=failure, attempt=attempt, facts=_facts(c, started)) for c in fit.cells]
        results = []
        for number, cell in enumerate(fit.cells):
            with parts.next():
                own_rows = rows if number == 0 else None
                result = _test(cell, trained, own_rows, attempt)
            result.facts |= _facts(cell, started) | {"warnings": sorted({str(w.message)[:300] for w in caught})[:10]}
            share = 1 / len(fit.cells)
            result.timings |= {
                "load_seconds": load.wall * share,
                "fit_seconds": fitted.wall * share,
                "tuning_seconds": estimator.tuning_seconds_ * share,
                "fit_cpu_seconds": fitted.cpu * share,
            }
            result.timings["cpu_seconds"] = (
                result.timings.pop("test_cpu_seconds", 0.0) + (load.cpu + fitted.cpu) * share
            )
            results.append(result)
        return results


def _parts(fit: Fit, estimator: Model) -> callbacks.Parts:
    """Return the parts of a fit by their expected shares of its time: the training, and the tests of its cells."""
    share = estimator.prediction_share
    return callbacks.Parts([1 - share, *(share * _predictions(cell, estimator) for cell in fit.cells)], states=True)


def _predictions(cell: Cell, estimator: Model) -> float:
    """Return how many predictions the test of a cell takes, about."""
    resampled = float(cell.setting.testset.get("n_resamples", 0))
    if estimator.prediction_is_costly:
        return 1.0 + resampled  # each resampled test set is predicted by itself
    return 2.0 if resampled and estimator.depends_on_test_set else 1.0


@lru_cache(maxsize=1)
def _thread_pools(modules: int) -> Any:
    """Return the thread pools of the libraries loaded so far; looking for them takes longer than a small fit."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> Any:
    """Return the context in which libraries use one thread: last bits must not depend on how many cores there are."""
    return _thread_pools(len(sys.modules)).limit(limits=1)


@dataclass(frozen=True)
class _Trained:
    """What the cells of a fit share: the estimator, the deaths it learned from, and the rows of the first cell."""

    estimator: Model
    data: Deaths
    train_rows: npt.NDArray[Any]
    train: Deaths
    training: OutOfFoldPredictions | None


@dataclass(frozen=True)
class _Predicted:
    """The prediction of a test set, at the level of causes that it is scored at, and the truth there.

    `by_death` is the estimator's own prediction, before fractions and levels; `blind` are the deaths it was given.
    """

    prediction: Prediction
    causes: tuple[str, ...]
    truth: npt.NDArray[Any] | None
    train_cause: npt.NDArray[Any] | None
    by_death: Prediction
    blind: Deaths
    labelled: Deaths | None
    seed: int
    facts: dict[str, Any]


def _test(
    cell: Cell,
    trained: _Trained,
    rows: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None,
    attempt: int,
) -> Result:
    """Predict and score the test deaths of a cell; an error becomes the failure of the result."""
    import va_experiments.metrics.testset_scores  # noqa: F401  (here, so that no cell's time counts its import)

    clock = _Clock()
    result = Result(key=cell.key, attempt=attempt)
    try:
        cell_train, test_rows = rows = cell.split.indices(trained.data) if rows is None else rows
        if not np.array_equal(cell_train, trained.train_rows):
            raise AssertionError("cells of one fit must share their training rows")
        test = trained.data.take(test_rows)
        parts = callbacks.Parts([1.0, _predictions(cell, trained.estimator) - 0.95], states=True)
        predicted = _predict(cell, trained, test, parts)
        predict_lap, facts = clock.lap(), dict(predicted.facts)
        if predicted.truth is not None:
            facts |= _score(cell, trained, predicted, predicted.truth, parts, result)
        score_lap = clock.lap()
        prediction = predicted.prediction
        result.predictions = encode_prediction(test.id, prediction, predicted.truth, predicted.causes)
        result.prediction_sha256 = prediction_sha256(prediction)
        result.diagnostics = plain(prediction.diagnostics)
        result.facts = {
            "n_train": len(trained.train),
            "n_test": len(test),
            "split_sha256": cell.split.hash(trained.data, rows),
            "causes": list(predicted.causes),
            **plain(facts),
        }
        result.timings = {
            "predict_seconds": predict_lap.wall,
            "score_seconds": score_lap.wall,
            "encode_seconds": clock.lap().wall,
            "test_cpu_seconds": clock.total_cpu(),
        }
    except BaseException as error:
        result.failure = failure_of(error, attempt)
    return result


def _predict(cell: Cell, trained: _Trained, test: Deaths, parts: callbacks.Parts) -> _Predicted:
    """Predict the test deaths without their causes, estimate the cause fractions, and move to the level of scores."""
    setting, level, data = cell.setting, cell.setting.level, trained.data
    blind, seed = _in_own_causes(test, level).without_causes(), integer_seed(cell.seed_key, "predict")
    labelled = labelled_deaths(cell.split, data)
    known = predict_labelled(trained.estimator, labelled, seed=seed) if setting.csmf == GBQL else None
    with parts.next():
        by_death = trained.estimator.predict(blind, seed=seed)
    prediction, facts = with_fractions(by_death, setting, trained.training, data, seed=seed, labelled=known)
    truth, train_cause, causes = test.cause, trained.train.cause, data.causes
    if level is not None:
        prediction, causes = at_level(prediction, level), level.causes
        truth = None if truth is None else truth_at_level(truth, level)
        train_cause = None if train_cause is None else truth_at_level(train_cause, level)
    return _Predicted(prediction, causes, truth, train_cause, by_death, blind, labelled, seed, facts)


def _score(
    cell: Cell,
    trained: _Trained,
    predicted: _Predicted,
    truth: npt.NDArray[Any],
    parts: callbacks.Parts,
    result: Result,
) -> dict[str, Any]:
    """Score a prediction on the test sets of the design: write the metrics into the result, and return the facts."""
    from va_experiments.metrics.testset_scores import score_design

    setting, level = cell.setting, cell.setting.level
    intervals, why = conformal_intervals(setting, trained.training, trained.train, level)
    resampled = trained.estimator.depends_on_test_set or setting.csmf in NEEDS_TRAINING_FRACTIONS

    def predict_again(sets: Sequence[npt.NDArray[np.intp]]) -> Iterator[Prediction]:
        for by_death in _of_sets(trained.estimator, predicted.by_death, predicted.blind, sets, predicted.seed):
            one = with_fractions(
                by_death, setting, trained.training, trained.data, seed=predicted.seed, resampled=True
            )[0]
            yield one if level is None else at_level(one, level)

    with parts.next():
        scores, facts = score_design(
            setting.testset,
            truth,
            predicted.prediction,
            predicted.causes,
            seed=integer_seed([cell.split.spec(), setting.seed], "bootstrap"),
            n_bootstrap=setting.n_bootstrap,
            train_cause=predicted.train_cause,
            predict=predict_again if resampled else None,
            intervals=intervals,
        )
    facts = ({"csmf_interval_abstained": why} if why else {}) | facts
    abstained = "csmf_abstained" in predicted.facts or "csmf_abstained" in facts
    result.metrics = {
        k: float(v) for k, v in scores.values.items() if not (abstained and k.startswith("csmf_accuracy_model"))
    }
    if predicted.labelled is not None:
        result.metrics |= label_scores(truth, predicted.labelled, predicted.prediction, level)
    result.per_cause = {k: np.asarray(v, dtype=float).tolist() for k, v in scores.per_cause.items()}
    return facts


def _of_sets(
    estimator: Model, predicted: Prediction, blind: Deaths, sets: Sequence[npt.NDArray[np.intp]], seed: int
) -> Iterator[Prediction]:
    """Yield the prediction of each resampled test set; of a model that predicts each death alone, from `predicted`."""
    if estimator.depends_on_test_set:
        yield from estimator.predict_sets(blind, sets, seed=seed)
        return
    assert predicted.top_cause is not None
    for rows in sets:
        yield Prediction(predicted.probability[rows], predicted.csmf, None, predicted.top_cause[rows])


def _in_own_causes(deaths: Deaths, level: CauseLevel | None) -> Deaths:
    """Return the deaths with the cause list that the model predicts, without causes where that is not the data's."""
    if level is None or not level.model_causes or level.model_causes == deaths.causes:
        return deaths
    return dataclasses.replace(deaths, causes=level.model_causes, cause=None, groups=())


def _facts(cell: Cell, started: float) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "started": started,
        "ended": time.time(),
        "worker": f"{socket.gethostname()}:{os.getpid()}",
        "peak_memory_mb": round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1),
        "versions": dict(versions()),
        "model_seed": integer_seed(cell.fit_seed_key, "fit"),
    }


def failure_of(error: BaseException, attempt: int = 1) -> Failure:
    """Return the failure that an exception means; interrupts are raised again."""
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        raise error
    message = str(error) or repr(error)
    if isinstance(error, MemoryError):
        message = f"out of memory: {message}"
    text = "".join(traceback.format_exception(error))[-20_000:]
    classes = tuple(c.__name__ for c in type(error).__mro__)
    return Failure(type(error).__name__, message[:2000], text, attempts=attempt, classes=classes)


@dataclass(frozen=True)
class _Lap:
    wall: float
    cpu: float


class _Clock:
    """Wall and CPU seconds since the last lap."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._start_cpu = self._cpu

    def lap(self) -> _Lap:
        wall, cpu = time.perf_counter(), time.process_time()
        lap = _Lap(wall - self._wall, cpu - self._cpu)
        self._wall, self._cpu = wall, cpu
        return lap

    def total_cpu(self) -> float:
        return time.process_time() - self._start_cpu
