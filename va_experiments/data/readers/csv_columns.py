"""Collect the columns of a study's table block by block: names of sites and causes, each with its problems."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import Block, CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.decorated import (
    doubtful_names,
    in_one_alphabet,
    skeleton,
    typed_map,
    undecorated,
    without_footnote,
)
from va_experiments.data.missing_labels import NO_LABEL, NO_SITE, codes_far_above
from va_experiments.data.name_doubts import numbers_among_words, spelling_doubts
from va_experiments.data.text_source import TextSource
from va_experiments.errors import did_you_mean, shown, shown_path

__all__ = ["NORMALISED", "Collected", "Labels", "names_of_columns"]

_MAX_NAMES = 2000
_ENOUGH = 20
"""Deaths from which on most of them with a cause of their own are a problem."""
NORMALISED = "one Unicode form (NFC), without spaces, quotes and letters that are not seen"
"""What is changed in a name that stays the same name."""


def names_of_columns(columns: Sequence[str], where: str) -> tuple[list[str], list[str]]:
    """Return the names of symptoms for the names of their columns, and the problems of these.

    Parameters
    ----------
    columns : sequence of str
    where : str
        The file, as messages name it.
    """
    names = [without_footnote(undecorated(c)) or c for c in columns]
    problems = [
        f"{where}: column {shown(c)} has letters of another alphabet that look like those of {shown(other)}; write its "
        "name in the first row with letters of one alphabet"
        for c, name in zip(columns, names, strict=True)
        if (other := in_one_alphabet(name)) != name
    ]
    first: dict[str, str] = {}
    for column, name in zip(columns, names, strict=True):
        if first.setdefault(name, column) != column:
            problems.append(
                f"{where}: columns {shown(first[name])} and {shown(column)} differ only in what nobody sees or a "
                "program added; rename or remove one of them"
            )
    return names, problems


class Collected:
    """Codes of one column over blocks, with one list of distinct values."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._place: dict[str, int] = {}
        self._parts: list[npt.NDArray[np.int32]] = []

    def add(self, block: Block) -> None:
        """Add one block."""
        column = block.columns[self.column]
        recode = np.array([self._place.setdefault(v, len(self._place)) for v in column.values], dtype=np.int32)
        self._parts.append(recode[column.codes])

    def coded(self) -> CodedColumn:
        """Return the whole column."""
        return CodedColumn(np.concatenate(self._parts), list(self._place))

    def _at(self, source: TextSource, rows: npt.NDArray[np.intp]) -> str:
        lines = source.lines_of([int(r) + 2 for r in rows[:5]])
        more = ", ..." if len(rows) > 5 else ""
        return f"line{'s' if len(rows) > 1 else ''} {', '.join(map(str, lines))}{more}"


