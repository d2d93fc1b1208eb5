"""Hold what each column of a study's table is: id, site, cause, sex, age, symptom, or none of these and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from va_experiments.data.readers.age_text import AGE_UNITS
from va_experiments.errors import shown

__all__ = ["Roles"]


@dataclass
class Roles:
    """What each column of a table is.

    `left_out` maps a column that is read as nothing to the reason; `value_map` a cell to Y, N or ``.``; `questions` are
    what only the owner of the table can answer; `may_be_strata` are columns of text with few values that are left out.
    """

    id: str | None = None
    site: str | None = None
    cause: str | None = None
    sex: str | None = None
    age: str | None = None
    age_unit: str = "years"
    age_parts: Mapping[str, str] = field(default_factory=dict)
    covariates: Mapping[str, Any] = field(default_factory=dict)
    narrative: str | None = None
    symptoms: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    value_map: dict[str, str] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    strata_columns: tuple[str, ...] = ()
    may_be_strata: tuple[str, ...] = ()

    def others(self) -> dict[str, str]:
        """Return each column that is not a symptom, with what it is or why it is left out."""
        named: dict[str | None, str] = dict.fromkeys(self.strata_columns, "text, kept for results by stratum")
        named |= {
            self.id: "id of each death",
            self.site: "site",
            self.cause: "cause",
            self.sex: "sex",
            self.age: f"age, in {self.age_unit}",
            self.narrative: "narrative, read as words",
        }
        named |= dict.fromkeys(self.covariates, "number, kept as a covariate")
        named |= {c: f"part of the age, in {unit}" for c, unit in self.age_parts.items()}
        if self.age is not None and self.age_unit not in AGE_UNITS:
            named |= {self.age: f"age, in the unit of column {shown(self.age_unit)}", self.age_unit: "unit of each age"}
        return {c: what for c, what in named.items() if c is not None} | {
            c: f"left out: {why}" for c, why in self.left_out.items()
        }
