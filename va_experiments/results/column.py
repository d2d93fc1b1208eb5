"""Define a column of a result row: its name, type, unit, default, meaning, and its place in MLflow.

In: the declarations of `va_experiments.results.schema`. Out: `Column`, which checks a value, reads one from text, and
names the data type of its column in a table.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable
from typing import Any

from va_experiments.errors import did_you_mean, shown
from va_experiments.results.cell_outcome import CellOutcome

__all__ = ["Column", "Kind", "MLflow", "Role", "is_finite", "is_missing"]


class Kind(enum.Enum):
    """The type of a column's values."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    FLAG = "true or false"


class Role(enum.Enum):
    """What a column says about a cell."""

    MODEL = "model"
    SETTING = "setting"
    SPLIT = "split"
    SIZE = "size"
    STATUS = "status"
    METRIC = "metric"
    INTERVAL = "interval"
    TIMING = "timing"
    PROVENANCE = "provenance"
    ERROR = "error"


class MLflow(enum.Flag):
    """What a column becomes in the MLflow run of a cell."""

    NONE = 0
    TAG = enum.auto()
    """The filter box of MLflow's pages searches tags."""
    PARAM = enum.auto()
    """MLflow's comparison plots group runs by parameters only."""
    METRIC = enum.auto()


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """One column of a result row."""

    name: str
    kind: Kind
    role: Role
    meaning: str
    """One sentence in Markdown, for the reference page."""
    unit: str = ""
    default: Any = None
    """What stands where the value is not known; None: a missing value."""
    required: bool = False
    """Whether a row without a value is refused."""
    choices: tuple[str, ...] = ()
    """All values allowed; empty: any."""
    range: tuple[float, float] = (-math.inf, math.inf)
    """Least and greatest value."""
    mlflow: MLflow = MLflow.NONE
    value: Callable[[CellOutcome], Any] | None = None
    """How the value follows from a settled cell; None for metrics, which are looked up by name."""
    exact: type | None = dataclasses.field(init=False)
    """The type whose values, if they are finite, need neither a look at their range nor a conversion; None: none."""

    def __post_init__(self) -> None:
        exact = None if self.choices else {Kind.TEXT: str, Kind.NUMBER: float, Kind.FLAG: bool}.get(self.kind)
        object.__setattr__(self, "exact", exact)

    @property
    def optional(self) -> bool:
        """Whether tables leave the column out where no row has a value."""
        return self.role in (Role.METRIC, Role.INTERVAL, Role.TIMING, Role.ERROR)

    def problem(self, value: Any, *, ranges: bool = True) -> str:
        """Describe why `value` cannot stand in the column; return empty text if it can.

        `ranges`: check the range of numbers too.
        """
        if not ranges and self.is_exact(value):
            return ""
        if is_missing(value):
            return f"column '{self.name}' has no value: every row needs one" if self.required else ""
        if not self._fits(value):
            return self._has(value, self.kind.value)
        if self.choices and value not in self.choices:
            return self._has(value, f"one of {', '.join(self.choices)}{did_you_mean(value, self.choices)}")
        if ranges and not self._in_range(value):
            return self._has(value, f"{self.range[0]:g} to {self.range[1]:g}")
        return ""

    def _has(self, value: Any, expected: str) -> str:
        return f"column '{self.name}' has {shown(value)}; expected {expected}"

    def is_exact(self, value: Any) -> bool:
        """Return whether a value is of the type `exact`, and finite."""
        kind = type(value)
        return kind is self.exact and (kind is not float or math.isfinite(value))

    def _fits(self, value: Any) -> bool:
        if self.kind is Kind.TEXT:
            return isinstance(value, str)
        if self.kind is Kind.FLAG:
            return isinstance(value, bool)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_finite(value):
            return False
        return self.kind is Kind.NUMBER or (abs(value) < 2**63 if isinstance(value, int) else value.is_integer())

    def _in_range(self, value: Any) -> bool:
        slack = 1e-9  # sums of rounded shares leave a range by their last bits
        numeric = self.kind in (Kind.WHOLE, Kind.NUMBER)
        return not numeric or self.range[0] - slack <= value <= self.range[1] + slack

    def convert(self, value: Any) -> Any:
        """Return a value that has no `problem` in the column's type; the default for a missing one."""
        if is_missing(value):
            return self.default
        if self.kind is Kind.WHOLE:
            return int(value)
        return float(value) if self.kind is Kind.NUMBER else value

    def parse(self, text: str) -> Any:
        """Return the value that `text` (a field of a CSV file, a tag of MLflow) stands for.

        Empty text is the default; text of another type is returned as it is, for `problem` to name.
        """
        if text == "":
            return self.default
        try:
            if self.kind is Kind.FLAG:
                return {"true": True, "false": False}.get(text.lower(), text)
            if self.kind is Kind.WHOLE:
                return int(text) if text.removeprefix("-").isdigit() else _whole(float(text))
            return float(text) if self.kind is Kind.NUMBER else text
        except ValueError:
            return text


def _whole(number: float) -> float | int:
    """Return a whole number as int; another number as it is."""
    return int(number) if number.is_integer() else number


def is_finite(value: float) -> bool:
    """Return whether a number is finite and no larger than a float can be, which a whole number in JSON may be."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_missing(value: Any) -> bool:
    """Return whether a value stands for none: None, NaN, or pandas' missing value."""
    kind = type(value)
    if kind is float:
        return bool(value != value)
    if kind in (str, int, bool):
        return False
    return value is None or kind.__name__ in ("NAType", "NaTType") or (isinstance(value, float) and math.isnan(value))
