"""Every model is a scikit-learn estimator: it can be cloned, and its parameters read and set."""

from __future__ import annotations

import pytest
from sklearn.base import BaseEstimator, clone

import va_experiments.models as models
from va_experiments.models.base import parameters_of

NAMES = [name for name in models.__all__ if name not in ("Model", "Prediction")]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_can_be_cloned_and_its_parameters_set(name: str):
    cls = getattr(models, name)
    model = cls()
    assert isinstance(model, BaseEstimator)
    assert clone(model).get_params(deep=True) == model.get_params(deep=True) == parameters_of(cls)
    first = next(iter(parameters_of(cls)), None)
    if first is not None:
        assert getattr(model.set_params(**{first: "x"}), first) == "x"
        assert f"{first}='x'" in repr(model)
