"""Guess what each column of a study's own table is: id, site, cause, sex, age, symptom, or none of these and why.

In: the coded columns and the options that are known already. Out: `Roles`. What was given is never guessed.
"""

from __future__ import annotations

import functools
import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from va_experiments.data.answer_checks import leaks
from va_experiments.data.answer_words import guess_value_map, meaning_of, normalised
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
from va_experiments.data.decorated import undecorated
from va_experiments.data.readers.age_columns import age_columns, unit_in_name
from va_experiments.data.readers.age_text import AGE_UNITS, parse_age
from va_experiments.data.readers.csv_columns import NO_LABEL
from va_experiments.data.readers.person_columns import is_sex_column, is_sex_name, is_unit_column
from va_experiments.data.record_ids import ID_NAMES
from va_experiments.data.roles import Roles
from va_experiments.data.text_columns import MOST_TEXTS
from va_experiments.errors import shown

__all__ = ["guess_roles"]

_SITE = ("site", "location", "region", "country", "district", "hospital", "centre", "center", "study_site")
_CAUSE = (
    *("cause", "cod", "gs_text34", "gs_text", "va34", "cause_of_death", "underlying_cause", "gold_standard"),
    *("diagnosis", "label"),
)
_AGE = ("age", "age_years", "ageinyears", "age_in_years", "age_at_death", "age_months", "ageinmonths", "age_days")
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|"
    r"\d{1,2}[- ]?[A-Za-z]{3,9}[- ,]*\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4}"
)
_AGE_WORD = re.compile(r"(?:^|[^a-z])(?:age|edad|idade)(?![a-z])")
_ANSWER_NUMBERS = frozenset(
    {
        *("0", "1", "2", "7", "8", "9", "66", "77", "88", "96", "97", "98", "99", "777", "888", "997", "998", "999"),
        *("-1", "-7", "-8", "-9", "-77", "-88", "-99", "-888", "-999"),
    }
)
"""Numbers that stand for answers, and for reasons why there is none."""
_CODE = {"Y": PRESENT, "N": ABSENT, ".": MISSING}
_MOST_ANSWERS = 12


