"""Verbal-autopsy algorithms with one interface, importable without Hydra, Prefect, Ray or MLflow.

A class is imported from its module when first used, so that ``from va_experiments.models import NaiveBayes`` loads
neither scikit-learn nor XGBoost nor a compiler.
"""

from __future__ import annotations

import importlib
from typing import Any

from va_experiments.models.base import Model, Prediction

__all__ = [
    "EAVA",
    "LCVA",
    "Blended",
    "BoundedBlend",
    "Calibrated",
    "Chosen",
    "ExtraTrees",
    "Flaml",
    "InSilicoVA",
    "InSilicoVAStandard",
    "InterVA",
    "InterVA5",
    "InvariantRegression",
    "LightGBM",
    "LogisticRegression",
    "Majority",
    "Model",
    "NaiveBayes",
    "Prediction",
    "Predictions",
    "Prior",
    "QuickBlend",
    "RandomForest",
    "Registered",
    "Stacking",
    "Tariff",
    "Tariff2",
    "TfidfRegression",
    "Tuned",
    "Uniform",
    "Voting",
    "XGBoost",
]

_MODULE = {
    "EAVA": "eava.eava",
    "Blended": "ensembles.blended",
    "BoundedBlend": "ensembles.bounded_blend",
    "Calibrated": "ensembles.calibrated",
    "Chosen": "ensembles.chosen",
    "ExtraTrees": "extra_trees",
    "Flaml": "flaml",
    "InSilicoVA": "insilico.insilico",
    "InSilicoVAStandard": "insilico.standard",
    "InterVA": "interva.interva",
    "InterVA5": "interva.interva5",
    "LCVA": "lcva.lcva",
    "InvariantRegression": "invariant_regression",
    "LightGBM": "lightgbm",
    "LogisticRegression": "logistic_regression",
    "Majority": "majority",
    "NaiveBayes": "nbc",
    "Predictions": "predictions",
    "Prior": "priors",
    "QuickBlend": "ensembles.quick_blend",
    "RandomForest": "random_forest",
    "Registered": "registered",
    "Stacking": "ensembles.stacking",
    "Tariff": "tariff",
    "Tariff2": "tariff2",
    "TfidfRegression": "tfidf_regression",
    "Tuned": "ensembles.tuned",
    "Uniform": "priors",
    "Voting": "ensembles.voting",
    "XGBoost": "xgboost",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
