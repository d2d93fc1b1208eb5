"""Find the role of each column of a study's own table, and list columns that are missing or have two roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from va_experiments.data.csv_blocks import missing_columns
from va_experiments.data.readers.age_columns import check_ages
from va_experiments.data.readers.age_text import AGE_UNITS
from va_experiments.data.readers.csv_columns import names_of_columns
from va_experiments.data.readers.csv_options import CsvOptions
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.strata_texts import strata_problems
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["TableRoles", "find_roles"]


@dataclass(frozen=True)
class TableRoles:
    """What each column of a table is.

    Parameters
    ----------
    special : sequence of str
        Columns of id, site, cause, narrative, sex and age, as far as they are named.
    numbers : mapping of str to (low, high) or None
        Covariates, with the range that their values must lie in.
    symptoms, symptom_names : sequence of str
        Columns of symptoms, and the names of these symptoms.
    age_unit : str or None
        Unit of the ages, or the column that holds it.
    age_parts : mapping of str to str
        Further columns of the age -> their units.
    strata : sequence of str
        Columns by which results are divided, beside whatever else they are.
    """

    special: Sequence[str]
    numbers: Mapping[str, Sequence[float] | None]
    symptoms: Sequence[str]
    symptom_names: Sequence[str]
    age_unit: str | None
    age_parts: Mapping[str, str]
    strata: Sequence[str] = ()

    @property
    def columns(self) -> list[str]:
        """All columns of which deaths are made."""
        return list(dict.fromkeys([*self.special, *self.numbers, *self.symptoms]))


def find_roles(source: TextSource, options: CsvOptions) -> TableRoles:
    """Find the role of each column.

    Raises
    ------
    InputError
        Listing columns that are missing or have two roles, and names that cannot be used; or naming the reader of the
        form that the table is written in.
    """
    where, numbers = shown_path(source.path), dict(options.covariates or {})
    age_unit, parts = options.age_unit, dict(options.age_parts or {})
    person = [options.sex, options.age]
    if options.age is not None:
        age_unit = check_ages(options.age, age_unit, parts, options.age_unit_codes or {}, source.header)
        person += [None if age_unit in AGE_UNITS else age_unit, *parts]
    special = [c for c in (options.id, options.site, options.cause, options.narrative, *person) if c is not None]
    strata = list(dict.fromkeys(options.strata_columns))
    no_symptoms = [*numbers, *(c for c in strata if c not in numbers)]
    symptoms = _symptom_columns(source, where, options.symptoms, special, no_symptoms, options.exclude)
    problems = _role_problems(source, where, special, list(numbers), symptoms, [*options.hce, *options.words])
    problems += _excluded_roles(where, options.exclude if options.symptoms is None else (), person, numbers)
    roles = {"id": options.id, "site": options.site, "cause": options.cause, "narrative": options.narrative}
    problems += strata_problems(source.header, strata, where, roles)
    problems += [
        f"{where}: column {shown(c)} is a symptom of data.symptoms, and strata=[{c}] shows it so; leave it out of "
        "data.strata_columns or of data.symptoms"
        for c in strata
        if c in symptoms
    ]
    names, bad = names_of_columns(symptoms, where)
    problems += bad
    if problems:
        if not {*special, *numbers, *symptoms, *strata} <= set(source.header) and (form := recognise(source.header)):
            raise InputError(form.sentence(where, source.path))
        raise InputError(problems)
    return TableRoles(special, numbers, symptoms, names, age_unit, parts, strata)


def _symptom_columns(
    source: TextSource,
    where: str,
    symptoms: Sequence[str] | None,
    special: Sequence[str],
    numbers: Sequence[str],
    exclude: Sequence[str],
) -> list[str]:
    if symptoms is not None:
        return list(symptoms)
    if unknown := [c for c in exclude if c not in source.header]:
        raise InputError(f"{where}: exclude: no column {shown(unknown[0])}{did_you_mean(unknown[0], source.header)}")
    other_columns = {*special, *numbers, *exclude}
    return [c for c in source.header if c not in other_columns]


def _excluded_roles(
    where: str, exclude: Sequence[str], person: Sequence[str | None], numbers: Mapping[str, object]
) -> list[str]:
    """List columns that are left out, but are named as the age, the sex or a number too."""
    return [
        f"{where}: column {shown(c)} is in data.exclude, but named as the age, the sex or a covariate too; leave "
        "it out of one of them"
        for c in exclude
        if c in person or c in numbers
    ]


_ONE_PLACE = "; data.site=COLUMN names it, data.site=null says that all deaths are of one place"
_NO_CAUSE = "; data.cause=COLUMN names it, data.cause=null says that no cause is known"


def _role_problems(
    source: TextSource,
    where: str,
    special: Sequence[str],
    numbers: Sequence[str],
    symptom_columns: Sequence[str],
    blocks: Sequence[str],
) -> list[str]:
    """Check that every named column exists and has one role."""
    problems = missing_columns(source.header, list(dict.fromkeys([*special, *numbers, *symptom_columns])), where)
    if "site" in special and "site" not in source.header:
        problems = [p + _ONE_PLACE if "missing column 'site'" in p else p for p in problems]
    if "cause" in special and "cause" not in source.header:
        problems = [p + _NO_CAUSE if "missing column 'cause'" in p else p for p in problems]
    roles: dict[str, str] = {}
    for role, columns in (("id, site or cause", special), ("covariate", numbers), ("symptom", symptom_columns)):
        for column in columns:
            if column in roles:
                problems.append(
                    f"{where}: column {shown(column)} is named as {roles[column]}; it cannot be a {role} too"
                )
            roles[column] = role
    if not symptom_columns:
        problems.append(f"{where}: no column is left for symptoms")
    for column in blocks:
        if column not in symptom_columns:
            problems.append(
                f"{where}: hce/words: {shown(column)} is not a symptom column{did_you_mean(column, symptom_columns)}"
            )
    return problems
