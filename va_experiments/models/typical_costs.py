"""Typical costs of models, for the first estimate of a run's time before anything is recorded on this machine.

Seconds of one core for each training or test death, for the default parameters with 34 causes and 168 symptoms (all
sites of the simulated deaths but one train, one is tested); rounded, as machines differ by more than that. Of
ensembles and models of the outside: a guess from their members.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["TYPICAL_SECONDS", "typical_seconds"]

OTHER = 1e-3
"""Of a model that is not listed."""

TYPICAL_SECONDS: Mapping[str, float] = {
    "Prior": 2e-6,
    "Uniform": 2e-6,
    "Majority": 2e-6,
    "Predictions": 1e-5,
    "NaiveBayes": 4e-6,
    "InterVA": 5e-6,
    "InterVA5": 2e-4,
    "EAVA": 2e-4,
    "Tariff": 1e-4,
    "Tariff2": 2e-4,
    "LogisticRegression": 4e-4,
    "RandomForest": 3e-4,
    "ExtraTrees": 3e-4,
    "XGBoost": 2.5e-4,
    "LightGBM": 9e-4,
    "InSilicoVA": 9e-3,
    "InSilicoVAStandard": 9e-3,
    "LCVA": 8e-3,
    "Calibrated": 3e-3,
    "Voting": 3e-3,
    "Stacking": 1e-2,
    "Tuned": 1e-2,
    "Flaml": 1e-2,
}
"""Class of a model -> seconds for each death."""


def typical_seconds(target: str) -> float:
    """Return the typical seconds for each death of a model, by the path of its class."""
    return TYPICAL_SECONDS.get(target.rpartition(".")[2], OTHER)
