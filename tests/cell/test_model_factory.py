"""Building an estimator: parameters as the class takes them, and problems in words."""

from __future__ import annotations

from typing import Self

import pytest

from va_experiments.cell.model_factory import build
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models.base import Model, Prediction


class Picky(Model):
    """Compares its numbers, and keeps its list."""

    def __init__(self, *, low: float = 0.5, high: float = 2.0, names: tuple[str, ...] = ()) -> None:
        self.low, self.high, self.names = low, high, names

    def check_parameters(self) -> None:
        if self.high < self.low:
            raise InputError(f"high is {self.high}, below low ({self.low})")

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        raise NotImplementedError


class Broken(Picky):
    """Its check fails whatever it is given."""

    def check_parameters(self) -> None:
        raise KeyError("gone")


def test_parameters_are_stored_and_lists_become_tuples() -> None:
    model = build(Picky, {"low": 1.0, "names": ["a", "b"]})
    assert isinstance(model, Picky)
    assert (model.low, model.high, model.names) == (1.0, 2.0, ("a", "b"))


def test_the_model_s_own_words_are_kept() -> None:
    with pytest.raises(InputError) as caught:
        build(Picky, {"low": 3.0})
    assert list(caught.value.problems) == ["high is 2.0, below low (3.0)"]


def test_a_value_of_another_kind_is_named_with_its_default() -> None:
    with pytest.raises(InputError) as caught:
        build(Picky, {"low": 1.0, "high": "two"})
    assert list(caught.value.problems) == [
        "Picky: high is 'two' (str); expected something like its default, 2.0 (float)",
    ]
    assert isinstance(caught.value.__cause__, TypeError)


def test_each_value_of_another_kind_is_named() -> None:
    with pytest.raises(InputError) as caught:
        build(Picky, {"low": None, "high": "two"})
    assert [p.partition(" (")[0] for p in caught.value.problems] == ["Picky: low is None", "Picky: high is 'two'"]


def test_an_error_that_no_value_explains_is_passed_on() -> None:
    with pytest.raises(InputError) as caught:
        build(Broken, {"low": 1.0})
    assert list(caught.value.problems) == ["Broken: cannot be made with these parameters (KeyError: 'gone')"]
