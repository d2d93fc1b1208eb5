"""Plan the cells to run, from jobs and data: all of them, in a fixed order, each distinct cell once.

In: composed jobs and data sets. Out: a `Plan`. A plan is columns of numbers (model, split, setting and key of each
cell), so that a million cells fit in little memory; `Plan.cell` makes the object of one cell on access.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from va_experiments.cell import Cell, Fit, ModelSpec, Setting, cell_key, fit_key
from va_experiments.cell.calibration import VACALIBRATION, calibration_content
from va_experiments.cell.csmf_correction import MODEL
from va_experiments.cell.target_labels import GBQL
from va_experiments.config.protocols import ProtocolOptions
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.plan_checks import BASELINES, check_job
from va_experiments.plan_levels import levels_of
from va_experiments.protocols import Splits, most_splits, splits
from va_experiments.protocols.sizes import expected_deaths as _expected
from va_experiments.seeds import canonical_json, generator, integer_seed
from va_experiments.typical_costs import EVERY_TEST, Cost

__all__ = ["BASELINES", "Costs", "Job", "Plan", "Tasks", "plan"]

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Job:
    """One composed Hydra job: its number in the sweep, its overrides, its typed config and its data."""

    number: int
    overrides: tuple[str, ...]
    config: JobConfig
    data: str
    """Identity of the data it reads: fingerprint of the `Deaths`."""

    @property
    def label(self) -> str:
        """The overrides in one line, or ``default``."""
        return " ".join(self.overrides) or "default"


@dataclass(frozen=True)
class Costs:
    """Costs of earlier fits, by digest of the model: seconds for each training or test death, beside those of a fit."""

    seconds_by_death: Mapping[str, float] = field(default_factory=dict)

    def estimate(self, model: ModelSpec, deaths: float, tests: int = 1) -> float:
        """Estimate the seconds of a fit over this many deaths; without a record, from what the model's class costs."""
        return self.of(model).seconds(deaths, tests)

    def of(self, model: ModelSpec) -> Cost:
        """Return what a fit of a model costs."""
        recorded = self.seconds_by_death.get(model.digest.hex()[:16])
        return model.typical_cost if recorded is None else dataclasses.replace(model.typical_cost, by_death=recorded)

    def recorded(self, model: ModelSpec) -> bool:
        """Return whether an earlier run recorded what this model costs."""
        return model.digest.hex()[:16] in self.seconds_by_death


