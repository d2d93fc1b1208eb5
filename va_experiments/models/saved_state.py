"""Divide the state of a fitted model into JSON, arrays and the libraries' own formats, and restore it.

Nothing is pickled. Of the state only these are known: numbers, text, lists, tuples, mappings, NumPy arrays, dataclasses
and models of this package, scikit-learn estimators (skops), and boosters of XGBoost (UBJSON) and LightGBM (text).
Anything else cannot be written, and is not read.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError, shown
from va_experiments.models.base import Model

__all__ = ["SavedState", "restored", "saved_state"]

_PACKAGE = "va_experiments."
_ONLY_IN_MEMORY = ("progress",)

TRUSTED_SKOPS = ("sklearn.tree._tree.Tree",)
"""Types that are read although skops does not know them: arrays of the nodes of a tree."""


@dataclass
class SavedState:
    """A model in parts: ``tree`` is plain data, which names the ``arrays`` and the ``parts`` (bytes, by file name)."""

    tree: Any = None
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)


def saved_state(model: Model) -> SavedState:
    """Return a fitted model in parts.

    Raises
    ------
    InputError
        If the model holds something that has no safe form.
    """
    state = SavedState()
    state.tree = _encoded(model, state, type(model).__name__)
    return state


def _encoded(value: Any, state: SavedState, where: str) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype == object:
            raise InputError(f"{where} is an array of objects, which has no safe form")
        name = f"a{len(state.arrays)}"
        state.arrays[name] = array
        return {"_": "scalar" if isinstance(value, np.generic) else "array", "name": name}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {"_": kind, "items": [_encoded(v, state, f"{where}[{k}]") for k, v in enumerate(value)]}
    if isinstance(value, Mapping):
        pairs = [[_encoded(k, state, where), _encoded(v, state, f"{where}[{k!r}]")] for k, v in value.items()]
        return {"_": "dict", "items": pairs}
    module = type(value).__module__
    if isinstance(value, Model) and module.startswith(_PACKAGE):
        return {"_": "model", **_attributes(value, vars(value), state, where)}
    if dataclasses.is_dataclass(value) and module.startswith(_PACKAGE):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"_": "dataclass", **_attributes(value, fields, state, where)}
    return _of_a_library(value, state, where)


def _attributes(value: Any, attributes: Mapping[str, Any], state: SavedState, where: str) -> dict[str, Any]:
    stored = {k: v for k, v in attributes.items() if k not in _ONLY_IN_MEMORY}
    return {
        "class": f"{type(value).__module__}.{type(value).__qualname__}",
        "state": {k: _encoded(v, state, f"{where}.{k}") for k, v in stored.items()},
    }


def _of_a_library(value: Any, state: SavedState, where: str) -> dict[str, Any]:
    package = type(value).__module__.partition(".")[0]
    number = len(state.parts)
    if package == "xgboost" and type(value).__name__ == "Booster":
        name, content = f"booster-{number}.ubj", bytes(value.save_raw("ubj"))
    elif package == "lightgbm" and type(value).__name__ == "Booster":
        name, content = f"booster-{number}.lightgbm.txt", value.model_to_string().encode()
    elif package == "sklearn":
        import skops.io

        name, content = f"estimator-{number}.skops", skops.io.dumps(value)
    else:
        kind = f"{type(value).__module__}.{type(value).__name__}"
        raise InputError(f"{where} is a {kind}, which has no safe form: this model cannot be exported")
    state.parts[name] = content
    return {"_": "part", "name": name}


def restored(state: SavedState) -> Model:
    """Return the fitted model of its parts.

    Raises
    ------
    InputError
        If a class is not of this package, or a part is not what it should be.
    """
    model = _decoded(state.tree, state)
    if not isinstance(model, Model):
        raise InputError("the saved state is no model of this package")
    return model


def _decoded(tree: Any, state: SavedState) -> Any:
    if not isinstance(tree, Mapping):
        return tree
    kind = tree["_"]
    if kind == "array":
        return state.arrays[tree["name"]]
    if kind == "scalar":
        return state.arrays[tree["name"]][()]
    if kind in ("list", "tuple"):
        items = [_decoded(v, state) for v in tree["items"]]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return {_decoded(k, state): _decoded(v, state) for k, v in tree["items"]}
    if kind == "part":
        return _library_part(str(tree["name"]), state.parts[tree["name"]])
    if kind not in ("model", "dataclass"):
        raise InputError(f"the saved state has a value of the unknown kind {shown(str(kind))}")
    cls = _class_of(str(tree["class"]), kind)
    value = cls.__new__(cls)
    for name, part in tree["state"].items():
        object.__setattr__(value, str(name), _decoded(part, state))
    if kind == "model":
        for name in _ONLY_IN_MEMORY:
            if name in cls._get_param_names():
                object.__setattr__(value, name, None)
    return value


def _class_of(path: str, kind: str) -> Any:
    module, _, name = path.rpartition(".")
    if not module.startswith(_PACKAGE) or not name.isidentifier():
        raise InputError(f"the saved state names the class {shown(path)}; expected one of this package")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"the saved state names the class {shown(path)}, which this version does not have") from error
    fits = isinstance(cls, type) and (issubclass(cls, Model) if kind == "model" else dataclasses.is_dataclass(cls))
    if not fits:
        raise InputError(f"the saved state names {shown(path)}, which is no {kind}")
    return cls


def _library_part(name: str, content: bytes) -> Any:
    if name.endswith(".ubj"):
        import xgboost

        booster = xgboost.Booster(params={"nthread": 1})
        booster.load_model(bytearray(content))
        booster.set_param({"nthread": 1})
        return booster
    if name.endswith(".lightgbm.txt"):
        import lightgbm

        return lightgbm.Booster(model_str=content.decode())
    import skops.io

    unknown = skops.io.get_untrusted_types(data=content)
    if strange := [t for t in unknown if t not in TRUSTED_SKOPS]:
        raise InputError(f"{name} holds types that are not known to be safe: {', '.join(map(shown, strange[:5]))}")
    return skops.io.loads(content, trusted=unknown)