class Labels(Collected):
    """Sites or causes.

    Parameters
    ----------
    column : str
    what : {"site", "cause"}
    declared : sequence of str, optional
        Known names, in order.
    rename : mapping, optional
        Name as written -> name; None leaves the rows out.
    may_map : bool
        Whether the reader has the option for `rename`.
    may_declare : bool
        Whether the reader has options for declared names and for rows without a cause.
    """

    def __init__(
        self,
        column: str,
        what: str,
        declared: Sequence[str] | None,
        rename: Mapping[Any, str | None] | None = None,
        *,
        may_map: bool = True,
        may_declare: bool = True,
    ) -> None:
        super().__init__(column)
        self._may_map, self._may_declare = may_map, may_declare
        self._what, self._declared = what, declared
        self._rename = {unicodedata.normalize("NFC", str(k)).strip(): v for k, v in (rename or {}).items()}
        self._left_out: npt.NDArray[np.bool_] | None = None
        self.mapped_out = np.zeros(0, dtype=bool)
        """Rows that the mapping leaves out, after `finish`."""

    def leave_out(self, rows: npt.NDArray[np.bool_]) -> None:
        """Ignore these rows: they are empty."""
        self._left_out = rows

    def finish(
        self, source: TextSource, ledger: list[LedgerEntry], *, drop_missing: bool = False
    ) -> tuple[tuple[str, ...], npt.NDArray[np.int16], list[str]]:
        """Return the names, the index of each row (-1 if the cause is not known), and the problems."""
        coded, where = self.coded(), shown_path(source.path)
        written = [unicodedata.normalize("NFC", v).strip() for v in coded.values]
        declared = set(self._declared or ())
        clean = [w if w in self._rename or w in declared else undecorated(w) for w in written]
        dropped, mapped, problems = self._apply_map(coded, clean, where, ledger)
        problems += self._look_alike_targets({n for k, n in enumerate(clean) if k not in dropped}, where)
        problems += self._several_spellings(coded, written, clean, mapped, source, ledger)
        missing = self._without_name(clean, dropped, declared)
        problems += self._unknown(coded, clean, missing, source, ledger, drop_missing)
        self.mapped_out = np.isin(coded.codes, sorted(dropped))
        missing += sorted(dropped)
        names = self._names(clean, missing)
        problems += self._doubtful(names, mapped | declared, source, coded, clean)
        problems += self._look_alike(names, source, coded, clean)
        index = {n: k for k, n in enumerate(names)}
        index_of_value = np.array(
            [index.get(n, -1) if k not in set(missing) else -1 for k, n in enumerate(clean)], dtype=np.int16
        )
        if len(names) > _MAX_NAMES:
            problems.append(
                f"{where}: column {shown(self.column)} has {len(names)} different values: is it the {self._what}?"
            )
        return names, index_of_value[coded.codes], problems

    def _apply_map(
        self, coded: CodedColumn, clean: list[str], where: str, ledger: list[LedgerEntry]
    ) -> tuple[set[int], set[str], list[str]]:
        """Rename the names in `clean` by the mapping.

        Returns
        -------
        dropped : set of int
            Values that the mapping leaves out.
        mapped : set of str
            Names that are as the mapping says.
        problems : list of str
        """
        problems: list[str] = []
        dropped: set[int] = set()
        mapped: set[str] = set()
        if absent := [k for k in self._rename if k not in clean]:
            problems.append(
                f"{where}: data.{self._what}_map names {shown(absent[0])}, which is no {self._what} of the table"
                f"{did_you_mean(absent[0], clean)}"
            )
        for k, name in enumerate(clean):
            if name not in self._rename:
                continue
            new = self._rename[name]
            mapped |= {name, str(new)}
            count = int((coded.codes == k).sum())
            reason = "left out by data." if new is None else f"renamed to {shown(new)} by data."
            if new != coded.values[k]:  # what is written so already is not corrected
                examples = (shown(coded.values[k]),)
                ledger.append(LedgerEntry("corrected", self.column, count, f"{reason}{self._what}_map", examples))
            if new is None:
                dropped.add(k)
            else:
                clean[k] = str(new)
        return dropped, mapped, problems

    def _several_spellings(
        self,
        coded: CodedColumn,
        written: list[str],
        clean: list[str],
        mapped: set[str],
        source: TextSource,
        ledger: list[LedgerEntry],
    ) -> list[str]:
        """List names that are written in several ways; note those that are written in one other way."""
        by_clean: dict[str, list[int]] = {}
        for k, name in enumerate(clean):
            by_clean.setdefault(name, []).append(k)
        several, again = list[str](), dict[str, str]()
        for name, variants in by_clean.items():
            if len(variants) > 1 and name not in mapped:
                raw = " and ".join(shown(coded.values[k]) for k in variants[:3])
                rows = np.flatnonzero(np.isin(coded.codes, variants[1:]))
                unseen = len({written[k] for k in variants}) > 1
                several.append(
                    f"{self._what} {shown(name)} is written in ways that differ only in "
                    f"{'what nobody sees or a program added' if unseen else 'spaces or Unicode form'} "
                    f"({raw}; {self._at(source, rows)})"
                )
                again[name] = name
            elif len(variants) == 1 and name != coded.values[variants[0]] and name not in mapped:
                count = int((coded.codes == variants[0]).sum())
                as_written = shown(coded.values[variants[0]])  # in quotes: the blank that was cut is seen
                ledger.append(LedgerEntry("normalised", self.column, count, NORMALISED, (as_written,)))
        if not several:
            return []
        ways = f"{'; '.join(several[:5])}{'; ...' if len(several) > 5 else ''}"
        return [f"{shown_path(source.path)}: {ways}; write them one way{self._ways_out(again)}"]

    def _without_name(self, clean: list[str], dropped: set[int], declared: set[str]) -> list[int]:
        """Return the values that name no site or cause."""
        no_label = (NO_LABEL if self._what == "cause" else NO_SITE) | codes_far_above(clean)
        return [
            k
            for k, n in enumerate(clean)
            if k not in dropped
            and n not in declared
            and (n.casefold() in no_label or not any(c.isalnum() or not c.isascii() for c in n))
        ]

    def _look_alike_targets(self, names: set[str], where: str) -> list[str]:
        """List names to which the mapping leads and that only look like another name."""
        by_skeleton: dict[str, str] = {}
        for name in sorted(names, key=lambda n: (n in self._rename.values(), n)):
            by_skeleton.setdefault(skeleton(name), name)
        return [
            f"{where}: data.{self._what}_map leads to {shown(new)}, which looks like {shown(other)}, but has other "
            "letters, case or blanks; write both in one way"
            for new in dict.fromkeys(str(v) for v in self._rename.values() if v is not None)
            if (other := by_skeleton.get(skeleton(new), new)) != new
        ]

    def _names(self, clean: list[str], missing: list[int]) -> tuple[str, ...]:
        if self._declared is not None:
            return tuple(self._declared)
        return tuple(sorted({n for k, n in enumerate(clean) if k not in set(missing)}))

    def _ways_out(self, pairs: Mapping[str, str]) -> str:
        """Return the option that makes several spellings one name, where the reader has it."""
        if not self._may_map:
            return ""
        return f", or say {typed_map(f'data.{self._what}_map', {**self._rename, **pairs})}"

    def _doubtful(
        self, names: tuple[str, ...], accepted: set[str], source: TextSource, coded: CodedColumn, clean: list[str]
    ) -> list[str]:
        """List names that are probably another one, written with a mark or with letters of another alphabet."""
        counts = np.bincount(coded.codes, minlength=len(clean))
        deaths = dict.fromkeys(names, 0)
        for k, name in enumerate(clean):
            if name in deaths:
                deaths[name] += int(counts[k])
        doubts = doubtful_names(names, accepted)
        targets = [str(new) for old, new in self._rename.items() if new != old]
        apart = [old for old, new in self._rename.items() if new == old and new not in targets]
        doubts |= spelling_doubts({n: c for n, c in deaths.items() if n not in doubts}, accepted, apart)
        problems = self._too_many(names, int(counts.sum()), shown_path(source.path))
        if numbers := numbers_among_words(names, accepted):
            option = f"data.{self._what}_map"
            way = typed_map(option, {**self._rename, numbers[0]: self._what.upper()})
            keep = typed_map(option, {**self._rename, **{n: n for n in numbers}})
            kind = "a number" if numbers[0].isdecimal() else "a date"
            problems.append(
                f"{shown_path(source.path)}: {self._what} {', '.join(map(shown, numbers[:5]))} is {kind}, the others "
                "are names: which name does it stand for?"
                f"{f' Say {way}; if it is a name of its own, {keep}' if self._may_map else ''}"
            )
        if not doubts:
            return problems
        questions = []
        for name, (why, other) in [*doubts.items()][:5]:
            rows = np.flatnonzero(np.isin(coded.codes, [k for k, n in enumerate(clean) if n == name]))
            questions.append(f"{self._what} {shown(name)} ({self._at(source, rows)}) {why}: is it {shown(other)}?")
        keep = typed_map(f"data.{self._what}_map", {**self._rename, **{name: name for name in doubts}})
        return [
            *problems,
            f"{shown_path(source.path)}: {' '.join(questions)}{' ...' if len(doubts) > 5 else ''} Write it so"
            f"{self._ways_out({name: other for name, (_, other) in doubts.items()})}"
            f"{f'; if it is another {self._what}, {keep}' if self._may_map else ''}",
        ]

    def _too_many(self, names: tuple[str, ...], n_deaths: int, where: str) -> list[str]:
        """List a column in which nearly every death has a cause of its own: a free text."""
        if self._what != "cause" or self._declared is not None or n_deaths < _ENOUGH or len(names) <= n_deaths / 2:
            return []
        return [
            f"{where}: column {shown(self.column)} has {len(names)} different causes at {n_deaths} deaths, such as "
            f"{shown(names[0])}: a free text? Name the column of the cause with data.cause=COLUMN, or give the texts "
            "their names with data.cause_map={TEXT: CAUSE}"
        ]

    def _look_alike(
        self, names: tuple[str, ...], source: TextSource, coded: CodedColumn, clean: list[str]
    ) -> list[str]:
        where, problems, folded = shown_path(source.path), [], dict[str, str]()
        pairs: dict[str, str] = {}
        for name in names:
            visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
            key = " ".join(unicodedata.normalize("NFKC", visible).casefold().split())
            if key in folded:
                rows = np.flatnonzero(np.isin(coded.codes, [k for k, n in enumerate(clean) if n == name]))
                at = f" ({self._at(source, rows)})" if len(rows) else ""
                problems.append(
                    f"{where}: {self._what} {shown(folded[key])} and {shown(name)}{at} differ only in case, spaces or "
                    "invisible characters; make them one"
                )
                pairs[name] = folded[key]
            folded.setdefault(key, name)
        ways_out = self._ways_out(pairs) if pairs else ""
        return [problem + ways_out for problem in problems]

    def _unknown(
        self,
        coded: CodedColumn,
        clean: list[str],
        missing: list[int],
        source: TextSource,
        ledger: list[LedgerEntry],
        drop_missing: bool,
    ) -> list[str]:
        where, what, problems = shown_path(source.path), self._what, []
        rows = np.flatnonzero(np.isin(coded.codes, missing)) if missing else np.empty(0, dtype=np.intp)
        if self._left_out is not None:
            rows = rows[~self._left_out[rows]]
        if len(rows):
            values = ", ".join(sorted({shown(clean[k]) for k in missing}))
            plural = "s" if len(rows) > 1 else ""
            if what == "cause" and drop_missing:
                ledger.append(LedgerEntry("dropped row", self.column, len(rows), "no known cause"))
            elif what == "cause":
                problems.append(
                    f"{where}: {len(rows)} row{plural} without a cause ({self._at(source, rows)}; found {values}): "
                    + (
                        "drop with `drop_unlabelled: true`, or name all causes with data.causes=[...] if it is one"
                        if self._may_declare
                        else "name their causes in the file, remove the rows, or read no causes: data.cause=null"
                    )
                )
            else:
                at = self._at(source, rows)
                example = json.dumps(next((clean[k] for k in missing if clean[k]), ""))
                examples = "" if values == "''" else f"; found {values}"
                problems.append(
                    f"{where}: {len(rows)} row{plural} without a site ({at}{examples}): say where they belong "
                    f"with "
                    f"'data.site_map={{{example}: SITE}}', leave them out with 'data.site_map={{{example}: null}}'"
                    + (", or name all sites with data.sites=[...] if it is one" if self._may_declare else "")
                )
        if what == "site":
            for k in [k for k, n in enumerate(clean) if n and n.casefold() in NO_LABEL and k not in missing]:
                count = int((coded.codes == k).sum())
                ledger.append(LedgerEntry("noted", self.column, count, "used as the name of a site", (clean[k],)))
        if self._declared is not None:
            for k, name in enumerate(clean):
                if k in missing or name in self._declared:
                    continue
                at = self._at(source, np.flatnonzero(coded.codes == k))
                known = ", ".join(self._declared[:8]) + (", ..." if len(self._declared) > 8 else "")
                problems.append(
                    f"{where}: unknown {what} {shown(name)} ({at}); known: {known}{did_you_mean(name, self._declared)}"
                )
        return problems