@dataclass(frozen=True, eq=False)
class Plan:
    """All cells of a sweep, each once, and the cells of each job."""

    jobs: tuple[Job, ...]
    models: tuple[ModelSpec, ...]
    splits: Splits
    settings: tuple[Setting, ...]
    model: npt.NDArray[np.int32]
    split: npt.NDArray[np.int32]
    setting: npt.NDArray[np.int32]
    keys: npt.NDArray[np.void]
    fits: npt.NDArray[np.int64]
    """For each cell, the number of the fit it shares with others."""
    job_cells: tuple[Rows, ...]
    """For each job, its cells in the order of its splits."""
    job_models: tuple[ModelSpec, ...]
    """For each job, its model under the name the job gives it."""
    job_baselines: tuple[Mapping[str, Rows], ...]
    """For each job, the cells of the baselines on the same splits."""

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, row: int) -> str:
        """Return the key of cell `row`."""
        return self.keys[row].tobytes().hex()

    def cell(self, row: int) -> Cell:
        """Return cell `row`."""
        return Cell(self.models[self.model[row]], self.splits[self.split[row]], self.settings[self.setting[row]])

    @property
    def requested(self) -> Rows:
        """Cells of the jobs themselves, without those of the baselines that were added; sorted, each once."""
        return np.unique(np.concatenate([*self.job_cells, np.zeros(0, np.int64)]))

    def row(self, key: str) -> int:
        """Find the number of the cell with this key.

        Raises
        ------
        KeyError
        """
        key_bytes = bytes.fromhex(key)
        prefixes, order = self._by_prefix
        prefix = np.frombuffer(key_bytes[:8], np.uint64)[0]
        for position in range(int(np.searchsorted(prefixes, prefix)), len(order)):
            if prefixes[position] != prefix:
                break
            if self.keys[order[position]].tobytes() == key_bytes:
                return int(order[position])
        raise KeyError(key)

    @cached_property
    def _by_prefix(self) -> tuple[npt.NDArray[np.uint64], Rows]:
        prefix = _prefix(self.keys)
        order = np.argsort(prefix)
        return prefix[order], order

    def tasks(
        self, todo: Iterable[int], sizes: Mapping[str, Mapping[str, int]], costs: Costs, *, own_order: str = ""
    ) -> Tasks:
        """Return the fits that compute these cells, the longest first.

        Cells of a fit are tested together, unless prediction dominates the cost (InSilicoVA samples the test set): then
        each cell is its own task. Ties are broken by the order of the plan.

        Two runs of one plan that share their cells should rarely compute the same cell at the same time. With names of
        their own for their orders, each takes fits of similar length, within a factor of two, in an order of its own.

        Parameters
        ----------
        todo : iterable of int
            Cells to compute.
        sizes : mapping
            Number of deaths by site, by fingerprint of the data.
        costs : Costs
        own_order : str
            Name of the order; empty: that of the plan.
        """
        rows = np.unique(np.fromiter(todo, np.int64))
        alone = np.array([m.prediction_is_costly for m in self.models], bool)[self.model[rows]]
        task = np.where(alone, len(self) + rows, self.fits[rows])
        _, first, task = np.unique(task, return_index=True, return_inverse=True)
        tested, trained = self._deaths(rows, sizes)
        deaths = np.bincount(task, weights=tested, minlength=len(first)) + trained[first]
        cost = np.array([(c.by_fit, c.by_death) for c in map(costs.of, self.models)]).reshape(-1, 2)
        by_fit, by_death = cost[self.model[rows[first]]].T
        seconds = by_fit + deaths * by_death + EVERY_TEST * (np.bincount(task, minlength=len(first)) - 1)
        order = np.lexsort((first, -seconds))
        if own_order:
            length = np.floor(np.log2(np.maximum(seconds, 1e-9)))
            order = np.lexsort((generator(integer_seed(own_order)).permutation(len(first)), -length))
        members = rows[np.argsort(task, kind="stable")]
        ends = np.cumsum(np.bincount(task, minlength=len(first)))
        return Tasks(self, members, ends, order, seconds[order])

    def _deaths(self, rows: Rows, sizes: Mapping[str, Mapping[str, int]]) -> tuple[Floats, Floats]:
        """Estimate how many deaths each of these cells is tested on and trained on."""
        both = np.zeros((2, len(rows)))
        for fingerprint, size in sizes.items():
            in_data = np.array([s.fingerprint == fingerprint for s in self.settings])[self.setting[rows]]
            used, place = np.unique(self.splits.kind[self.split[rows[in_data]]], return_inverse=True)
            estimates = np.array([_expected(self.splits.kinds[k], size) for k in used.tolist()]).reshape(-1, 2).T
            both[:, in_data] = estimates[:, place]
        return both[0], both[1]


class Tasks(Sequence[Fit]):
    """The fits of a plan in the order in which workers get them; each is made on access."""

    def __init__(self, of: Plan, members: Rows, ends: Rows, order: Rows, seconds: Floats) -> None:
        self._plan, self._members, self._ends, self._order = of, members, ends, order
        self.seconds = seconds
        """Expected duration of each."""

    def __len__(self) -> int:
        return len(self._order)

    def by_model(self) -> list[tuple[ModelSpec, int, float]]:
        """Return each model with its number of fits and their expected seconds."""
        first = np.concatenate([[0], self._ends])[self._order].astype(np.int64)
        models = self._plan.model[self._members[first]]
        fits, seconds = np.bincount(models), np.bincount(models, weights=self.seconds)
        return [(self._plan.models[m], int(fits[m]), float(seconds[m])) for m in np.flatnonzero(fits).tolist()]

    @overload
    def __getitem__(self, index: int) -> Fit: ...

    @overload
    def __getitem__(self, index: slice) -> list[Fit]: ...

    def __getitem__(self, index: int | slice) -> Fit | list[Fit]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        task = self._order[index]
        rows = self._members[self._ends[task - 1] if task else 0 : self._ends[task]]
        cells = tuple(self._plan.cell(row) for row in rows.tolist())
        return Fit(cells[0].fit_key, cells)


