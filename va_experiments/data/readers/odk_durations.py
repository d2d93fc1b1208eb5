"""Durations of the WHO 2016 questionnaire: asked as a number and a unit, exported as one calculated column.

Source: the calculations of the questionnaire (versions 1.5.1 and 1.5.3). The calculated column is used where an export
has it; where it has not, the duration is calculated here. Five calculated columns of version 1.5 divide days by 30, so
that they hold months, while the indicators count days: these are brought back to days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DURATIONS", "Duration"]


@dataclass(frozen=True)
class Duration:
    """How a duration is asked.

    Parameters
    ----------
    unit : str
        Question that names the unit.
    parts : mapping of str to (str, float)
        Question with the number -> the word that the unit starts with, and how much one unit is in the exported one.
    neonate : str
        Question that is asked for neonates in place of the others; its number needs no unit.
    in_months : bool
        Whether version 1.5 exports months where days are needed.
    """

    unit: str
    parts: Mapping[str, tuple[str, float]]
    neonate: str = ""
    in_months: bool = False


def _days(number: int, *, unit: str = "units", days: str = "_a", months: str = "_b", **more: object) -> Duration:
    name = f"Id{number}"
    month = months if months.startswith("Id") else f"{name}{months}"
    return Duration(f"{name}_{unit}", {f"{name}{days}": ("day", 1), month: ("month", 30)}, **more)  # type: ignore[arg-type]


DURATIONS: Mapping[str, Duration] = {
    "Id10120": Duration(
        "id10120_unit",
        {"Id10120_1": ("day", 1), "Id10121": ("month", 30), "Id10122": ("year", 365)},
        neonate="Id10120_0",
    ),
    "Id10148": _days(10148, days="_b", months="_c", neonate="Id10148_a"),
    "Id10154": _days(10154),
    "Id10161": Duration(
        "id10161_unit",
        {"Id10161_1": ("day", 1), "Id10162": ("month", 30), "Id10163": ("year", 365)},
        neonate="Id10161_0",
    ),
    "Id10167": _days(10167, days="_b", months="_c", neonate="Id10167_a"),
    "Id10169": _days(10169, days="_b", months="_c", neonate="Id10169_a"),
    "Id10182": _days(10182),
    "Id10197": Duration(
        "id10196_unit", {"Id10196": ("hour", 1 / 24), "Id10197_a": ("day", 1), "Id10198": ("month", 30)}
    ),
    "Id10201": _days(10201, unit="unit", months="Id10202"),
    "Id10205": _days(10205, unit="unit", months="Id10206"),
    "Id10213": Duration("Id10213_units", {"Id10213_a": ("day", 1 / 30), "Id10213_b": ("month", 1)}),
    "Id10216": Duration("Id10216_units", {"Id10216_a": ("hour", 1), "Id10216_b": ("day", 24)}),
    "Id10232": _days(10232, in_months=True),
    "Id10248": _days(10248, in_months=True),
    "Id10250": _days(10250, in_months=True),
    "Id10262": _days(10262, in_months=True),
    "Id10266": _days(10266, in_months=True),
    "Id10274": _days(10274, days="_b", months="_c", neonate="Id10274_a"),
}
"""Calculated question -> how it is asked."""
