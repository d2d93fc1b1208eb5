"""Define what a cell's random numbers depend on: identities that do not change with source code or names.

Keys of cells hash the source code of the model, so that an edited algorithm is computed again. Seeds must not: moving
a file would change random numbers. They hash the class, its parameters and the setting under the names and digests
that the first edition gave them, so that its published figures are reproduced to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["model_identity", "setting_identity"]

_VERSIONS = {"metrics": 5, "schema": 1}
"""Versions of the metric set and of the key's format that seeds hash; they stay when those versions are raised."""

_FIRST_EDITION: Mapping[str, tuple[str, str]] = {
    "Calibrated": ("va_experiments.models.calibrated.Calibrated", "76ad8d4c09593f95"),
    "ExtraTrees": ("va_experiments.models.extra_trees.ExtraTrees", "ee55711606efd726"),
    "InSilicoVA": ("va_experiments.models.insilico.InSilicoVA", "98c0665d307391c2"),
    "InSilicoVAStandard": ("va_experiments.models.insilico_standard.InSilicoVAStandard", "055418ba8fe87b3a"),
    "InterVA": ("va_experiments.models.interva.InterVA", "04814f808dfb0218"),
    "InterVA5": ("va_experiments.models.interva5.InterVA5", "6f31b51b28ce279d"),
    "LightGBM": ("va_experiments.models.lightgbm.LightGBM", "85716bf6ce2e426d"),
    "LogisticRegression": ("va_experiments.models.logistic_regression.LogisticRegression", "c3ddec50c4f966e9"),
    "NaiveBayes": ("va_experiments.models.nbc.NaiveBayes", "f1a017bae125eb09"),
    "Prior": ("va_experiments.models.priors.Prior", "e78f7a2ba31eaf67"),
    "RandomForest": ("va_experiments.models.random_forest.RandomForest", "e1c984108d5e7cf6"),
    "Stacking": ("va_experiments.models.stacking.Stacking", "76ad8d4c09593f95"),
    "Tariff": ("va_experiments.models.tariff.Tariff", "c8fd601fb3a684fb"),
    "Tariff2": ("va_experiments.models.tariff2.Tariff2", "86ff295de8887c73"),
    "Tuned": ("va_experiments.models.tuned.Tuned", "76ad8d4c09593f95"),
    "Uniform": ("va_experiments.models.priors.Uniform", "e78f7a2ba31eaf67"),
    "Voting": ("va_experiments.models.voting.Voting", "76ad8d4c09593f95"),
    "XGBoost": ("va_experiments.models.xgboost.XGBoost", "5ef954231ea25f96"),
}
"""For each class of ours: its path and the digest of its source in the first edition."""

_PARAMETERS = {
    "reference_compat": "compat",
    "mirror_level_frequencies": "mirrored",
    "impossible_pairs": "impossible",
}
"""First names of parameters of models."""

_WITHOUT_SEEDS = frozenset({"word_parameters"})
"""Parameters that came after figures were published, and that seeds do not depend on."""

_CSMF = {"model": "own"}
"""First names of options of ``csmf``."""


def model_identity(targets: Sequence[str], params: Mapping[str, Any], codes: Sequence[str]) -> dict[str, Any]:
    """Return what a model's seeds depend on, as plain data.

    Parameters
    ----------
    targets : sequence of str
        Dotted path of the class, then of each class that its parameters name.
    params : mapping
        All its parameters.
    codes : sequence of str
        Digests of the source of these classes; used for classes of other packages.
    """
    identities = [_identity(target, code) for target, code in zip(targets, codes, strict=True)]
    return {
        "target": identities[0][0],
        "params": _first_names(params),
        "code": " ".join(code for _, code in identities),
    }


def setting_identity(csmf: str) -> dict[str, Any]:
    """Return those entries of a setting's content that seeds hash in another form: the CSMF estimator and versions."""
    return {"csmf": _CSMF.get(csmf, csmf), **_VERSIONS}


def _first_names(params: Any) -> Any:
    """Return parameters that seeds depend on, and those of members among them, under their first names."""
    if isinstance(params, Mapping):
        seeded = {key: value for key, value in params.items() if key not in _WITHOUT_SEEDS}
        return {_PARAMETERS.get(key, key): _first_names(value) for key, value in seeded.items()}
    return [_first_names(value) for value in params] if isinstance(params, (list, tuple)) else params


def _identity(target: str, code: str) -> tuple[str, str]:
    package, _, name = target.rpartition(".")
    if package.partition(".")[0] == "va_experiments":
        return _FIRST_EDITION.get(name, (name, ""))
    return target, code
