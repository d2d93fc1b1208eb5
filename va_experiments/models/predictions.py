"""Compare causes from a file of another program as a model, on the same splits as the others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import meaning_of
from va_experiments.data.cause_lists import cause_list
from va_experiments.data.deaths import Deaths
from va_experiments.data.decorated import undecorated
from va_experiments.data.name_tables import read_two_columns
from va_experiments.data.outside_predictions import UNDETERMINED, OutsidePredictions, read_outside_predictions
from va_experiments.data.prediction_columns import Columns
from va_experiments.errors import InputError, did_you_mean, shown, shown_path
from va_experiments.models.base import Model, Prediction
from va_experiments.models.model_import import model_targets

__all__ = ["Predictions"]


class Predictions(Model):
    """Return what a file says about each death: one cause, ranked causes, or probabilities.

    The file comes from any program or person: SmartVA, physicians, a language model, an R script. A test set is scored
    only if the file has a row for each of its deaths and the program was trained on none of them.

    A single cause gets probability 1. Ranked causes without probabilities get weights in proportion to 1, 1/2, 1/3:
    their order means something, the numbers do not. Where a file gives only the most probable causes, what is missing
    to 1 is shared evenly among the causes that it does not name. Without probabilities the CSMF is the shares of the
    named causes, with them the mean probability.

    Parameters
    ----------
    path : str
        The table; ``.csv``, ``.csv.gz``, ``.zip``, ``.xlsx``, ``.dta``, ``.sav`` or ``.parquet``.
    id : str
        Column of the id of the death, as the data have it.
    cause : str or list of str, optional
        Column of the cause, or those of the ranked causes in order; by default ``cause``, or ``cause1``, ``cause2`` ...
    probability : str or list of str, optional
        Columns of the probabilities; by default ``probability``, or ``probability1`` ... beside ranked causes, or
        every other column where none holds a cause.
    rank : str, optional
        Column of the rank where a death has several rows; by default ``rank``.
    cause_map : mapping or str, optional
        Cause of the file -> cause of the data; null or empty: undetermined. Or a table with the columns ``source``
        and ``target``.
    cause_list : str, optional
        List of ``conf/cause_list`` that the causes of the file are of; by default that of the data. Another one needs
        ``score_at``, which names a level that both map to.
    trained_on : str, optional
        Column that says for each death whether the program had seen it (yes or no), or which sites it had seen when it
        was asked about the death (``AP+UP``); by default ``trained_on``, if there is one.
    trained_sites : list of str
        Sites whose deaths the program had seen.
    unknown_ids : {"refuse", "ignore"}
        What to do with rows whose id is not in the data.
    percent : bool
        Whether probabilities are per cent.
    sum_tolerance : float
        How far from 1 the probabilities of a death may sum.
    encoding : str
        Of the table.
    """

    file_parameters = ("path", "cause_map")
    trains: ClassVar[bool] = False
    any_protocol: ClassVar[bool] = True

    def __init__(
        self,
        *,
        path: str | None = None,
        id: str = "id",
        cause: str | Sequence[str] | None = None,
        probability: str | Sequence[str] | None = None,
        rank: str | None = None,
        cause_map: Mapping[str, str | None] | str | None = None,
        cause_list: str | None = None,
        trained_on: str | None = None,
        trained_sites: Sequence[str] = (),
        unknown_ids: str = "refuse",
        percent: bool = False,
        sum_tolerance: float = 0.01,
        encoding: str = "utf-8-sig",
    ) -> None:
        self.path = path
        self.id = id
        self.cause = cause
        self.probability = probability
        self.rank = rank
        self.cause_map = cause_map
        self.cause_list = cause_list
        self.trained_on = trained_on
        self.trained_sites = trained_sites
        self.unknown_ids = unknown_ids
        self.percent = percent
        self.sum_tolerance = sum_tolerance
        self.encoding = encoding

    @property
    def own_label(self) -> str | None:
        """The name of the file without its endings, so that several files are told apart."""
        if not isinstance(self.path, str):  # a stored cell has the content's hash in its place
            return None
        stem = re.sub(r"[^A-Za-z0-9_. -]", "_", Path(self.path).name.partition(".")[0])[:56].strip() or "file"
        return f"file {stem}" if stem.casefold() in model_targets() or not stem[0].isalnum() else stem

    def check_parameters(self) -> None:
        """Check the options that can be checked without the data."""
        self.check_choice("unknown_ids", ("refuse", "ignore"))
        if self.cause_list is not None:
            cause_list(self.cause_list)
        self.check(
            [
                (0 <= self.sum_tolerance < 0.5, f"sum_tolerance is {self.sum_tolerance!r}; expected 0 to 0.5"),
                (
                    self.cause_map is None or isinstance(self.cause_map, (str, Mapping)),
                    f"cause_map is {self.cause_map!r}; expected {{cause in the file: cause in the data}}, or a table",
                ),
                (not isinstance(self.trained_sites, str), "trained_sites must be a list, as in [AP, UP]"),
            ]
        )

    def check_before_run(self, deaths: Deaths) -> list[str]:
        """Check the whole file against the deaths of a run."""
        if self.cause_list is not None and cause_list(self.cause_list).causes != deaths.causes:
            raise InputError(
                f"model.cause_list={self.cause_list}: data '{deaths.name}' have other causes; name a level that both "
                "map to, such as score_at=broad"
            )
        outside = self._read()
        _, problems = self._targets(outside, deaths)
        row = outside.rows(deaths.id)
        known = np.zeros(len(outside), dtype=bool)
        known[row[row >= 0]] = True
        unknown = outside.id[~known]
        if not known.any():
            problems.append(
                f"{outside.path}: none of its {len(outside)} ids is in data '{deaths.name}' (the file has "
                f"{shown(str(outside.id[0]))}, the data {shown(str(deaths.id[0]))}); model.id names the column"
            )
        elif len(unknown) and self.unknown_ids == "refuse":
            problems.append(
                f"{outside.path}: {len(unknown)} of {len(outside)} ids are not in data '{deaths.name}' (such as "
                f"{', '.join(map(shown, unknown[:3].tolist()))}); model.unknown_ids=ignore leaves them out"
            )
        try:
            self._seen(outside, deaths)
        except InputError as error:
            problems += error.problems
        if problems:
            raise InputError(problems)
        warnings = [*self._unread(outside, deaths), *self._without_target()]
        if outside.by_row_names:
            warnings.append(
                f"{outside.path}: column 1 has no name and is read as the id: {int(known.sum()):,} of its "
                f"{len(outside):,} cells are ids of data '{deaths.name}'"
            )
        if not (missing := int((row < 0).sum())):
            return warnings
        sites = [deaths.sites[k] for k in np.unique(deaths.site[row < 0]).tolist()]
        return [
            *warnings,
            f"{outside.path} has no row for {missing:,} of {len(deaths):,} deaths of data '{deaths.name}' (at "
            f"{', '.join(sites[:8])}): a test set with one of them is not scored",
        ]

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Read the cause list; the deaths are not used."""
        self.check_parameters()
        self.symptom_names_, self.causes_ = train.symptom_names, train.causes
        self.outside_ = self._read()
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return what the file says about these deaths.

        Raises
        ------
        InputError
            If it has no row for one of them, or the program was trained on one of them.
        """
        self.validate_test(test)
        outside = self.outside_
        row = outside.rows(test.id)
        if missing := int((row < 0).sum()):
            raise InputError(
                f"{outside.path}: no row for {missing} of {len(test)} test deaths (such as "
                f"{shown(str(test.id[row < 0][0]))}); a test set is scored only where every death has one"
            )
        if seen := int(self._seen(outside, test).sum()):
            raise InputError(
                f"{outside.path}: the program was trained on {seen} of {len(test)} test deaths; choose a split that "
                "tests other deaths, or predictions of a program that has not seen them"
            )
        target, problems = self._targets(outside, test)
        if problems:
            raise InputError(problems)
        by_target = np.zeros((len(test), len(test.causes) + 1))  # the last: no cause of the data
        for source, place in enumerate(target.tolist()):
            by_target[:, place] += outside.probability[row, source]
        if outside.named is None:
            best = by_target.argmax(axis=1)
            named = np.where(by_target.any(axis=1) & (best < len(test.causes)), best, -1).astype(np.int16)
        else:
            named = np.where(outside.named[row] >= 0, target[outside.named[row]], -1).astype(np.int16)
        probability = np.ascontiguousarray(by_target[:, :-1])
        probability[named < 0] = 0
        _share_the_rest(probability)
        if outside.form == "probabilities":
            csmf = probability.mean(axis=0) if len(test) else np.zeros(len(test.causes))
        else:
            csmf = np.bincount(named[named >= 0], minlength=len(test.causes)) / max(len(test), 1)
        diagnostics = {"undetermined": float((named < 0).mean()) if len(test) else 0.0, "form": outside.form}
        return Prediction(probability, csmf, top_cause=named, diagnostics=diagnostics)

    def _read(self) -> OutsidePredictions:
        if self.path is None:
            raise InputError("model=predictions needs a file: set model.path")
        columns = Columns(self.id, _texts(self.cause), _texts(self.probability), self.rank, self.trained_on)
        return read_outside_predictions(
            self.path, columns, percent=self.percent, sum_tolerance=self.sum_tolerance, encoding=self.encoding
        )

    @staticmethod
    def _unread(outside: OutsidePredictions, deaths: Deaths) -> list[str]:
        """Return a warning where columns of causes are not read, because another column names the cause."""
        place = {_plain(c) for c in deaths.causes}
        columns = [c for c in outside.ignored if _plain(c) in place]
        if len(columns) < 2:
            return []
        return [
            f"{outside.path}: {len(columns)} columns with the name of a cause (such as {shown(columns[0])}) are not "
            "read, because another column holds the cause; remove that column to score the probabilities"
        ]

    def _without_target(self) -> list[str]:
        """Return a warning where causes in the table of `cause_map` have an empty target."""
        if not isinstance(self.cause_map, str):
            return []
        pairs = read_two_columns(self.cause_map, "source", "target")
        if not (empty := [source for source, target in pairs.items() if not target]):
            return []
        listed = ", ".join(map(shown, empty[:5])) + (", ..." if len(empty) > 5 else "")
        return [f"{shown_path(self.cause_map)}: no target for {listed}: these causes count as undetermined"]

    def _targets(self, outside: OutsidePredictions, deaths: Deaths) -> tuple[npt.NDArray[np.intp], list[str]]:
        """Return the place in the cause list of each cause of the file (-1: undetermined), and what is wrong."""
        target_of: dict[str, str | None] = {}
        if isinstance(self.cause_map, str):
            target_of |= read_two_columns(self.cause_map, "source", "target")
        elif self.cause_map:
            target_of |= {undecorated(str(k)): v for k, v in self.cause_map.items()}
        place = {_plain(c): k for k, c in enumerate(deaths.causes)}
        exact = {c: k for k, c in enumerate(deaths.causes)}
        by_plain = {_plain(source): source for source in target_of}
        for source_name in target_of:  # two sources that differ in punctuation alone, and mean two things
            if target_of[by_plain.get(_plain(source_name), source_name)] != target_of[source_name]:
                del by_plain[_plain(source_name)]
        target, problems = np.full(len(outside.causes), -1, dtype=np.intp), []
        for number, cause in enumerate(outside.causes):
            source = cause if cause in target_of else by_plain.get(_plain(cause))
            name = cause if source is None else target_of[source]
            if name is None or str(name).casefold() in UNDETERMINED:
                continue
            index = exact.get(str(name), place.get(_plain(str(name)), -1) if len(place) == len(exact) else -1)
            target[number] = index
            if index < 0:
                reason = "is no cause" if source is None else f"is mapped to {shown(name)}, which is no cause"
                line = f" (line {outside.line_of[cause]})" if cause in outside.line_of else ""
                problems.append(
                    f"{outside.path}: {shown(cause)}{line} {reason} of data '{deaths.name}'"
                    f"{did_you_mean(name, deaths.causes)}; map it with model.cause_map (null: undetermined)"
                )
        return target, problems

    def _seen(self, outside: OutsidePredictions, deaths: Deaths) -> npt.NDArray[np.bool_]:
        """Return which deaths the program was trained on, as far as the file and the options say."""
        problems = []
        if unknown := [s for s in self.trained_sites if s not in deaths.sites]:
            near = did_you_mean(unknown[0], deaths.sites)
            problems.append(f"model.trained_sites: data '{deaths.name}' has no site {shown(unknown[0])}{near}")
        at_trained_site = np.array([s in self.trained_sites for s in deaths.sites], dtype=bool)[deaths.site]
        by_cell = np.zeros((max(len(outside.seen), 1), len(deaths.sites)), dtype=bool)
        for number, cell in enumerate(outside.seen):
            sites = [s.strip() for s in re.split(r"[+;,]", cell) if s.strip()]
            if all(s in deaths.sites for s in sites):
                by_cell[number] = [s in sites for s in deaths.sites]
            elif meaning_of(cell) in ("Y", "N"):
                by_cell[number] = meaning_of(cell) == "Y"
            else:
                problems.append(
                    f"{outside.path}: {shown(cell)} in the column of what the program was trained on is neither yes "
                    "nor no, nor sites joined by '+'"
                )
        if problems:
            raise InputError(problems)
        row = outside.rows(deaths.id)
        return at_trained_site | ((row >= 0) & by_cell[outside.seen_code[row], deaths.site] if outside.seen else False)


def _share_the_rest(probability: npt.NDArray[np.float64]) -> None:
    """Divide what is missing to 1 evenly among the causes that a row does not name; rows of zeros stay as they are."""
    total = probability.sum(axis=1)
    silent = probability == 0
    count = silent.sum(axis=1)
    rest = np.where((total > 0) & (count > 0), np.maximum(1 - total, 0), 0)
    probability += silent * (rest / np.maximum(count, 1))[:, None]
    total = probability.sum(axis=1, keepdims=True)
    probability /= np.where(total > 0, total, 1)


def _texts(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _plain(name: str) -> str:
    """Return a name without differences of case, spaces and punctuation, which programs change in headers."""
    return re.sub(r"[^\w]|_", "", re.sub(r"^(\d+)\.0+$", r"\1", name.strip().casefold()))