def guess_roles(header: Sequence[str], table: Mapping[str, CodedColumn], chosen: Mapping[str, Any]) -> Roles:
    """Guess the role of every column.

    Parameters
    ----------
    header : sequence of str
    table : mapping of str to CodedColumn
    given : mapping
        Options of ``data=csv`` that are known.
    """
    own = {str(k).strip(): str(v) for k, v in (chosen.get("value_map") or {}).items()}
    roles = Roles(covariates=dict(chosen.get("covariates") or {}), narrative=chosen.get("narrative"))
    excluded = [str(c) for c in chosen.get("exclude") or ()]
    roles.strata_columns = tuple(str(c) for c in chosen.get("strata_columns") or ())
    named = [str(c) for c in chosen.get("symptoms") or ()]
    taken = {*excluded, *named, *roles.strata_columns, *roles.covariates}
    taken |= {str(chosen[k]) for k in _NAMED if chosen.get(k) is not None}
    free = [c for c in header if c not in taken]

    def role(key: str, known: Sequence[str], fits: Callable[[str], bool]) -> str | None:
        if key in chosen:
            return None if chosen[key] is None else str(chosen[key])
        found = _pick(free, known, fits)
        if found is not None:
            free.remove(found)
        return found

    answers = {c: _is_symptom(table[c], own) for c in header}
    roles.id = role("id", ID_NAMES, lambda c: _looks_like_id(c, table[c]))
    roles.site, roles.cause = (
        role(key, known, functools.partial(_can_be_label, table=table, answers=answers, name=key))
        for key, known in (("site", _SITE), ("cause", _CAUSE))
    )
    roles.sex = role(
        "sex", tuple(folded_name(c) for c in free if is_sex_name(c)), lambda c: is_sex_column(filled_cells(table[c]))
    )
    if roles.sex is None and "sex" not in chosen:
        roles.sex = next((c for c in free if _both_sexes(table[c])), None)
    divided = {} if "age" in chosen else _divided_age(free, table)
    if divided:
        roles.age, roles.age_unit = next(iter(divided.items()))
        roles.age_parts = {c: u for c, u in divided.items() if c != roles.age}
    else:
        roles.age = role(
            "age", _AGE, lambda c: (not answers[c] or _is_age_of_the_young(c, table[c])) and _holds_ages(table[c])
        )
        if (
            roles.age is None
            and "age" not in chosen
            and any(is_unit_column(filled_cells(table[c])) or _may_be_unit(c, table[c]) for c in free)
        ):
            values = [c for c in free if _AGE_WORD.search(c.casefold()) and _holds_ages(table[c]) and not answers[c]]
            roles.age = values[0] if len(values) == 1 else None
        roles.age_parts = {str(c): str(u) for c, u in (chosen.get("age_parts") or {}).items()}
        _age_unit(roles, free, table, chosen)
    special = {roles.id, roles.site, roles.cause, roles.sex, roles.age, roles.age_unit, *roles.age_parts}
    special |= {*roles.covariates, *roles.strata_columns, roles.narrative}
    for column in header:
        if column in named:
            roles.symptoms.append(column)
        elif column in special:
            continue
        elif column in excluded:
            roles.left_out[column] = "by exclude"
        elif chosen.get("symptoms") is not None:
            roles.left_out[column] = "not among the symptoms named"
        elif is_sex_name(column) and (cells := sorted(filled_cells(table[column]))):
            listed = ", ".join(shown(v) for v in cells[:4])
            roles.left_out[column] = f"sex in codes ({listed})"
            roles.questions.append(
                f"column {shown(column)} holds {listed}: which is female and which is male? Say sex={column} "
                f'\'sex_codes=["FEMALE", "MALE"]\' with these cells (empty those that are neither), or leave it out '
                f"with {exclude_option([column])}"
            )
        elif (
            roles.age is not None
            and "age_unit" not in chosen
            and roles.age_unit in AGE_UNITS
            and _may_be_unit(column, table[column])
        ):
            codes = sorted(filled_cells(table[column]))
            roles.left_out[column] = f"codes of units? ({', '.join(map(shown, codes[:4]))})"
            roles.questions.append(
                f"column {shown(column)} holds {', '.join(map(shown, codes[:4]))}: are they the units of column "
                f"{shown(roles.age)}? Say {shlex.quote(f'age_unit={column}')} "
                f"'age_unit_codes={{{units_option(codes)}}}' "
                f"(UNIT being one of {', '.join(AGE_UNITS)}), or leave it out with {exclude_option([column])}"
            )
        elif answers[column] and not (unit_in_name(column) and numeric_share(filled_cells(table[column])) == 1):
            roles.symptoms.append(column)
        else:
            roles.left_out[column] = _why_not(table[column], column)
            if (
                roles.age is None
                and "age" not in chosen
                and _is_called_age(column)
                and (cells := filled_cells(table[column]))
            ):
                roles.questions.append(
                    f"column {shown(column)} holds {', '.join(map(shown, cells[:3]))}, which are no ages that can be "
                    "read (a number, alone or with a unit): correct them, name the column of ages with age=COLUMN, or "
                    f"leave this one out with {exclude_option([column])}"
                )
    if chosen.get("symptoms") is None:
        ask_about_words(roles, table, excluded)
        _leave_out_leaks(roles, table, own, chosen)
    ask_about_rows(roles, header, table, chosen)
    ask_about_numbers(roles, table, own)
    roles.may_be_strata = tuple(c for c in roles.left_out if _may_be_strata(table[c]))
    guessed, _ = guess_value_map({v for c in roles.symptoms if c in table for v in table[c].values})
    roles.value_map = guessed | own
    if "." in roles.value_map and "N" not in roles.value_map.values() and "blank" not in chosen:
        roles.value_map.setdefault("", "N")  # the layout of openVA: Y, empty for no, . for missing
    for value in ("Y", "N"):
        if value not in roles.value_map.values():
            roles.value_map.setdefault(value, value)
    return roles