def _protocol(config: JobConfig) -> ProtocolOptions:
    """Return the options of a job's protocol; the job's seed stands in for its own."""
    return config.protocol.with_seed(config.seed)


def plan(
    jobs: Sequence[Job],
    deaths: Mapping[str, Deaths],
    models: Sequence[ModelSpec] | None = None,
    run: RunConfig | None = None,
) -> Plan:
    """Return the plan of these jobs.

    Parameters
    ----------
    jobs : sequence of Job
    deaths : mapping of fingerprint to Deaths
    models : sequence of ModelSpec, optional
        The model of each job, where it has been built already.
    run : RunConfig, optional
        What the jobs have in common: the most cells, the objective, packages that models may come from.

    Raises
    ------
    InputError
        Listing the problems of all jobs: unknown site, empty training set, too many cells, ...
    """
    problems: list[str] = []
    run = run or RunConfig()
    builder = _Builder(deaths, run)
    for number, job in enumerate(jobs):
        try:
            model = models[number] if models else ModelSpec.from_config(job.config.model, allowed=run.allowed_targets)
            builder.add(job, model)
        except InputError as error:
            problems += [f"job {job.number} ({job.label}): {p}" if len(jobs) > 1 else p for p in error.problems]
    if problems:
        raise InputError(problems)
    return builder.plan(tuple(jobs))


