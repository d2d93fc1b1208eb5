"""Guess what each column of a study's own table is: id, site, cause, sex, age, symptom, or none of these and why.

In: the coded columns and the options that are known already. Out: `Roles`. What was given is never guessed.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from va_experiments.data.answer_checks import leaks
from va_experiments.data.answer_words import guess_value_map, normalised
from va_experiments.data.column_kinds import (
    AGE_NAMES,
    can_be_label,
    cell_meaning,
    holds_ages,
    holds_both_sexes,
    is_age_of_the_young,
    is_called_age,
    is_symptom,
    looks_like_id,
    may_be_strata,
    may_be_unit,
    why_left_out,
)
from va_experiments.data.column_questions import (
    ask_about_numbers,
    ask_about_rows,
    ask_about_words,
    exclude_option,
    filled_cells,
    folded_name,
    numeric_share,
    units_option,
)
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import ABSENT, MISSING, PRESENT
from va_experiments.data.missing_labels import NO_LABEL
from va_experiments.data.readers.age_columns import age_columns, unit_in_name
from va_experiments.data.readers.age_text import AGE_UNITS
from va_experiments.data.readers.person_columns import is_sex_column, is_sex_name, is_unit_column
from va_experiments.data.record_ids import ID_NAMES
from va_experiments.data.roles import Roles
from va_experiments.errors import shown

__all__ = ["guess_roles"]

_SITE = ("site", "location", "region", "country", "district", "hospital", "centre", "center", "study_site")
_CAUSE = (
    *("cause", "cod", "gs_text34", "gs_text", "va34", "cause_of_death", "underlying_cause", "gold_standard"),
    *("diagnosis", "label"),
)
_AGE_WORD = re.compile(r"(?:^|[^a-z])(?:age|edad|idade)(?![a-z])")
_NAMED = ("id", "site", "cause", "sex", "age", "age_unit", "narrative")
"""Options that name one column each."""
_CODE = {"Y": PRESENT, "N": ABSENT, ".": MISSING}


def guess_roles(header: Sequence[str], table: Mapping[str, CodedColumn], chosen: Mapping[str, Any]) -> Roles:
    """Guess the role of every column.

    Parameters
    ----------
    header : sequence of str
    table : mapping of str to CodedColumn
    chosen : mapping
        Options of ``data=csv`` that are known.
    """
    value_map = {str(k).strip(): str(v) for k, v in (chosen.get("value_map") or {}).items()}
    roles = Roles(covariates=dict(chosen.get("covariates") or {}), narrative=chosen.get("narrative"))
    roles.strata_columns = tuple(str(c) for c in chosen.get("strata_columns") or ())
    columns = _Columns(header, table, chosen, {*roles.covariates, *roles.strata_columns}, value_map)
    roles.id = columns.take("id", ID_NAMES, lambda c: looks_like_id(c, table[c]))
    roles.site, roles.cause = (
        columns.take(key, known, functools.partial(can_be_label, table=table, answers=columns.answers, name=key))
        for key, known in (("site", _SITE), ("cause", _CAUSE))
    )
    roles.sex = _guess_sex(columns)
    _guess_age(roles, columns)
    _sort_others(roles, columns)
    if chosen.get("symptoms") is None:
        ask_about_words(roles, table, columns.excluded)
        _leave_out_leaks(roles, table, value_map, chosen)
    ask_about_rows(roles, header, table, chosen)
    ask_about_numbers(roles, table, value_map)
    roles.may_be_strata = tuple(c for c in roles.left_out if may_be_strata(table[c]))
    roles.value_map = _complete_value_map(roles, table, value_map, chosen)
    return roles


class _Columns:
    """The columns of a table, of which those without a role are `free`.

    Parameters
    ----------
    header : sequence of str
    table : mapping of str to CodedColumn
    chosen : mapping
        Options of ``data=csv`` that are known.
    beside : collection of str
        Columns that are kept beside the symptoms: covariates and strata.
    value_map : mapping of str to str
        Cell -> Y, N or ``.``.
    """

    def __init__(
        self,
        header: Sequence[str],
        table: Mapping[str, CodedColumn],
        chosen: Mapping[str, Any],
        beside: Collection[str],
        value_map: Mapping[str, str],
    ) -> None:
        self.header, self.table, self.chosen = header, table, chosen
        self.excluded = [str(c) for c in chosen.get("exclude") or ()]
        self.symptoms = [str(c) for c in chosen.get("symptoms") or ()]
        named = (str(chosen[k]) for k in _NAMED if chosen.get(k) is not None)
        with_role = {*self.excluded, *self.symptoms, *beside, *named}
        self.free = [c for c in header if c not in with_role]
        self.answers = {c: is_symptom(table[c], value_map) for c in header}

    def take(self, key: str, known: Sequence[str], fits: Callable[[str], bool]) -> str | None:
        """Return the column of a role: as chosen, or a free one with a known name that fits, which is then taken."""
        if key in self.chosen:
            return None if self.chosen[key] is None else str(self.chosen[key])
        column = _pick(self.free, known, fits)
        if column is not None:
            self.free.remove(column)
        return column

    def cells(self, column: str) -> list[str]:
        """Return the different cells of a column that are not empty."""
        return filled_cells(self.table[column])


def _guess_sex(columns: _Columns) -> str | None:
    """Return the column of the sex: by its name, or a free column that holds words for both sexes."""
    names = tuple(folded_name(c) for c in columns.free if is_sex_name(c))
    column = columns.take("sex", names, lambda c: is_sex_column(columns.cells(c)))
    if column is None and "sex" not in columns.chosen:
        return next((c for c in columns.free if holds_both_sexes(columns.table[c])), None)
    return column


def _guess_age(roles: Roles, columns: _Columns) -> None:
    """Find the age: columns in units that their names say, or one column, with its unit."""
    table, chosen, answers = columns.table, columns.chosen, columns.answers
    divided = {} if "age" in chosen else _divided_age(columns.free, table)
    if divided:
        roles.age, roles.age_unit = next(iter(divided.items()))
        roles.age_parts = {c: u for c, u in divided.items() if c != roles.age}
        return
    roles.age = columns.take(
        "age", AGE_NAMES, lambda c: (not answers[c] or is_age_of_the_young(c, table[c])) and holds_ages(table[c])
    )
    if (
        roles.age is None
        and "age" not in chosen
        and any(is_unit_column(columns.cells(c)) or may_be_unit(c, table[c]) for c in columns.free)
    ):
        ages = [c for c in columns.free if _AGE_WORD.search(c.casefold()) and holds_ages(table[c]) and not answers[c]]
        roles.age = ages[0] if len(ages) == 1 else None
    roles.age_parts = {str(c): str(u) for c, u in (chosen.get("age_parts") or {}).items()}
    _age_unit(roles, columns.free, table, chosen)


def _sort_others(roles: Roles, columns: _Columns) -> None:
    """Make each other column a symptom, or leave it out with the reason, and ask about those that are in doubt."""
    special = {roles.id, roles.site, roles.cause, roles.sex, roles.age, roles.age_unit, *roles.age_parts}
    special |= {*roles.covariates, *roles.strata_columns, roles.narrative}
    for column in columns.header:
        if column in columns.symptoms:
            roles.symptoms.append(column)
        elif column in special:
            continue
        elif column in columns.excluded:
            roles.left_out[column] = "by exclude"
        elif columns.chosen.get("symptoms") is not None:
            roles.left_out[column] = "not among the symptoms named"
        elif is_sex_name(column) and (cells := sorted(columns.cells(column))):
            _ask_about_sex(roles, column, cells)
        elif _may_hold_units_of_age(roles, columns, column):
            _ask_about_units(roles, column, sorted(columns.cells(column)))
        elif columns.answers[column] and not (unit_in_name(column) and numeric_share(columns.cells(column)) == 1):
            roles.symptoms.append(column)
        else:
            roles.left_out[column] = why_left_out(columns.table[column], column)
            if roles.age is None and "age" not in columns.chosen and is_called_age(column):
                _ask_about_age(roles, column, columns.cells(column))


def _ask_about_sex(roles: Roles, column: str, cells: Sequence[str]) -> None:
    listed = ", ".join(shown(v) for v in cells[:4])
    roles.left_out[column] = f"sex in codes ({listed})"
    roles.questions.append(
        f"column {shown(column)} holds {listed}: which is female and which is male? Say sex={column} "
        f'\'sex_codes=["FEMALE", "MALE"]\' with these cells (empty those that are neither), or leave it out '
        f"with {exclude_option([column])}"
    )


def _may_hold_units_of_age(roles: Roles, columns: _Columns, column: str) -> bool:
    """Check whether a column may hold codes of the units of an age whose unit no column has."""
    return (
        roles.age is not None
        and "age_unit" not in columns.chosen
        and roles.age_unit in AGE_UNITS
        and may_be_unit(column, columns.table[column])
    )


def _ask_about_units(roles: Roles, column: str, codes: Sequence[str]) -> None:
    assert roles.age is not None
    listed = ", ".join(map(shown, codes[:4]))
    roles.left_out[column] = f"codes of units? ({listed})"
    roles.questions.append(
        f"column {shown(column)} holds {listed}: are they the units of column "
        f"{shown(roles.age)}? Say {shlex.quote(f'age_unit={column}')} "
        f"'age_unit_codes={{{units_option(codes)}}}' "
        f"(UNIT being one of {', '.join(AGE_UNITS)}), or leave it out with {exclude_option([column])}"
    )


def _ask_about_age(roles: Roles, column: str, cells: Sequence[str]) -> None:
    if cells:
        roles.questions.append(
            f"column {shown(column)} holds {', '.join(map(shown, cells[:3]))}, which are no ages that can be "
            "read (a number, alone or with a unit): correct them, name the column of ages with age=COLUMN, or "
            f"leave this one out with {exclude_option([column])}"
        )


def _complete_value_map(
    roles: Roles, table: Mapping[str, CodedColumn], value_map: Mapping[str, str], chosen: Mapping[str, Any]
) -> dict[str, str]:
    """Return what the cells of the symptoms mean: as chosen, or guessed."""
    guessed, _ = guess_value_map({v for c in roles.symptoms if c in table for v in table[c].values})
    meanings = {**guessed, **value_map}
    if "." in meanings and "N" not in meanings.values() and "blank" not in chosen:
        meanings.setdefault("", "N")  # the layout of openVA: Y, empty for no, . for missing
    for value in ("Y", "N"):
        if value not in meanings.values():
            meanings.setdefault(value, value)
    return meanings


def _pick(header: Sequence[str], known: Sequence[str], fits: Callable[[str], bool]) -> str | None:
    folded = {folded_name(c): c for c in reversed(header)}
    exact = [folded[k] for k in known if k in folded and fits(folded[k])]
    within = [c for k in known if len(k) > 3 for c in header if k in c.casefold() and fits(c)]
    return next(iter([*exact, *within]), None)


def _divided_age(free: Sequence[str], table: Mapping[str, CodedColumn]) -> dict[str, str]:
    """Return the columns that hold the age in units that their names say; none where there are none."""
    named = [c for c in free if unit_in_name(c) and holds_ages(table[c])]
    units = age_columns(named)
    plain = [c for c in free if c.strip().casefold() == "age" and holds_ages(table[c])]
    if any(is_unit_column(filled_cells(table[c])) for c in free) or (plain and [*units.values()] == ["years"]):
        return {}
    if plain and units and "years" not in units.values():
        units = {plain[0]: "years"} | units
    return units


def _age_unit(roles: Roles, free: list[str], table: Mapping[str, CodedColumn], chosen: Mapping[str, Any]) -> None:
    """Find the unit of the ages: a column, or what the name of the column says."""
    if chosen.get("age_unit") is not None:
        roles.age_unit = str(chosen["age_unit"])
    elif roles.age is not None:
        units = [c for c in free if is_unit_column(filled_cells(table[c]))]
        roles.age_unit = next(iter(units), unit_in_name(roles.age) or "years")


def _leave_out_leaks(
    roles: Roles, table: Mapping[str, CodedColumn], value_map: Mapping[str, str], chosen: Mapping[str, Any]
) -> None:
    """Move the columns that equal a cause from the symptoms to what is left out."""
    if roles.cause not in table or roles.cause is None or not roles.symptoms:
        return
    labels = table[roles.cause]
    known = [k for k, v in enumerate(labels.values) if normalised(v) not in NO_LABEL]
    rows = np.isin(labels.codes, known)
    matrix = np.empty((len(labels.codes), len(roles.symptoms)), dtype=np.int8)
    for j, column in enumerate(roles.symptoms):
        codes = [_CODE.get(cell_meaning(v, value_map) or ".", MISSING) for v in table[column].values]
        matrix[:, j] = np.array(codes, dtype=np.int8)[table[column].codes]
    copies = leaks(matrix[rows], roles.symptoms, labels.values, labels.codes[rows].astype(np.int16))
    for column, (cause, correlation) in copies.items():
        if column not in (chosen.get("allow_leaks") or ()):
            roles.symptoms.remove(column)
            roles.left_out[column] = (
                f"almost equals cause {shown(cause)} (correlation {correlation:.2f}): a model would read the answer "
                f"from it; if it is a true sign, say 'allow_leaks=[{column}]'"
            )
