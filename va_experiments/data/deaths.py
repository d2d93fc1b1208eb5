"""Hold one data set as `Deaths`, with a ledger of what reading it dropped or changed."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from va_experiments.data.text_columns import TextColumn, joined_columns
from va_experiments.errors import InputError, did_you_mean
from va_experiments.seeds import canonical_json

__all__ = [
    "ABSENT",
    "DOUBTFUL",
    "DOUBTS",
    "FEATURE_LEVELS",
    "MISSING",
    "NOT_ASKED",
    "NOT_SHARED",
    "NOT_UNDERSTOOD",
    "PRESENT",
    "SAME_ANSWERS",
    "Deaths",
    "Excluded",
    "LearnedCut",
    "LedgerEntry",
    "joined_strata",
]

PRESENT, ABSENT, MISSING = 1, 0, -1
"""Codes of `Deaths.symptoms`."""

FEATURE_LEVELS: Mapping[str, tuple[str, ...]] = {
    "no_hce": ("core",),
    "hce": ("core", "hce"),
    "hce_words": ("core", "hce", "word"),
}
"""Feature level -> the blocks of symptoms it keeps. HCE: recall of health care experience."""


NOT_UNDERSTOOD = (
    "answers are not understood",
    "the answer is not on the questionnaire's list",
    "yes or no where one of several choices is asked; it counts as none of them",
)
"""Reasons in the ledger for cells that count as missing, or as no choice, because nobody knows what they mean."""


DOUBTFUL = "doubtful"
"""Action in the ledger for what can be read, but may not be meant; each such entry is one warning before a run."""

DOUBTS = (
    "deaths have ages that differ between columns; of each, the first that is asked counts",
    "deaths were before the birth, by their dates; their age is not known",
    "deaths are in more than one age group, because their ages differ between columns",
)
"""Reasons in the ledger for single deaths whose answers contradict each other."""

NOT_ASKED = "questions of the table are not in the export; what follows from them alone is missing"
"""Reason in the ledger for questions that an export does not have."""

NOT_SHARED = "only in"
"""Beginning of the reasons in the ledger for questions that are in one of two joined data sets."""

SAME_ANSWERS = "deaths without a known cause have the same answers as another under another id; they are kept"
"""Reason in the ledger; with known causes, such deaths are refused, as one could be trained on and the other tested."""


@dataclass(frozen=True)
class LedgerEntry:
    """One kind of change made on reading: how many rows or cells, in which column, and why."""

    action: str
    """What was done: ``"dropped row"``, ``"set missing"``, ``"clipped"``, ``"noted"``, ..."""
    column: str
    """Column of the source, or ``"*"`` for whole rows."""
    count: int
    """Rows or cells concerned."""
    reason: str
    """Why, in words a reader of the report understands."""
    examples: tuple[str, ...] = ()
    """At most five distinct values that caused the entry; never an id of a person."""


@dataclass(frozen=True)
class Excluded:
    """Rows of the source that are not among the deaths, for one reason."""

    reason: str
    """Why, in words."""
    ids: tuple[str, ...]
    """Ids of the deaths as the source has them; ``line 7`` where a row has none."""


@dataclass(frozen=True)
class LearnedCut:
    """A symptom that is present if a number exceeds a cut-off, which is learned on training rows only."""

    symptom: str
    covariate: str


@dataclass(frozen=True, eq=False)
class Deaths:
    """Deaths with their symptoms and, if known, their causes.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_symptoms)
        1 present, 0 absent, -1 missing.
    symptom_names : tuple of str
    causes : tuple of str
        The declared cause list, in a fixed order; it may contain causes without deaths.
    cause : int16 array, shape (n_deaths,), or None
        Index into `causes`; None where the truth is not known, -1 where that of this death is not.
    sites : tuple of str
        The declared sites.
    site : int16 array, shape (n_deaths,)
        Index into `sites`.
    id : array of str, shape (n_deaths,)
        Unique; text as read.
    blocks : tuple of str, optional
        Block of each symptom: ``core``, ``hce`` (reported by a health worker) or ``word`` (stem in the narrative).
    groups : tuple of str, optional
        Group of each cause (``ncd``, ``external``, ...).
    covariates : mapping of str to float64 array, shape (n_deaths,), optional
        Numbers in addition to the symptoms (``age`` in years, durations in days); NaN where missing.
    learned_cuts : tuple of LearnedCut, optional
        Symptoms to be computed from covariates by cut-offs learned on training rows.
    name : str
    simulated : bool
        True for simulated deaths; everything that is printed from them must say so.
    ledger : tuple of LedgerEntry
    excluded : tuple of Excluded
        Rows of the source that reading left out; with the deaths they add up to all rows.
    strata_columns : mapping of str to TextColumn, optional
        Columns of text by which results are divided. No model sees them, and they are no part of `fingerprint`.

    Raises
    ------
    InputError
        If shapes, codes, names or ids do not match; all problems are listed.
    """

    symptoms: npt.NDArray[np.int8]
    symptom_names: tuple[str, ...]
    causes: tuple[str, ...]
    cause: npt.NDArray[np.int16] | None
    sites: tuple[str, ...]
    site: npt.NDArray[np.int16]
    id: npt.NDArray[np.str_]
    blocks: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    covariates: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    learned_cuts: tuple[LearnedCut, ...] = ()
    name: str = "deaths"
    simulated: bool = False
    ledger: tuple[LedgerEntry, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    strata_columns: Mapping[str, TextColumn] = field(default_factory=dict)

    def __post_init__(self) -> None:
        put = functools.partial(object.__setattr__, self)
        put("symptoms", np.ascontiguousarray(self.symptoms, dtype=np.int8))
        put("site", np.ascontiguousarray(self.site, dtype=np.int16))
        put("id", np.asarray(self.id, dtype=np.str_))
        if self.cause is not None:
            put("cause", np.ascontiguousarray(self.cause, dtype=np.int16))
        put("covariates", {k: np.ascontiguousarray(v, dtype=np.float64) for k, v in self.covariates.items()})
        put("blocks", self.blocks or ("core",) * len(self.symptom_names))
        put("groups", self.groups or ("all",) * len(self.causes))
        if problems := self._problems():
            raise InputError([f"data '{self.name}': {p}" for p in problems])

    def _problems(self) -> list[str]:
        n, problems = len(self.id), []
        if self.symptoms.shape != (n, len(self.symptom_names)):
            problems.append(f"symptoms have shape {self.symptoms.shape}, expected ({n}, {len(self.symptom_names)})")
        elif self.symptoms.size and (self.symptoms.min() < MISSING or self.symptoms.max() > PRESENT):
            problems.append("symptoms hold codes other than 1 (present), 0 (absent), -1 (missing)")
        for what, index, names in (("site", self.site, self.sites), ("cause", self.cause, self.causes)):
            if index is None:
                continue
            if index.shape != (n,):
                problems.append(f"{what} has shape {index.shape}, expected ({n},)")
            elif n and (index.min() < (-1 if what == "cause" else 0) or index.max() >= len(names)):
                problems.append(f"{what} has an index outside 0..{len(names) - 1}")
        for what, names in (("symptom", self.symptom_names), ("cause", self.causes), ("site", self.sites)):
            if len(set(names)) != len(names):
                problems.append(f"a {what} name occurs twice: {sorted({x for x in names if names.count(x) > 1})[:5]}")
        if len(self.blocks) != len(self.symptom_names):
            problems.append(f"{len(self.blocks)} blocks for {len(self.symptom_names)} symptoms")
        if len(self.groups) != len(self.causes):
            problems.append(f"{len(self.groups)} groups for {len(self.causes)} causes")
        problems += [f"covariate '{k}' has shape {v.shape}" for k, v in self.covariates.items() if v.shape != (n,)]
        problems += [f"column '{k}' of strata {p}" for k, v in self.strata_columns.items() if (p := v.problem(n))]
        if len(np.unique(self.id)) != n:
            problems.append("ids are not unique")
        return problems

    def __len__(self) -> int:
        return len(self.id)

    def __repr__(self) -> str:
        kind = "simulated deaths" if self.simulated else "deaths"
        return (
            f"<Deaths {self.name}: {len(self)} {kind}, {self.n_symptoms} symptoms, {len(self.causes)} causes, "
            f"{len(self.sites)} sites>"
        )

    @property
    def n_symptoms(self) -> int:
        """Number of symptom columns."""
        return len(self.symptom_names)

    @property
    def labelled(self) -> bool:
        """Whether the cause of every death is known."""
        return self.cause is not None and not (self.cause < 0).any()

    @property
    def sites_to_train_on(self) -> tuple[str, ...]:
        """Sites whose causes are all known, where those of others are not; empty where all or none are known."""
        if self.cause is None or self.labelled:
            return ()
        unknown = set(self.site[self.cause < 0].tolist())
        return tuple(s for k, s in enumerate(self.sites) if k not in unknown and (self.site == k).any())

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical content: everything that can influence a result, independent of the file."""
        digest = hashlib.sha256()
        header = {
            "schema": 1,
            "symptom_names": list(self.symptom_names),
            "blocks": list(self.blocks),
            "causes": list(self.causes),
            "groups": list(self.groups),
            "sites": list(self.sites),
            "covariates": sorted(self.covariates),
            "learned_cuts": [[c.symptom, c.covariate] for c in self.learned_cuts],
            "labelled": self.labelled,
        }
        digest.update(canonical_json(header).encode("ascii"))
        digest.update("\x00".join(self.id.tolist()).encode("utf-8"))
        arrays: list[npt.NDArray] = [self.symptoms, self.site]
        if self.cause is not None:
            arrays.append(self.cause)
        for array in [*arrays, *(self.covariates[k] for k in sorted(self.covariates))]:
            digest.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        return digest.hexdigest()

    def take(self, rows: npt.ArrayLike) -> Deaths:
        """Return the deaths of these rows, in this order; a row that is taken twice gets a numbered id.

        Parameters
        ----------
        rows : int array or bool mask
        """
        index = np.asarray(rows)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.intp, copy=False)
        ids = self.id[index]
        if len(np.unique(index)) != len(index):
            ids = np.array([f"{i}#{k}" for k, i in enumerate(ids.tolist())])
        cause = None if self.cause is None else self.cause[index]
        if cause is not None and len(cause) and (cause < 0).all():
            cause = None
        return dataclasses.replace(
            self,
            symptoms=self.symptoms[index],
            cause=cause,
            site=self.site[index],
            id=ids,
            covariates={k: v[index] for k, v in self.covariates.items()},
            strata_columns={k: v.take(index) for k, v in self.strata_columns.items()},
        )

    def select(self, symptoms: Sequence[str] | npt.NDArray[np.bool_]) -> Deaths:
        """Return the same deaths with only these symptoms, named or selected by a mask."""
        if len(symptoms) and not isinstance(symptoms[0], str):
            keep = np.flatnonzero(np.asarray(symptoms))
        else:
            place = {s: j for j, s in enumerate(self.symptom_names)}
            if unknown := [str(s) for s in symptoms if s not in place]:
                hint = did_you_mean(unknown[0], place)
                raise InputError(f"data '{self.name}': unknown symptom '{unknown[0]}'{hint}")
            keep = np.array([place[str(s)] for s in symptoms], dtype=np.intp)
        names = tuple(self.symptom_names[j] for j in keep)
        return dataclasses.replace(
            self,
            symptoms=self.symptoms[:, keep],
            symptom_names=names,
            blocks=tuple(self.blocks[j] for j in keep),
            learned_cuts=tuple(c for c in self.learned_cuts if c.symptom in set(names)),
        )

    def with_features(self, level: str) -> Deaths:
        """Return the same deaths at one feature level: ``no_hce``, ``hce`` or ``hce_words``."""
        if level not in FEATURE_LEVELS:
            raise InputError(
                f"unknown feature level '{level}'; known: {', '.join(FEATURE_LEVELS)}"
                f"{did_you_mean(level, FEATURE_LEVELS)}"
            )
        keep = np.isin(self.blocks, FEATURE_LEVELS[level])
        return self if keep.all() else self.select(keep)

    def without_causes(self) -> Deaths:
        """Return the same deaths without their causes: all that a model may see of a test set."""
        return dataclasses.replace(self, cause=None)

    def without_strata_columns(self) -> Deaths:
        """Return the same deaths without the columns that no model sees."""
        return dataclasses.replace(self, strata_columns={}) if self.strata_columns else self

    def with_strata_columns_of(self, other: Deaths | None) -> Deaths:
        """Return the deaths with the columns that the same data have where they were read with other options."""
        if other is None or not other.strata_columns or other.fingerprint != self.fingerprint:
            return self
        return dataclasses.replace(self, strata_columns={**other.strata_columns, **self.strata_columns})


def joined_strata(parts: Sequence[Deaths]) -> dict[str, TextColumn]:
    """Return the columns of text that any of several data sets has, for all their deaths one after the other."""
    names = dict.fromkeys(name for deaths in parts for name in deaths.strata_columns)
    return {name: joined_columns([(d.strata_columns.get(name), len(d)) for d in parts]) for name in names}
