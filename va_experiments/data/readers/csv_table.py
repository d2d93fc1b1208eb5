"""Read the rows of a study's own table, find all of its problems, and make `Deaths` of it, step by step."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import empty_rows, read_blocks
from va_experiments.data.deaths import Deaths, Excluded, LedgerEntry
from va_experiments.data.decorated import doubtful_ids
from va_experiments.data.doubtful_columns import copied_columns, ids_alone, mixed_codes, without_content
from va_experiments.data.excluded_rows import EMPTY_ROW, excluded_rows
from va_experiments.data.readers.age_columns import Ages
from va_experiments.data.readers.csv_checks import advice_for, coded_sex, implausible, note_symptoms
from va_experiments.data.readers.csv_columns import NORMALISED, Collected, Labels
from va_experiments.data.readers.csv_ids import id_problems, ids_of, numbered_hashes
from va_experiments.data.readers.csv_options import CsvOptions
from va_experiments.data.readers.csv_roles import TableRoles
from va_experiments.data.readers.narrative import Narrative
from va_experiments.data.readers.number_columns import Numbers
from va_experiments.data.readers.person_columns import Sexes
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.strata_texts import strata_texts
from va_experiments.data.readers.symptom_columns import Symptoms
from va_experiments.data.record_ids import canonical_order
from va_experiments.data.repeated_deaths import REPEATED, RepeatedDeaths, numbered_ids, repeated_rows
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["CsvTable"]

Rows = npt.NDArray[np.bool_]
"""Whether something holds for each row."""


class CsvTable:
    """A table while it is read. Call its steps in the order in which they stand here.

    Parameters
    ----------
    source : TextSource
    roles : TableRoles
        What its columns are.
    options : CsvOptions
    codes : mapping of str to int
        The code of each cell that has a meaning.
    """

    def __init__(self, source: TextSource, roles: TableRoles, options: CsvOptions, codes: Mapping[str, int]) -> None:
        self._source, self._roles, self._options, self._codes = source, roles, options, codes
        self._where = shown_path(source.path)
        self._problems: list[str] = []
        self._ledger: list[LedgerEntry] = []
        self._hint = ""
        self._collectors()

    def _collectors(self) -> None:
        """Make what collects the cells of each column."""
        options, roles = self._options, self._roles
        self._symptoms = Symptoms(roles.symptoms, self._codes)
        self._site_labels = (
            None if options.site is None else Labels(options.site, "site", options.sites, options.site_map)
        )
        self._cause_labels = (
            None if options.cause is None else Labels(options.cause, "cause", options.causes, options.cause_map)
        )
        self._numbers = [
            Numbers(c, limits, options.decimal, options.missing_numbers) for c, limits in roles.numbers.items()
        ]
        self._sexes = None if options.sex is None else Sexes(options.sex, tuple(options.sex_codes))
        self._narrative = None if options.narrative is None else Narrative(options.narrative)
        self._ages = None
        if options.age is not None and roles.age_unit is not None:
            missing = None if options.age_missing is None else tuple(options.age_missing)
            self._ages = Ages(options.age, roles.age_unit, missing, roles.age_parts, options.age_unit_codes)
        self._strata_cells = [Collected(c) for c in roles.strata]
        self._compared = RepeatedDeaths([c for c in roles.columns if c != options.id], options.site)

    def read_blocks(self) -> None:
        """Read the table block by block; give each column's cells to what collects them."""
        ids, empty = [], []
        columns = (
            self._symptoms, self._site_labels, self._cause_labels, self._sexes, self._ages, self._narrative,
            *self._numbers, *self._strata_cells, self._compared,
        )  # fmt: skip
        role_columns = self._roles.columns
        for block in read_blocks(self._source, list(dict.fromkeys([*role_columns, *self._roles.strata]))):
            for column in columns:
                if column is not None:
                    column.add(block)
            cells = {c: block.columns[c] for c in role_columns}  # ids and empty rows do not depend on columns of strata
            ids.append(ids_of(cells, self._options.id))
            empty.append(empty_rows(cells))
        self._ids, self._empty = np.concatenate(ids), np.concatenate(empty)

    def note_names_and_empty_rows(self) -> None:
        """Note in the ledger what the file itself says, names that were normalised, and rows without a cell."""
        self._ledger += [LedgerEntry("noted", "*", 1, note) for note in self._source.notes_for_ledger()]
        pairs = zip(self._roles.symptoms, self._roles.symptom_names, strict=True)
        if renamed := tuple(column for column, name in pairs if column != name):
            self._ledger.append(
                LedgerEntry("normalised", "*", len(renamed), "names of columns: " + NORMALISED, renamed[:5])
            )
        if self._empty.any():
            self._ledger.append(LedgerEntry("dropped row", "*", int(self._empty.sum()), EMPTY_ROW))
            for labels in (self._site_labels, self._cause_labels):
                if labels is not None:
                    labels.leave_out(self._empty)

    def name_sites(self) -> None:
        """Give each row its site; rows whose site is left out are not kept."""
        self._sites: tuple[str, ...] = ("all",)
        self._site = np.zeros(len(self._empty), dtype=np.int16)
        if self._site_labels is not None:
            self._sites, self._site, problems = self._site_labels.finish(self._source, self._ledger)
            self._problems += problems
        self._keep: Rows = (self._site >= 0) & ~self._empty

    def name_causes(self) -> None:
        """Give each row its cause; rows whose cause is left out or not known are not kept."""
        self._causes: tuple[str, ...] = tuple(self._options.causes or ())
        self._cause: npt.NDArray[np.int16] | None = None
        if self._cause_labels is not None:
            self._causes, self._cause, problems = self._cause_labels.finish(
                self._source, self._ledger, drop_missing=self._options.drop_unlabelled
            )
            self._problems += problems
            self._keep &= self._cause >= 0

    def check_cells(self) -> None:
        """List cells of numbers, sexes, ages and symptoms that are not understood, and the options that help."""
        for column in (*self._numbers, self._sexes, self._ages):
            if column is not None:
                self._problems += column.problems(self._source)
        if self._ages is not None:
            self._ages.note(self._ledger)
        unclear = self._symptoms.problems(self._source, self._options.max_unknown, self._ledger)
        if unclear and (form := recognise(self._source.header)) and form.reader not in ("", "who2016"):
            raise InputError(form.sentence(self._where, self._source.path))
        self._problems += unclear
        if self._options.symptoms is None:
            self._problems += coded_sex(self._roles.symptoms, self._compared, self._where)
        if self._problems:
            self._hint = advice_for(
                self._symptoms, self._codes, self._options.value_map, self._compared, self._options.age
            )

    def name_rows(self) -> None:
        """Give each row its id, and ask about ids that look like another one."""
        id = self._options.id
        self._names = self._ids if id is not None else numbered_hashes(self._ids)
        if id is not None and (marked := doubtful_ids(self._names[~self._empty].tolist())):
            self._problems.append(
                f"{self._where}: {len(marked)} ids end with a mark or have letters of another alphabet, the others do "
                f"not (such as {shown(marked[0])}): are they deaths of their own? Write them like the others, or "
                "make ids of the content of the rows: data.id=null "
                f"{shlex.quote(f'data.exclude={json.dumps([*self._options.exclude, id])}')}"
            )

    def find_repeated_rows(self) -> None:
        """Leave out, or list as problems, rows that repeat an earlier death."""
        self._matrix = self._symptoms.matrix()
        self._repeated, problems = repeated_rows(
            self._names, self._keep, self._compared, self._source, self._options.id, self._options.duplicates,
            self._ledger, answers=self._matrix, symptoms=self._symptoms.columns,
        )  # fmt: skip
        self._problems += problems
        self._keep &= ~self._repeated

    def read_strata(self) -> None:
        """Read the texts by which results are divided, of the rows that are kept."""
        columns = {c.column: c.coded() for c in self._strata_cells}
        self._strata, problems = strata_texts(columns, self._keep, self._where, self._ledger)
        self._problems += problems

    def list_excluded_rows(self) -> None:
        """List the rows that are left out, each with its reason."""
        labels, cause = self._cause_labels, self._cause
        self._excluded: tuple[Excluded, ...] = excluded_rows(
            self._names,
            self._source,
            [
                (EMPTY_ROW, self._empty),
                ("its site is left out (data.site_map)", self._site < 0),
                ("its cause is left out (data.cause_map)", None if labels is None else labels.mapped_out),
                ("no known cause", None if cause is None else cause < 0),
                (REPEATED, self._repeated),
            ],
            own_ids=self._options.id is not None,
        )

    def check_ids(self) -> None:
        """List rows without an id, and rows that share one."""
        if self._options.id is None:
            return
        if self._options.duplicates != "refuse":
            self._names = numbered_ids(self._names)
        others = [f"\0{k}" for k in range(len(self._names))]  # an id of their own for rows that are not kept
        ids = np.where(self._empty | self._repeated, others, self._names)
        self._problems += id_problems(ids, self._source, self._options.id, self._ledger)

    def check_groups(self) -> None:
        """List a group of a cause that no death has."""
        groups = self._options.groups or {}
        if unknown := [c for c in groups if self._causes and c not in self._causes]:
            self._problems.append(f"groups: unknown cause {shown(unknown[0])}{did_you_mean(unknown[0], self._causes)}")

    def raise_problems(self) -> None:
        """Raise `InputError` with all problems, or if no row is left."""
        if self._problems:
            raise InputError(self._problems, hint=self._hint)
        if not self._keep.any():
            raise InputError(f"{self._where}: no row is left after dropping rows without a cause; nothing to train on")

    def sort_rows(self) -> None:
        """Sort the rows that are kept by their ids."""
        order = np.flatnonzero(self._keep)
        self._order = order[canonical_order(self._names[order])]
        self._matrix = self._matrix[self._order]
        self._kept_cause = None if self._cause is None else self._cause[self._order]

    def check_symptoms(self) -> None:
        """Raise `InputError` for symptoms that cannot be what they seem; note constant ones in the ledger."""
        options, symptoms = self._options, self._roles.symptoms
        no = {c: "N" for c in self._symptoms.absent_cells() if c}
        blank_is_open = options.blank is None and not options.blank_is_mapped
        answers = self._symptoms
        problems = copied_columns(symptoms, self._matrix, self._where, options.exclude, self._ledger)
        problems += implausible(
            self._matrix, symptoms, answers.filled, answers.unsaid, self._where, self._causes, self._kept_cause,
            tuple(options.allow_leaks),
            ask_blank=blank_is_open or (options.blank == "absent" and bool(no)),
            blank_is_set=options.blank is not None,
            no={c: m for c, m in options.value_map.items() if m == "Y"} | no if no else {},
        )  # fmt: skip
        if problems:
            raise InputError(problems)
        note_symptoms(self._matrix, tuple(symptoms), self._causes, self._kept_cause, self._ledger)
        self._ledger += [
            *mixed_codes(answers.said),
            *without_content(symptoms, self._matrix, answers.filled, answers.unsaid),
        ]
        if self._cause_labels is None:
            self._ledger += ids_alone(answers.empty_cells(), len(symptoms), self._keep, self._source)

    def add_words(self) -> None:
        """Add the words of the narratives as symptoms."""
        self._words: tuple[str, ...] = ()
        if self._narrative is not None:
            self._words, columns = self._narrative.finish(self._order, set(self._roles.symptoms))
            self._matrix = np.hstack([self._matrix, columns])

    def deaths(self, label: str) -> Deaths:
        """Return the deaths, under the name of the study."""
        options, order = self._options, self._order
        hce, words, groups = set(options.hce), set(options.words), options.groups or {}
        blocks = ["hce" if c in hce else "word" if c in words else "core" for c in self._roles.symptoms]
        person = {"female": self._sexes, "age": self._ages}
        return Deaths(
            symptoms=self._matrix,
            symptom_names=(*self._roles.symptom_names, *self._words),
            causes=self._causes,
            cause=self._kept_cause,
            sites=self._sites,
            site=self._site[order],
            id=self._names[order].astype(np.str_),
            blocks=(*blocks, *("word",) * len(self._words)),
            groups=tuple(groups.get(c, "other") for c in self._causes) if groups else (),
            covariates={c.column: c.values()[order] for c in self._numbers}
            | {name: column.values()[order] for name, column in person.items() if column is not None},
            name=label,
            ledger=tuple(self._ledger),
            excluded=self._excluded,
            strata_columns={name: column.take(order) for name, column in self._strata.items()},
        )