_NAMED = ("id", "site", "cause", "sex", "age", "age_unit", "narrative")


def _pick(header: Sequence[str], known: Sequence[str], fits: Callable[[str], bool]) -> str | None:
    folded = {folded_name(c): c for c in reversed(header)}
    exact = [folded[k] for k in known if k in folded and fits(folded[k])]
    within = [c for k in known if len(k) > 3 for c in header if k in c.casefold() and fits(c)]
    return next(iter([*exact, *within]), None)


def _looks_like_id(name: str, column: CodedColumn) -> bool:
    """Check whether a column can be an id: nearly unique; if its name is that of an id, deaths may occur some times."""
    share = len(column.values) / max(len(column.codes), 1)
    return share > (0.2 if folded_name(name) in ID_NAMES and len(column.values) > _MOST_ANSWERS else 0.9)


def _can_be_label(column: str, *, table: Mapping[str, CodedColumn], answers: Mapping[str, bool], name: str) -> bool:
    """Check whether a column can hold sites or causes; one that is called so may hold a single one."""
    exact = folded_name(column) == name  # its codes may look like answers
    fewest = 1 if exact else 2
    return fewest <= len(table[column].values) <= 200 and (exact or not answers[column])


def _holds_ages(column: CodedColumn) -> bool:
    """Check whether half of the different cells are ages; classes such as 15-49 are none."""
    cells = filled_cells(column)
    return bool(cells) and sum(not math.isnan(parse_age(c)[0]) for c in cells) >= 0.5 * len(cells)


def _is_age_of_the_young(name: str, column: CodedColumn) -> bool:
    """Check whether a column is the age by its name, though its numbers, such as 0 and 1, could be answers."""
    return folded_name(name) in _AGE and numeric_share(filled_cells(column)) == 1


def _is_called_age(column: str) -> bool:
    """Check whether a column is the age by its name; ``age_group`` is none."""
    return folded_name(column) in _AGE or unit_in_name(undecorated(column)) is not None


def _both_sexes(column: CodedColumn) -> bool:
    cells = filled_cells(column)
    return is_sex_column(cells) and len({normalised(c)[:1] for c in cells}) > 1


def _divided_age(free: Sequence[str], table: Mapping[str, CodedColumn]) -> dict[str, str]:
    """Return the columns that hold the age in units that their names say; none where there are none."""
    named = [c for c in free if unit_in_name(c) and _holds_ages(table[c])]
    found = age_columns(named)
    plain = [c for c in free if c.strip().casefold() == "age" and _holds_ages(table[c])]
    if any(is_unit_column(filled_cells(table[c])) for c in free) or (plain and [*found.values()] == ["years"]):
        return {}
    if plain and found and "years" not in found.values():
        found = {plain[0]: "years"} | found
    return found


def _may_be_unit(name: str, column: CodedColumn) -> bool:
    """Check whether a column is called a unit, but holds codes."""
    cells = filled_cells(column)
    return "unit" in name.casefold() and 0 < len(cells) <= len(AGE_UNITS) + 2 and not is_unit_column(cells)


def _age_unit(roles: Roles, free: list[str], table: Mapping[str, CodedColumn], chosen: Mapping[str, Any]) -> None:
    """Find the unit of the ages: a column, or what the name of the column says."""
    if chosen.get("age_unit") is not None:
        roles.age_unit = str(chosen["age_unit"])
    elif roles.age is not None:
        units = [c for c in free if is_unit_column(filled_cells(table[c]))]
        roles.age_unit = next(iter(units), unit_in_name(roles.age) or "years")


def _meaning(cell: str, own: Mapping[str, str]) -> str | None:
    return own.get(cell.strip()) or meaning_of(cell)


