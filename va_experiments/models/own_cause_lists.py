"""Name the models that predict a cause list of their own, whatever that of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["SAVED", "own_cause_list"]

SAVED = "va_experiments.models.registered.Registered"
"""The class of saved models, which know their causes themselves."""

_OWN = {
    "va_experiments.models.interva.interva5.InterVA5": "interva5",
    "va_experiments.models.insilico.standard.InSilicoVAStandard": "interva5",
    "va_experiments.models.eava.eava.EAVA": "interva5",
}
"""Class -> its list. EAVA names its causes in InterVA-5's words where the data declare these."""


def own_cause_list(target: str, params: Mapping[str, Any]) -> str | None:
    """Return the name of the list that a model predicts; None: that of the data.

    Parameters
    ----------
    target : str
        Dotted path of its class.
    params : mapping
        Its parameters; ``cause_list`` of a file of predictions names the list of the file.
    """
    if target.endswith(".predictions.Predictions"):
        cause_list = params.get("cause_list")
        return None if cause_list is None else str(cause_list)
    return _OWN.get(target)
