"""The contract of `va_experiments.models.base`, checked for every model that ``conf/model`` lists.

A model of your own is checked too if ``VA_MODEL_CONF`` names the folder of its YAML (several: joined as in ``PATH``).
"""

from __future__ import annotations

import dataclasses
import importlib
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from va_experiments.data.deaths import Deaths
from va_experiments.data.eava_columns import EAVA_COLUMNS
from va_experiments.data.probbase import read_probbase
from va_experiments.errors import InputError
from va_experiments.models.base import Model, Prediction, parameters_of

CONF = Path(__file__).resolve().parents[2] / "conf" / "model"
FOLDERS = [CONF, *(Path(p) for p in os.environ.get("VA_MODEL_CONF", "").split(os.pathsep) if p)]
NEEDS_A_FILE = {"predictions", "registered"}
"""Models that say what a file says, and are tested beside their own files."""

FILES = {p.stem: p for folder in FOLDERS for p in sorted(folder.glob("*.yaml")) if p.stem not in NEEDS_A_FILE}

QUICK = {
    "n_iterations": 80,
    "burn_in": 20,
    "n_chains": 2,
    "n_trees": 8,
    "rounds": 3,
    "n_bootstrap": 20,
    "members": ("nbc", "logistic_regression"),
    "candidates": ("nbc", "logistic_regression"),
    "member_parameters": None,
    "budget": 2,
}
"""Small values for the parameters that make a model slow."""

NAMES_UNSEEN_CAUSES = {"uniform"}
"""Models whose documentation says that a cause absent from training gets a probability."""

ORDER_MATTERS: set[str] = set()
"""Models whose documentation says that the order of the training rows plays a part."""


def read(name: str) -> dict:
    return yaml.safe_load(FILES[name].read_text(encoding="utf-8"))


def model_class(name: str) -> type[Model]:
    module, _, cls = read(name)["_target_"].rpartition(".")
    return getattr(importlib.import_module(module), cls)


def given_parameters(name: str) -> dict:
    options = {k: v for k, v in read(name).items() if k not in ("name", "_target_", "resources")}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}


def build(name: str) -> Model:
    parameters = given_parameters(name)
    return model_class(name)(**parameters | {k: v for k, v in QUICK.items() if k in parameters})


@pytest.fixture(scope="module")
def who_deaths() -> Deaths:
    """60 simulated answers to the WHO 2016 questionnaire, with causes."""
    rng = np.random.default_rng(5)
    probbase = read_probbase()
    symptoms = rng.choice([1, 0, -1], size=(60, len(probbase.indicators)), p=[0.15, 0.6, 0.25]).astype(np.int8)
    return Deaths(
        symptoms=symptoms,
        symptom_names=probbase.indicators,
        causes=probbase.causes,
        cause=rng.integers(0, 6, size=60).astype(np.int16),
        sites=("all",),
        site=np.zeros(60, dtype=np.int16),
        id=np.array([f"w{i:03d}" for i in range(60)]),
        simulated=True,
    )


@pytest.fixture(scope="module")
def eava_deaths(who_deaths: Deaths) -> Deaths:
    """The same deaths with the answers that EAVA needs beside the indicators, and none of an adult."""
    rng = np.random.default_rng(6)
    added = rng.choice([1, 0, -1], size=(60, len(EAVA_COLUMNS)), p=[0.3, 0.5, 0.2]).astype(np.int8)
    names = (*who_deaths.symptom_names, *EAVA_COLUMNS)
    return dataclasses.replace(
        who_deaths,
        symptoms=np.hstack([who_deaths.symptoms, added]),
        symptom_names=names,
        blocks=(),
        covariates={"age": rng.choice([0.0, 5.0, 300.0, 900.0], size=60) / 365.25},
    )


def skip_without_package(name: str) -> None:
    """Skip the test if a model's package is not installed."""
    for package, extra in (("lightgbm", "boosting"), ("flaml", "automl")):
        if name == package:
            pytest.importorskip(package, reason=f"needs the extra '{extra}'")


