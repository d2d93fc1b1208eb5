"""Adapt any classifier with scikit-learn's interface: ``model._target_=sklearn.naive_bayes.BernoulliNB``."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError
from va_experiments.models.base import Model
from va_experiments.models.classifier import Classifier

__all__ = ["adapter_for"]

_OWN = {"encoding": "present", "covariates": ("age",)}
"""Parameters of `Classifier` that every adapted class has beside the library's own."""


@functools.lru_cache(maxsize=64)
def adapter_for(classifier: type) -> type[Model]:
    """Return a `Model` class with the classifier's own parameters, and ``encoding`` and ``covariates``.

    The classifier's ``random_state``, where it has one, is set from the seed.

    Raises
    ------
    InputError
        If the class has no ``predict_proba``.
    """
    if not (hasattr(classifier, "fit") and hasattr(classifier, "predict_proba")):
        raise InputError(
            f"model._target_ is '{classifier.__module__}.{classifier.__name__}': expected a classifier with fit and "
            "predict_proba"
        )
    signature = inspect.signature(classifier).parameters
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        p.replace(kind=keyword)
        for p in signature.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, keyword) and p.name != "random_state"
    ]
    parameters += [inspect.Parameter(name, keyword, default=value) for name, value in _OWN.items()]

    class Adapter(Classifier):
        def __init__(self, **values: Any) -> None:
            for p in parameters:
                setattr(self, p.name, values.get(p.name, p.default))

        @classmethod
        def _get_param_names(cls) -> list[str]:
            return sorted(p.name for p in parameters)

        def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
            chosen = {name: value for name, value in self.get_params().items() if name not in _OWN}
            if "random_state" in signature:
                chosen["random_state"] = seed
            self.classifier_ = classifier(**chosen).fit(features, label)

        def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
            return np.asarray(self.classifier_.predict_proba(features))

    Adapter.__doc__ = f"`{classifier.__name__}` of {classifier.__module__.split('.')[0]} behind the models' contract."
    Adapter.__name__ = Adapter.__qualname__ = classifier.__name__
    Adapter.__module__ = classifier.__module__
    Adapter.__signature__ = inspect.Signature(parameters)
    return Adapter
