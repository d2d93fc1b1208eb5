"""Models with their shipped parameters on odd training sets: no failure, valid numbers, not far below `prior`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import yaml

from va_experiments.cell.model_spec import ModelSpec
from va_experiments.config.schema import conf_dir
from va_experiments.data.deaths import Deaths
from va_experiments.models import Prior
from va_experiments.seeds import generator

MODELS = (
    pytest.param("blended", marks=pytest.mark.nightly),  # 13 s; its members are here
    *("logistic_regression", "invariant_regression", "xgboost", "nbc"),
)

Table = tuple[npt.NDArray[np.int8], npt.NDArray[np.int16], npt.NDArray[np.int16]]
"""Symptoms, causes and sites; the last site is tested."""


def table(n: tuple[int, ...] = (60, 50, 40, 60), *, causes: int = 4, symptoms: int = 20, wrong: float = 0.0) -> Table:
    """Simulate deaths whose causes have symptom profiles of their own and whose sites have mixes of their own."""
    rng = generator(7, "odd training sets")
    profile = rng.beta(0.6, 2.2, size=(causes, symptoms))
    site = np.repeat(np.arange(len(n)), n).astype(np.int16)
    mixes = rng.dirichlet(np.full(causes, 3.0), size=len(n))
    cause = np.array([rng.choice(causes, p=mixes[s]) for s in site], dtype=np.int16)
    answers = (rng.random((len(site), symptoms)) < profile[cause]).astype(np.int8)
    answers[rng.random(answers.shape) < 0.1] = -1
    recorded = np.where(
        (rng.random(len(site)) < wrong) & (site < len(n) - 1), rng.integers(0, causes, len(site)), cause
    )
    return answers, recorded.astype(np.int16), site


def one_death_of_a_cause() -> Table:
    x, cause, site = table()
    rare = (cause == 2) & (site < site.max())
    keep = ~rare
    keep[np.flatnonzero(rare)[0]] = True
    return x[keep], cause[keep], site[keep]


def constant_columns() -> Table:
    x, cause, site = table()
    x[:, :3], x[:, 3:6], x[:, 6:9] = 0, 1, -1
    return x, cause, site


def asked_at_some_sites() -> Table:
    x, cause, site = table()
    for number in range(4):
        x[np.ix_(site == number, np.arange(5) + 4 * number)] = -1
    return x, cause, site


def nothing_known() -> Table:
    x, cause, site = table()
    return np.full_like(x, -1), cause, site


def a_cause_for_each_site() -> Table:
    x, cause, site = table()
    return x, np.where(site < 3, site, cause).astype(np.int16), site


def one_cause_at_the_test_site() -> Table:
    x, cause, site = table()
    return x, np.where(site == 3, 1, cause).astype(np.int16), site


SETS: dict[str, Callable[[], Table]] = {
    "two causes": lambda: table(causes=2),
    "six causes": lambda: table(causes=6),
    "a cause with one death": one_death_of_a_cause,
    "a site with five deaths": lambda: table((60, 50, 5, 60)),
    "one training site": lambda: table((90, 60)),
    "constant columns": constant_columns,
    "asked at some sites only": asked_at_some_sites,
    "nothing known": nothing_known,
    "each site has one cause": a_cause_for_each_site,
    "one cause at the test site": one_cause_at_the_test_site,
    "one symptom": lambda: table(symptoms=1),
    "five symptoms": lambda: table(symptoms=5),
    "a fifth of the labels wrong": lambda: table(wrong=0.2),
    "more symptoms than deaths": lambda: table(symptoms=300),
}


def deaths_of(made: Table) -> Deaths:
    x, cause, site = made
    return Deaths(
        symptoms=x,
        symptom_names=tuple(f"s{k}" for k in range(x.shape[1])),
        causes=tuple(f"c{k}" for k in range(int(cause.max()) + 1)),
        cause=cause,
        sites=tuple(f"site {k}" for k in range(int(site.max()) + 1)),
        site=site,
        id=np.array([f"d{k}" for k in range(len(x))]),
        name="odd",
        simulated=True,
    )


def error(csmf: npt.NDArray[np.float64], test: Deaths) -> float:
    assert test.cause is not None
    return float(np.abs(np.bincount(test.cause, minlength=len(csmf)) / len(test) - csmf).sum() / 2)


@pytest.mark.parametrize("name", MODELS)
def test_no_training_set_is_too_odd(name: str) -> None:
    """No covariate and no block of health workers' reports, as in another study's file."""
    shipped = yaml.safe_load((Path(conf_dir()) / "model" / f"{name}.yaml").read_text(encoding="utf-8"))
    spec = ModelSpec.from_config(shipped)
    for what, make in SETS.items():
        data = deaths_of(make())
        last = data.site == data.site.max()
        train, test = data.take(~last), data.take(last)
        prediction = spec.estimator().fit(train, seed=1).predict(test.without_causes(), seed=2)
        assert np.isfinite(prediction.probability).all(), what
        assert prediction.probability.sum(axis=1) == pytest.approx(1), what
        assert (prediction.csmf >= 0).all(), what
        assert prediction.csmf.sum() == pytest.approx(1), what
        floor = error(Prior().fit(train).predict(test.without_causes()).csmf, test)
        assert error(prediction.csmf, test) < floor + 0.15, what
