"""Describe a model as plain data: its class, parameters, the digest of its source, and the resources it may use."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from va_experiments.cell.code_digest import code_digest
from va_experiments.cell.model_factory import build
from va_experiments.cell.model_files import check_expected, check_files, file_digests, with_contents
from va_experiments.cell.seed_identity import model_identity
from va_experiments.config.problems import unknown_key
from va_experiments.config.schema import Resources, parse_resources
from va_experiments.errors import InputError, shown
from va_experiments.models.base import Model, parameters_of
from va_experiments.models.model_import import allowed_class, nested_targets
from va_experiments.seeds import canonical_json
from va_experiments.typical_costs import Cost, typical_cost

__all__ = ["LABELS", "ModelSpec", "content_digest"]

LABELS = ("name", "label", "_target_", "resources")
"""Keys of a model's configuration that are no parameters of its class."""

CHECKSUM = "sha256"
"""Key of a model that reads a file or folder: what its SHA-256 must be. It is no part of what the model is."""


@dataclass(frozen=True)
class ModelSpec:
    """A model by name: which class, with which parameters, allowed which resources.

    `name` and `resources` are labels and permissions, not part of a cell's identity.
    """

    name: str
    target: str
    params: Mapping[str, Any]
    code: str
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the content of each file that a parameter names, by the parameter."""
    prediction_is_costly: bool = False
    trains: bool = True
    any_protocol: bool = False
    resources: Resources = field(default_factory=Resources)

    @classmethod
    def from_config(cls, tree: Mapping[str, Any], *, allowed: Iterable[str] = ()) -> ModelSpec:
        """Check a composed ``model`` group, and build its estimator once to prove that it can be.

        Raises
        ------
        InputError
            For a class outside the allow-list, an unknown or missing parameter, or a value the model refuses.
        """
        options = {k: v for k, v in tree.items() if k not in LABELS}
        target = str(tree.get("_target_", ""))
        estimator_class = allowed_class(target, tuple(allowed))
        members = [allowed_class(member, tuple(allowed), key=key) for key, member in nested_targets(options)]
        known = parameters_of(estimator_class)
        expected = options.pop(CHECKSUM, None) if "path" in estimator_class.file_parameters else None
        problems = [unknown_key(str(key), known, f"model={tree['name']}") for key in options if key not in known]
        resources = parse_resources(tree.get("resources"), f"model '{tree['name']}'", problems)
        if problems or resources is None:
            raise InputError(problems)
        params = {k: options.get(k, default) for k, default in known.items()}
        estimator = build(estimator_class, params)
        parts = [c for c in dict.fromkeys(estimator.member_classes()) if c not in members]
        try:
            canonical_json(params)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"model '{tree['name']}': a parameter is not plain data ({error}): {shown(str(params))}"
            ) from error
        files = file_digests(estimator_class, params, tuple(allowed))
        if expected is not None:
            check_expected(params, files, str(expected))
        return cls(
            name=str(tree.get("label") or estimator.own_label or tree["name"]),
            target=target,
            params=params,
            code=" ".join(code_digest(cast(Hashable, c)) for c in (estimator_class, *members, *parts)),
            files=files,
            prediction_is_costly=bool(estimator.prediction_is_costly),
            trains=bool(getattr(estimator_class, "trains", True)),
            any_protocol=bool(getattr(estimator_class, "any_protocol", False)),
            resources=resources,
        )

    @cached_property
    def content(self) -> dict[str, Any]:
        """What of the model takes part in a cell's key; of a file its content does, its path does not."""
        return {"target": self.target, "params": with_contents(self.params, self.files), "code": self.code}

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of `content`."""
        return content_digest(self.content)

    @cached_property
    def seed_content(self) -> dict[str, Any]:
        """What the seeds of the model depend on, as plain data."""
        targets = [self.target, *(target for _, target in nested_targets(self.params))]
        return model_identity(targets, with_contents(self.params, self.files), self.code.split(" ")[: len(targets)])

    @cached_property
    def seed_digest(self) -> bytes:
        """SHA-256 of `seed_content`."""
        return content_digest(self.seed_content)

    @cached_property
    def typical_cost(self) -> Cost:
        """What a fit costs, before an earlier run has recorded it."""
        cls = allowed_class(self.target, (self.target.split(".")[0],))
        return typical_cost(build(cls, dict(self.params)))

    def estimator(self) -> Model:
        """Return a new estimator.

        Raises
        ------
        InputError
            If a file that a parameter names has changed since the spec was made.
        """
        estimator_class = allowed_class(self.target, (self.target.split(".")[0],))
        if self.files:
            check_files(estimator_class, self.params, self.files)
        return build(estimator_class, dict(self.params))


def content_digest(content: Any) -> bytes:
    """Return the SHA-256 of the canonical JSON of `content`."""
    return hashlib.sha256(canonical_json(content).encode("ascii")).digest()