def _is_symptom(column: CodedColumn, own: Mapping[str, str]) -> bool:
    """Check whether a column holds answers; some cells may be words that only its owner knows."""
    meanings = [_meaning(v, own) for v in column.values]
    counts = np.bincount(column.codes, minlength=len(column.values))
    filled = sum(int(n) for n, v in zip(counts, column.values, strict=True) if v.strip())
    answers = sum(int(n) for n, m in zip(counts, meanings, strict=True) if m in ("Y", "N"))
    known = sum(int(n) for n, m, v in zip(counts, meanings, column.values, strict=True) if m and v.strip())
    if not answers:
        return False
    cells = filled_cells(column)
    if numeric_share(cells) == 1 and not {normalised(c) for c in cells} <= _ANSWER_NUMBERS | {
        normalised(c) for c in own
    }:
        return known >= 0.99 * filled
    if known >= 0.9 * filled:
        return True
    return len(cells) <= _MOST_ANSWERS and {"Y", "N"} <= set(meanings) and answers >= 0.5 * filled


def _why_not(column: CodedColumn, name: str) -> str:
    cells = filled_cells(column)
    if not cells:
        return "every cell is empty"
    if (unit := unit_in_name(name)) and _holds_ages(column):
        return f"an age by its name; if it is a part of the age, say 'age_parts={{{name}: {unit}}}'"
    if sum(_DATE.match(c) is not None for c in cells) > 0.9 * len(cells):
        return f"dates such as {', '.join(map(shown, cells[:2]))}: no age is computed from dates, give a column of ages"
    example = ", ".join(shown(v, limit=30) for v in cells[:3])
    if is_unit_column(cells):
        return f"units of time ({example}), but no column of ages was recognised; name it with age=COLUMN"
    if sum(c.replace(",", ".").lstrip("-").replace(".", "", 1).isdecimal() for c in cells) > 0.9 * len(cells) > 1.8:
        return f"numbers such as {example}; keep them with 'covariates={{COLUMN: null}}'"
    if all(meaning_of(c) == "." for c in cells):
        return f"no cell says yes or no ({example})"
    return f"no answers, but {len(cells)} different cell{'s' if len(cells) > 1 else ''} such as {example}"


def _may_be_strata(column: CodedColumn) -> bool:
    """Check whether a column holds text with few values, each at two deaths on average."""
    counts = np.bincount(column.codes, minlength=len(column.values))
    cells = filled_cells(column)
    filled = sum(int(n) for n, v in zip(counts, column.values, strict=True) if v.strip())
    few = 2 <= len(cells) <= MOST_TEXTS and filled >= 2 * len(cells)
    return few and numeric_share(cells) < 0.5 and sum(_DATE.match(c) is not None for c in cells) < 0.5 * len(cells)


def _leave_out_leaks(
    roles: Roles, table: Mapping[str, CodedColumn], own: Mapping[str, str], chosen: Mapping[str, Any]
) -> None:
    """Move the columns that equal a cause from the symptoms to what is left out."""
    if roles.cause not in table or roles.cause is None or not roles.symptoms:
        return
    labels = table[roles.cause]
    known = [k for k, v in enumerate(labels.values) if normalised(v) not in NO_LABEL]
    rows = np.isin(labels.codes, known)
    matrix = np.empty((len(labels.codes), len(roles.symptoms)), dtype=np.int8)
    for j, column in enumerate(roles.symptoms):
        codes = [_CODE.get(_meaning(v, own) or ".", MISSING) for v in table[column].values]
        matrix[:, j] = np.array(codes, dtype=np.int8)[table[column].codes]
    found = leaks(matrix[rows], roles.symptoms, labels.values, labels.codes[rows].astype(np.int16))
    for column, (cause, correlation) in found.items():
        if column not in (chosen.get("allow_leaks") or ()):
            roles.symptoms.remove(column)
            roles.left_out[column] = (
                f"almost equals cause {shown(cause)} (correlation {correlation:.2f}): a model would read the answer "
                f"from it; if it is a true sign, say 'allow_leaks=[{column}]'"
            )
