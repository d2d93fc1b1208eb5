"""Define a cell (one model, one split, one setting), the fit that cells share, and their results.

A cell is plain data until it runs and its result is plain data after. `run_fit` is pure: it knows no disk, no server
and no scheduler, so it runs on any machine, and the same cell gives the same bits on each.
"""

from va_experiments.cell.cell import SCHEMA, Cell, Fit, Setting, cell_key, fit_key
from va_experiments.cell.model_spec import ModelSpec
from va_experiments.cell.result import Failure, Result
from va_experiments.cell.run import failure_of, run_fit
from va_experiments.cell.serialization import (
    decode_prediction,
    prediction_blocks,
    prediction_csmf,
    prediction_sha256,
    versions,
)

__all__ = [
    "SCHEMA",
    "Cell",
    "Failure",
    "Fit",
    "ModelSpec",
    "Result",
    "Setting",
    "cell_key",
    "decode_prediction",
    "failure_of",
    "fit_key",
    "prediction_blocks",
    "prediction_csmf",
    "prediction_sha256",
    "run_fit",
    "versions",
]
