"""Behave as a scikit-learn estimator without the time that importing scikit-learn takes.

``sklearn.base`` imports pandas and most of SciPy: more than a second in every process that names a model, most of which
never use scikit-learn. `Estimator` therefore has the methods that define an estimator, and inherits ``BaseEstimator``
as soon as the process has imported ``sklearn.base`` for another reason: whoever can ask whether a model is one, gets
the answer yes.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Self

__all__ = ["Estimator"]


class _Root:
    """The base that gives way to ``BaseEstimator``: Python lets no class exchange `object` itself."""


if TYPE_CHECKING:
    from sklearn.base import BaseEstimator as _Base
else:
    _Base = _Root


class Estimator(_Base):
    """Parameters that are read, set and shown as scikit-learn does; ``sklearn.base.clone`` works."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Create a model, which is a ``BaseEstimator`` if there is one to be."""
        inherit_scikit_learn()
        return super().__new__(cls)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        parameters = inspect.signature(cls.__init__).parameters.values()
        return sorted(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, with those of estimators among them as ``name__parameter``."""
        parameters: dict[str, Any] = {}
        for name in self._get_param_names():
            value = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                parameters |= {f"{name}__{inner}": v for inner, v in value.get_params().items()}
            parameters[name] = value
        return parameters

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name (``name__parameter`` for one of an estimator among them) and return the model.

        Raises
        ------
        ValueError
            If the model has no parameter of that name.
        """
        known = self._get_param_names()
        inner: dict[str, dict[str, Any]] = {}
        for name, value in params.items():
            first, nested, rest = name.partition("__")
            if first not in known:
                raise ValueError(f"Invalid parameter {first!r} for {type(self).__name__}; known: {', '.join(known)}")
            if nested:
                inner.setdefault(first, {})[rest] = value
            else:
                setattr(self, name, value)
        for name, values in inner.items():
            getattr(self, name).set_params(**values)
        return self

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if repr(value) != repr(defaults[name].default)
        ]
        text = f"{type(self).__name__}({', '.join(changed)})"
        return text if len(text) <= N_CHAR_MAX else f"{text[:N_CHAR_MAX]}...)"


def inherit_scikit_learn() -> None:
    """Make every model a ``BaseEstimator``, if the process has imported ``sklearn.base`` by now."""
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    if base is not None and Estimator.__bases__ == (_Root,):
        Estimator.__bases__ = (base,)


inherit_scikit_learn()