class _Builder:
    """Collect the columns of a plan, one job after the other."""

    def __init__(self, deaths: Mapping[str, Deaths], run: RunConfig) -> None:
        self._deaths, self._run = deaths, run
        self._models: dict[bytes, int] = {}
        self._settings: dict[bytes, int] = {}
        self._model_list: list[ModelSpec] = []
        self._setting_list: list[Setting] = []
        self._splits = Splits()
        self._train_digests, self._split_digests = bytearray(), bytearray()  # 32 bytes a split: there may be a million
        self._lists: dict[str, npt.NDArray[np.int32]] = {}
        self._blocks: list[tuple[int, npt.NDArray[np.int32], int]] = []
        self._job_models: list[ModelSpec] = []
        self._job_blocks: list[tuple[list[int], dict[str, list[int]]]] = []

    def add(self, job: Job, model: ModelSpec) -> None:
        config, data = job.config, self._deaths[job.data]
        check_job(config, model, data, self._run)
        calibration = None
        if config.csmf == VACALIBRATION:
            calibration = calibration_content(config.calibration, model, data)
        elif config.csmf == GBQL:
            calibration = {"level": config.calibration.level}
        settings = [
            Setting(
                data=data.name,
                fingerprint=data.fingerprint,
                features=config.features.name,
                testset=config.testset.tree(),
                csmf=config.csmf,
                n_bootstrap=config.n_bootstrap,
                seed=config.seed,
                level=level,
                calibration=calibration,
                conformal=config.csmf_interval == "conformal",
            )
            for level in levels_of(config, model, data)
        ]
        self._check_width(config, data)  # before a billion splits are listed
        rows = self._splits_of(config, data)
        blocks = [self._block(model, rows, setting) for setting in settings]
        baselines = {}
        if config.protocol.name != "assign":
            for name in config.baselines:
                spec = ModelSpec.from_config({"name": name, "_target_": BASELINES[name]})
                baselines[name] = [
                    self._block(spec, rows, dataclasses.replace(setting, level=level, csmf=MODEL, calibration=None))
                    for setting, level in zip(settings, levels_of(config, spec, data), strict=True)
                ]
        self._job_models.append(model)
        self._job_blocks.append((blocks, baselines))

    def _check_width(self, config: JobConfig, data: Deaths) -> None:
        wide = most_splits(_protocol(config), data, config.site.test_sites) * max(1, len(config.score_at))
        if wide * (1 + len(config.baselines)) > self._run.max_cells:
            raise InputError(
                f"{wide:,} cells (and {len(config.baselines)} baselines on the same splits) are more than "
                f"max_cells={self._run.max_cells:,}; raise it with max_cells=N"
            )

    def _splits_of(self, config: JobConfig, data: Deaths) -> npt.NDArray[np.int32]:
        options, sites = _protocol(config), config.site.test_sites
        identity = canonical_json([options.tree(), sites, data.fingerprint])
        if identity not in self._lists:
            first = len(self._splits)
            for split in splits(options, data, sites):
                self._splits.append(split)
                self._split_digests += hashlib.sha256(canonical_json(split.spec()).encode()).digest()
                self._train_digests += hashlib.sha256(canonical_json(split.train_key()).encode()).digest()
            self._lists[identity] = np.arange(first, len(self._splits), dtype=np.int32)
        return self._lists[identity]

    def _block(self, model: ModelSpec, rows: npt.NDArray[np.int32], setting: Setting) -> int:
        m = self._models.setdefault(model.digest, len(self._model_list))
        if m == len(self._model_list):
            self._model_list.append(model)
        s = self._settings.setdefault(setting.digest, len(self._setting_list))
        if s == len(self._setting_list):
            self._setting_list.append(setting)
        self._blocks.append((m, rows, s))
        return len(self._blocks) - 1

    def plan(self, jobs: tuple[Job, ...]) -> Plan:
        sizes = [len(rows) for _, rows, _ in self._blocks]
        total = sum(sizes)
        keys, fits = bytearray(32 * total), bytearray(16 * total)
        model, split, setting = (np.empty(total, np.int32) for _ in range(3))
        start, starts = 0, []
        for m, rows, s in self._blocks:
            starts.append(start)
            end = start + len(rows)
            model[start:end], split[start:end], setting[start:end] = m, rows, s
            md, sd, fd = self._model_list[m].digest, self._setting_list[s].digest, self._setting_list[s].fit_digest
            for offset, r in enumerate(rows.tolist(), start):
                part = slice(32 * r, 32 * r + 32)
                keys[32 * offset : 32 * offset + 32] = cell_key(md, bytes(self._split_digests[part]), sd)
                fits[16 * offset : 16 * offset + 16] = fit_key(md, bytes(self._train_digests[part]), fd)[:16]
            start = end
        self._split_digests, self._train_digests = bytearray(), bytearray()
        all_keys = np.frombuffer(keys, "V32")
        first, inverse = _distinct(all_keys)
        order = np.argsort(first, kind="stable")  # plan order, not key order
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        number, first_rows = place[inverse], first[order]
        del inverse, place, order, first
        _, fit_number = _distinct(np.frombuffer(fits, "V16")[first_rows])

        def cells(blocks: list[int]) -> Rows:
            return np.concatenate([number[starts[b] : starts[b] + sizes[b]] for b in blocks]).astype(np.int64)

        return Plan(
            jobs=jobs,
            models=tuple(self._model_list),
            splits=self._splits,
            settings=tuple(self._setting_list),
            model=model[first_rows],
            split=split[first_rows],
            setting=setting[first_rows],
            keys=all_keys[first_rows],
            fits=fit_number,
            job_cells=tuple(cells(blocks) for blocks, _ in self._job_blocks),
            job_models=tuple(self._job_models),
            job_baselines=tuple({n: cells(b) for n, b in base.items()} for _, base in self._job_blocks),
        )


def _prefix(keys: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """Return the first eight bytes of each key as a number, which sorts ten times as fast as the key."""
    return np.ascontiguousarray(keys).view(np.uint64).reshape(len(keys), -1)[:, 0].copy()


def _distinct(keys: npt.NDArray[np.void]) -> tuple[Rows, Rows]:
    """Find where each distinct key occurs first, and number each key by the distinct key that it equals."""
    _, first, inverse = np.unique(_prefix(keys), return_index=True, return_inverse=True)
    inverse = inverse.ravel()
    parts = (slice(start, start + 65536) for start in range(0, len(keys), 65536))
    if any((keys[first[inverse[p]]] != keys[p]).any() for p in parts):  # two keys with one prefix: rare, but possible
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first, inverse.ravel()
