"""The nouns: model, setting, cell, fit, failure, result; and the keys by which cells are known."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from va_experiments.cell.estimators import build, code_digest
from va_experiments.config import Resources, parse_resources
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.metrics.score import METRIC_SET_VERSION
from va_experiments.models.base import Model, parameters_of
from va_experiments.models.targets import allowed_class, nested_targets
from va_experiments.protocols import Split
from va_experiments.seeds import canonical_json

__all__ = ["SCHEMA", "Cell", "Failure", "Fit", "ModelSpec", "Result", "Setting", "cell_key", "fit_key"]

SCHEMA = 1
"""Version of what a key hashes and of what a checkpoint holds."""


@dataclass(frozen=True)
class ModelSpec:
    """A model by name: which class, with which parameters, allowed which resources.

    `name` and `resources` are labels and permissions, not part of a cell's identity.
    """

    name: str
    target: str
    params: Mapping[str, Any]
    code: str
    heavy_prediction: bool = False
    trains: bool = True
    resources: Resources = field(default_factory=Resources)

    @classmethod
    def from_config(cls, tree: Mapping[str, Any], *, allowed: Iterable[str] = ()) -> ModelSpec:
        """Check a composed ``model`` group, and build its estimator once to prove that it can be.

        Raises
        ------
        InputError
            For a class outside the allow-list, an unknown or missing parameter, or a value the model refuses.
        """
        options = {k: v for k, v in tree.items() if k not in ("name", "_target_", "resources")}
        target = str(tree.get("_target_", ""))
        estimator_class = allowed_class(target, tuple(allowed))
        members = [allowed_class(found, tuple(allowed), key=key) for key, found in nested_targets(options)]
        known = parameters_of(estimator_class)
        problems = [
            f"model '{tree['name']}': unknown parameter '{key}'"
            f"{did_you_mean(key, known) or '; known: ' + ', '.join(known)}"
            for key in options
            if key not in known
        ]
        resources = parse_resources(tree.get("resources"), f"model '{tree['name']}'", problems)
        if problems or resources is None:
            raise InputError(problems)
        params = {k: options.get(k, default) for k, default in known.items()}
        estimator = build(estimator_class, params)
        try:
            canonical_json(params)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"model '{tree['name']}': a parameter is not plain data ({error}): {shown(str(params))}"
            ) from error
        return cls(
            name=str(tree["name"]),
            target=target,
            params=params,
            code=" ".join(code_digest(cast(Hashable, c)) for c in (estimator_class, *members)),
            heavy_prediction=bool(estimator.heavy_prediction),
            trains=bool(getattr(estimator_class, "trains", True)),
            resources=resources,
        )

    @cached_property
    def content(self) -> dict[str, Any]:
        """What of the model takes part in a cell's key."""
        return {"target": self.target, "params": dict(self.params), "code": self.code}

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of `content`."""
        return _digest(self.content)

    def estimator(self) -> Model:
        """Return a new estimator."""
        return build(allowed_class(self.target, (self.target.split(".")[0],)), dict(self.params))


@dataclass(frozen=True)
class Setting:
    """What a cell's model and split are applied to, and how the outcome is scored."""

    data: str
    fingerprint: str
    features: str
    testset: Mapping[str, Any]
    csmf: str
    n_bootstrap: int
    seed: int

    @cached_property
    def content(self) -> dict[str, Any]:
        """What of the setting takes part in a cell's key; the name of the data set does not, its content does."""
        return {
            "fingerprint": self.fingerprint,
            "features": self.features,
            "testset": dict(self.testset),
            "csmf": self.csmf,
            "n_bootstrap": self.n_bootstrap,
            "seed": self.seed,
            "metrics": METRIC_SET_VERSION,
            "schema": SCHEMA,
        }

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of `content`."""
        return _digest(self.content)

    @cached_property
    def fit_digest(self) -> bytes:
        """SHA-256 of what a fit can depend on: cells that differ only in scoring share it."""
        return _digest({"fingerprint": self.fingerprint, "features": self.features, "seed": self.seed})


@dataclass(frozen=True)
class Cell:
    """One model, fitted on one training set, tested on one test set."""

    model: ModelSpec
    split: Split
    setting: Setting

    @cached_property
    def key(self) -> str:
        """The cell's identity: SHA-256 over model, split and setting. No path, order or worker count is in it."""
        return cell_key(self.model.digest, _digest(self.split.spec()), self.setting.digest).hex()

    @cached_property
    def fit_key(self) -> str:
        """The identity of the fit that this cell shares with others."""
        return fit_key(self.model.digest, _digest(self.split.train_key()), self.setting.fit_digest).hex()

    @property
    def content(self) -> dict[str, Any]:
        """All that the key hashes, as plain data."""
        return {"model": self.model.content, "split": self.split.spec(), "setting": self.setting.content}


@dataclass(frozen=True)
class Fit:
    """The cells that share one training set and one model: fitted once, tested everywhere."""

    key: str
    cells: tuple[Cell, ...]

    @property
    def model(self) -> ModelSpec:
        """The model that the cells share."""
        return self.cells[0].model

    @property
    def setting(self) -> Setting:
        """The setting of the first cell; data, features and seed are the same for all."""
        return self.cells[0].setting


@dataclass(frozen=True)
class Failure:
    """Why a cell has no result."""

    error: str
    message: str
    traceback: str = ""
    attempts: int = 1
    retryable: bool = False


@dataclass
class Result:
    """What became of one cell: metrics, timings and the prediction's bytes, or a failure."""

    key: str
    metrics: dict[str, float] = field(default_factory=dict)
    per_cause: dict[str, list[float]] = field(default_factory=dict)
    diagnostics: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    predictions: bytes = b""
    prediction_sha256: str = ""
    failure: Failure | None = None
    attempt: int = 1
    reused: bool = False

    @property
    def status(self) -> str:
        """``done`` or ``failed``."""
        return "done" if self.failure is None else "failed"


def _digest(content: Any) -> bytes:
    return hashlib.sha256(canonical_json(content).encode("ascii")).digest()


def cell_key(model: bytes, split: bytes, setting: bytes) -> bytes:
    """Return the 32 bytes that identify a cell, from the digests of its three parts."""
    return hashlib.sha256(b"cell" + model + split + setting).digest()


def fit_key(model: bytes, train: bytes, setting: bytes) -> bytes:
    """Return the 32 bytes that identify a fit."""
    return hashlib.sha256(b"fit" + model + train + setting).digest()
