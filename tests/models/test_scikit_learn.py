"""Every model is a scikit-learn estimator: it can be cloned, and its parameters read and set."""

from __future__ import annotations

import subprocess
import sys

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


def test_parameters_of_estimators_among_the_parameters_are_read_and_set():
    from va_experiments.models.estimator import Estimator

    class Inner(Estimator):
        def __init__(self, *, depth: int = 1) -> None:
            self.depth = depth

    class Outer(Estimator):
        def __init__(self, *, member: Inner | None = None, weight: float = 1.0) -> None:
            self.member, self.weight = member, weight

    model = Outer(member=Inner(depth=2))
    assert model.get_params() == {"member": model.member, "member__depth": 2, "weight": 1.0}
    assert repr(model.set_params(member__depth=1, weight=2.0)) == "Outer(member=Inner(), weight=2.0)"
    copy = clone(model)
    assert copy.member is not model.member
    assert copy.member.depth == 1
    with pytest.raises(ValueError, match=r"Invalid parameter 'depth' for Outer; known: member, weight"):
        model.set_params(depth=3)


COSTS_NO_IMPORT = """
import sys
from va_experiments.models import NaiveBayes
model = NaiveBayes(alpha=2)
assert model.get_params()["alpha"] == 2 and repr(model) == "NaiveBayes(alpha=2)", repr(model)
print([name for name in ("sklearn", "pandas", "scipy") if name in sys.modules])
from sklearn.base import BaseEstimator, clone
assert isinstance(clone(model), BaseEstimator)
assert isinstance(model, BaseEstimator)
assert clone(model).__sklearn_tags__().requires_fit
"""


@pytest.mark.slow
def test_naming_a_model_imports_no_scikit_learn_and_models_are_estimators_once_it_is_there():
    done = subprocess.run([sys.executable, "-c", COSTS_NO_IMPORT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
