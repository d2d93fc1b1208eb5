"""Define a cell (one model, one split, one setting), the fit that cells share, and the keys that identify them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from va_experiments.cell.cause_level import CauseLevel
from va_experiments.cell.model_spec import ModelSpec, content_digest
from va_experiments.cell.seed_identity import setting_identity
from va_experiments.metrics.score import METRIC_SET_VERSION
from va_experiments.protocols import Split

__all__ = ["SCHEMA", "Cell", "Fit", "Setting", "cell_key", "fit_key"]

SCHEMA = 2
"""Version of what a key hashes and of what a checkpoint holds."""


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
    level: CauseLevel | None = None
    """The causes at which it is scored; None: those of the data."""
    calibration: Mapping[str, Any] | None = None
    """What ``csmf=vacalibration`` depends on; None for other estimators, whose keys it has no part in."""

    conformal: bool = False
    """Whether the CSMF gets conformal intervals (``csmf_interval=conformal``); other keys do not know of it."""

    @property
    def cause_list(self) -> str:
        """Name of the list at which it is scored; empty: that of the data."""
        return "" if self.level is None else self.level.name

    @property
    def natural(self) -> bool:
        """Whether the test deaths are taken as they are."""
        return self.testset.get("name", "natural") == "natural"

    @property
    def csmf_options(self) -> dict[str, Any]:
        """How the CSMF is estimated: ``csmf``, what it is calibrated by, and ``csmf_interval``, as plain data."""
        options = {k: v for k, v in (self.calibration or {}).items() if k != "shapes"}
        if "shapes" in (self.calibration or {}):  # a user's matrix, by its content
            options["shapes"] = content_digest({"shapes": (self.calibration or {})["shapes"]}).hex()[:8]
        return {"csmf": self.csmf, "csmf_interval": "conformal" if self.conformal else "model"} | {
            f"calibration.{name}": value for name, value in options.items()
        }

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
            **({} if self.calibration is None else {"calibration": dict(self.calibration)}),
            **({"csmf_interval": "conformal" if self.natural else "conformal, resampled"} if self.conformal else {}),
        } | ({} if self.level is None else {"score_at": self.level.content})

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of `content`."""
        return content_digest(self.content)

    @cached_property
    def seed_digest(self) -> bytes:
        """SHA-256 of what the seeds of a prediction depend on."""
        # levels share one prediction, and intervals do not change it
        content = {k: v for k, v in self.content.items() if k not in ("score_at", "csmf_interval")}
        return content_digest(content | setting_identity(self.csmf))

    @cached_property
    def fit_digest(self) -> bytes:
        """SHA-256 of what a fit can depend on: cells that differ only in scoring share it."""
        return content_digest({"fingerprint": self.fingerprint, "features": self.features, "seed": self.seed})


@dataclass(frozen=True)
class Cell:
    """One model, fitted on one training set, tested on one test set."""

    model: ModelSpec
    split: Split
    setting: Setting

    @cached_property
    def key(self) -> str:
        """The cell's identity: SHA-256 over model, split and setting. No path, order or worker count is in it."""
        return cell_key(self.model.digest, content_digest(self.split.spec()), self.setting.digest).hex()

    @cached_property
    def fit_key(self) -> str:
        """The identity of the fit that this cell shares with others."""
        return fit_key(self.model.digest, content_digest(self.split.train_key()), self.setting.fit_digest).hex()

    @cached_property
    def seed_key(self) -> str:
        """What the seeds of the prediction are derived from; unlike the key, it does not change with source code."""
        return cell_key(self.model.seed_digest, content_digest(self.split.spec()), self.setting.seed_digest).hex()

    @cached_property
    def fit_seed_key(self) -> str:
        """What the seeds of the fit are derived from."""
        return fit_key(self.model.seed_digest, content_digest(self.split.train_key()), self.setting.fit_digest).hex()

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
    def seed_key(self) -> str:
        """What the seeds of the fit are derived from."""
        return self.cells[0].fit_seed_key

    @property
    def setting(self) -> Setting:
        """The setting of the first cell; data, features and seed are the same for all."""
        return self.cells[0].setting


def cell_key(model: bytes, split: bytes, setting: bytes) -> bytes:
    """Return the 32 bytes that identify a cell, from the digests of its three parts."""
    return hashlib.sha256(b"cell" + model + split + setting).digest()


def fit_key(model: bytes, train: bytes, setting: bytes) -> bytes:
    """Return the 32 bytes that identify a fit."""
    return hashlib.sha256(b"fit" + model + train + setting).digest()