@pytest.fixture(params=sorted(FILES))
def name(request) -> str:
    skip_without_package(request.param)
    return request.param


@pytest.fixture
def split(name: str, small_deaths: Deaths, who_deaths: Deaths, eava_deaths: Deaths) -> tuple[Deaths, Deaths]:
    """Deaths that the model can take: to train on, and to test."""
    standard = not model_class(name).trains or read(name).get("mode") == "standard"
    deaths = eava_deaths if name == "eava" else who_deaths if standard else small_deaths
    train = np.arange(len(deaths)) % 3 > 0
    return deaths.take(train), deaths.take(~train)


def frozen(deaths: Deaths) -> tuple:
    parts = [deaths.symptoms, deaths.site, deaths.id, *deaths.covariates.values()]
    return (*(a.tobytes() for a in parts), None if deaths.cause is None else deaths.cause.tobytes())


def same_bits(a: Prediction, b: Prediction) -> bool:
    same = a.probability.tobytes() == b.probability.tobytes() and a.csmf.tobytes() == b.csmf.tobytes()
    return same and a.top_cause.tobytes() == b.top_cause.tobytes()


def check_whole(prediction: Prediction, test: Deaths) -> None:
    """What `Prediction` cannot check by itself."""
    assert prediction.probability.shape == (len(test), len(test.causes))
    assert prediction.csmf.shape == (len(test.causes),)
    assert prediction.csmf.min() >= 0
    assert prediction.top_cause.min() >= -1
    assert prediction.top_cause.max() < len(test.causes)
    nothing = prediction.probability.sum(axis=1) == 0
    assert (prediction.top_cause[nothing] == -1).all()
    undetermined = prediction.diagnostics.get("undetermined", float(prediction.undetermined.mean()))
    assert prediction.csmf.sum() + undetermined == pytest.approx(1, abs=1e-6)


def test_yaml_shows_every_parameter_with_its_default(name):
    expected = {k: list(v) if isinstance(v, tuple) else v for k, v in parameters_of(model_class(name)).items()}
    shown = {k: list(v) if isinstance(v, tuple) else v for k, v in given_parameters(name).items()}
    assert read(name)["name"] == name
    assert set(read(name)["resources"]) >= {"num_cpus", "num_gpus", "memory"}
    if FILES[name].parent == CONF:
        assert shown.keys() == expected.keys()
        differ = {k: (shown[k], v) for k, v in expected.items() if shown[k] != v}
        assert set(differ) <= set(read(name).get("differs_from_class", []))


def test_init_only_stores(name):
    parameters = given_parameters(name)
    model = model_class(name)(**parameters)
    assert model.get_params() == parameters
    assert not [k for k in vars(model) if k.endswith("_") and not k.startswith("_")]
    model.check_parameters()
    assert type(model).__name__ in repr(model)


def test_fit_returns_itself_and_leaves_the_data_alone(name, split):
    train, test = split
    before, before_test = frozen(train), frozen(test)
    model = build(name)
    parameters = model.get_params()
    assert model.fit(train, seed=3) is model
    check_whole(model.predict(test.without_causes(), seed=4), test)
    assert frozen(train) == before
    assert frozen(test) == before_test
    assert model.get_params() == parameters


def test_same_input_and_seed_give_the_same_bits(name, split):
    train, test = split
    first = build(name).fit(train, seed=3).predict(test, seed=4)
    np.random.seed(0)  # noqa: NPY002  a model must not care
    model = build(name).fit(train, seed=3)
    model.predict(test.take([0, 1]), seed=9)
    again = model.predict(test.without_causes(), seed=4)
    assert same_bits(first, again)


