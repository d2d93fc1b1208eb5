"""Name the options of a study's own table: what its columns and cells mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from va_experiments.data.deaths import ABSENT
from va_experiments.data.readers.symptom_columns import DEFAULT_VALUES, value_codes
from va_experiments.data.text_source import AUTO

__all__ = ["CsvOptions"]


@dataclass(frozen=True)
class CsvOptions:
    """How a table with one row for each death is read.

    Parameters
    ----------
    id : str, optional
        Column of the id; by default ids are hashes of the rows.
    site, cause : str or None
        Columns; `site` None where all deaths are of one place, `cause` None where no cause is known.
    symptoms : sequence of str, optional
        Columns; by default all that are not named elsewhere.
    exclude : sequence of str
        Columns to leave out by default.
    value_map : mapping, optional
        Cell -> ``"Y"`` (present), ``"N"`` (absent) or ``"."`` (missing). An empty cell is missing unless it is mapped.
        Default: Y, N and . themselves.
    blank : {"missing", "absent"}, optional
        What an empty cell of a symptom means where no cell says no; None: such a table is refused.
    max_unknown : float
        Largest share of a column's filled cells that may have no meaning.
    sex, age : str, optional
        Columns.
    sex_codes : sequence of str
        The cell for female and the cell for male, where they are not words.
    age_unit : str, optional
        Unit of the ages, or the column that holds it.
    age_parts : mapping of str to str, optional
        Further columns of the age -> their units.
    age_unit_codes : mapping, optional
        Cell of the column of units -> unit.
    age_missing : sequence of float, optional
        Numbers that stand for an age that is not known; None: a heap at 99 years is refused.
    covariates : mapping of str to (low, high) or None, optional
        Numeric columns with the range that their values must lie in.
    missing_numbers : sequence of float, optional
        Numbers of covariates that stand for "not known"; None: a code that stands far from all others is refused.
    causes, sites : sequence of str, optional
        Declared names in order; by default the names in the table, sorted.
    cause_map, site_map : mapping, optional
        Name as written -> name; None leaves the rows out.
    groups : mapping of str to str, optional
        Group of each cause; ``other`` for the rest.
    hce, words : sequence of str
        Symptom columns that come from health workers, or are words of the narrative.
    narrative : str, optional
        Column of free text, whose words become symptom columns ``word_...``; see
        `va_experiments.data.readers.narrative.Narrative`.
    drop_unlabelled : bool
        Drop rows without a cause; otherwise such rows are an error.
    duplicates : {"refuse", "first", "keep"}
        What to do with deaths that occur twice: the same id, or the same cells under another id.
    allow_leaks : sequence of str
        Symptom columns that may equal a cause.
    strata_columns : sequence of str
        Columns of text by which results are divided; they are no symptoms.
    sep, decimal, encoding : str
        Separator, decimal mark and encoding of the table.
    fix_encoding : bool, optional
        Whether UTF-8 text that was read in another encoding before (``CÃ³rdoba``) gets its letters back; None: it is
        refused.
    """

    id: str | None = None
    site: str | None = "site"
    cause: str | None = "cause"
    symptoms: Sequence[str] | None = None
    exclude: Sequence[str] = ()
    value_map: Mapping[Any, str] = field(default_factory=lambda: DEFAULT_VALUES)
    blank: str | None = None
    max_unknown: float = 0.01
    sex: str | None = None
    sex_codes: Sequence[str] = ()
    age: str | None = None
    age_unit: str | None = None
    age_parts: Mapping[str, str] | None = None
    age_unit_codes: Mapping[Any, str] | None = None
    age_missing: Sequence[float] | None = None
    covariates: Mapping[str, Sequence[float] | None] | None = None
    missing_numbers: Sequence[float] | None = None
    causes: Sequence[str] | None = None
    sites: Sequence[str] | None = None
    cause_map: Mapping[Any, str | None] | None = None
    site_map: Mapping[Any, str | None] | None = None
    groups: Mapping[str, str] | None = None
    hce: Sequence[str] = ()
    words: Sequence[str] = ()
    narrative: str | None = None
    drop_unlabelled: bool = False
    duplicates: str = "refuse"
    allow_leaks: Sequence[str] = ()
    strata_columns: Sequence[str] = ()
    sep: str = AUTO
    decimal: str = "."
    encoding: str = "utf-8-sig"
    fix_encoding: bool | None = None

    def value_codes(self) -> dict[str, int]:
        """Return the code of each cell that has a meaning."""
        codes = value_codes(self.value_map)
        return codes | {"": ABSENT} if self.blank == "absent" else codes

    @property
    def blank_is_mapped(self) -> bool:
        """Whether the value map gives empty cells a meaning."""
        return any(not str(cell).strip() for cell in self.value_map)