def test_the_order_of_training_rows_plays_no_part(name, split):
    if name in ORDER_MATTERS:
        pytest.skip("documented: the order of the training rows decides ties")
    train, test = split
    shuffled = train.take(np.random.default_rng(0).permutation(len(train)))
    first = build(name).fit(train, seed=3).predict(test, seed=4)
    assert same_bits(first, build(name).fit(shuffled, seed=3).predict(test, seed=4))


def test_a_cause_absent_from_training_gets_nothing(name, split):
    train, test = split
    if name in NAMES_UNSEEN_CAUSES or not model_class(name).trains or read(name).get("mode") == "standard":
        pytest.skip("documented: does not depend on the causes in the training deaths")
    prediction = build(name).fit(train.take(train.cause != 1), seed=3).predict(test, seed=4)
    check_whole(prediction, test)
    assert prediction.probability[:, 1].max() == 0
    assert prediction.csmf[1] == 0
    assert not (prediction.top_cause == 1).any()


def test_a_single_training_cause_and_a_single_death_of_a_cause(name, split):
    train, test = split
    one = build(name).fit(train.take(train.cause == 2), seed=3).predict(test, seed=4)
    check_whole(one, test)
    lonely = np.flatnonzero(train.cause == 3)[:1]
    few = build(name).fit(train.take(np.concatenate([np.flatnonzero(train.cause < 3), lonely])), seed=3)
    check_whole(few.predict(test, seed=4), test)


def test_a_death_without_any_answer(name, split):
    train, test = split
    symptoms = test.symptoms.copy()
    symptoms[0] = -1
    covariates = {k: np.where(np.arange(len(test)) == 0, np.nan, v) for k, v in test.covariates.items()}
    silent = dataclasses.replace(test, symptoms=symptoms, covariates=covariates)
    check_whole(build(name).fit(train, seed=3).predict(silent, seed=4), silent)


def test_nothing_but_missing_answers_in_training(name, split):
    train, test = split
    silent = dataclasses.replace(train, symptoms=np.full_like(train.symptoms, -1))
    check_whole(build(name).fit(silent, seed=3).predict(test, seed=4), test)


def test_one_death_alone(name, split):
    train, test = split
    model = build(name).fit(train, seed=3)
    alone = model.predict(test.take([1]), seed=4)
    check_whole(alone, test.take([1]))
    if not model.depends_on_test_set:
        together = model.predict(test, seed=4)
        np.testing.assert_allclose(alone.probability[0], together.probability[1], rtol=1e-6, atol=1e-12)


def test_many_test_sets_are_predicted_one_as_the_other(name, split):
    train, test = split
    model = build(name).fit(train, seed=3)
    if not model.depends_on_test_set:
        pytest.skip("it predicts each death alone: its predictions are resampled, not computed again")
    sets = [np.array([0, 1, 1, 5, 7]), np.array([2, 3, 4, 4])]
    predictions = list(model.predict_sets(test.without_causes(), sets, seed=4))
    for rows, prediction in zip(sets, predictions, strict=True):
        expected = model.predict(test.take(rows).without_causes(), seed=4)
        np.testing.assert_allclose(prediction.probability, expected.probability, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(prediction.csmf, expected.csmf, rtol=1e-9, atol=1e-12)


def test_data_without_covariates(name, split):
    train, test = (dataclasses.replace(d, covariates={}) for d in split)
    check_whole(build(name).fit(train, seed=3).predict(test, seed=4), test)


def test_invalid_options_are_named(name, split):
    train, test = split
    model = build(name)
    if model.trains and read(name).get("mode") != "standard":
        with pytest.raises(InputError, match="no causes"):
            build(name).fit(train.without_causes(), seed=3)
        with pytest.raises(InputError, match="no rows"):
            build(name).fit(train.take(np.zeros(len(train), dtype=bool)), seed=3)
        with pytest.raises(InputError, match="fit"):
            build(name).predict(test, seed=3)
    fewer = test.select(test.symptom_names[:-1])
    with pytest.raises(InputError, match=r"symptoms|indicators"):
        model.fit(train, seed=3).predict(fewer, seed=4)
