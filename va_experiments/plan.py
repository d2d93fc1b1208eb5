"""From jobs and data to the cells to run: complete, in a fixed order, each identical cell once.

A plan is columns of numbers (which model, split and setting; the key), so that a million cells fit in little memory;
`Plan.cell` makes the object for one of them when it is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.cell import Cell, Fit, ModelSpec, Setting, cell_key, fit_key
from va_experiments.cell.fractions import check_estimator
from va_experiments.config import Config
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.metrics.testsets import testset_options
from va_experiments.protocols import Split, splits
from va_experiments.seeds import canonical_json

__all__ = ["BASELINES", "Costs", "Job", "Plan", "plan"]

BASELINES: Mapping[str, str] = {
    "prior": "va_experiments.models.priors.Prior",
    "uniform": "va_experiments.models.priors.Uniform",
}
"""Trivial models that stand beside every comparison."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Job:
    """One composed Hydra job: its number in the sweep, what was overridden, its typed config and its data."""

    number: int
    overrides: tuple[str, ...]
    config: Config
    data: str
    """Identity of the data it reads: fingerprint of the `Deaths`."""

    @property
    def label(self) -> str:
        """The overrides in one line, or ``default``."""
        return " ".join(self.overrides) or "default"


@dataclass(frozen=True)
class Costs:
    """What fits cost before, by digest of the model: CPU seconds for each death trained or tested on."""

    seconds_by_death: Mapping[str, float] = field(default_factory=dict)

    def estimate(self, model: ModelSpec, deaths: float, default: float = 1e-4) -> float:
        """Return the expected seconds of a fit over this many deaths."""
        return deaths * self.seconds_by_death.get(model.digest.hex()[:16], default)


@dataclass(frozen=True, eq=False)
class Plan:
    """Every cell of a sweep once, and which job asked for which."""

    jobs: tuple[Job, ...]
    models: tuple[ModelSpec, ...]
    splits: tuple[Split, ...]
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
    """For each job, the trivial models' cells on the same splits."""

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, row: int) -> str:
        """Return the key of cell `row`."""
        return self.keys[row].tobytes().hex()

    def cell(self, row: int) -> Cell:
        """Return cell `row`."""
        return Cell(self.models[self.model[row]], self.splits[self.split[row]], self.settings[self.setting[row]])

    @property
    def asked(self) -> Rows:
        """Cells of the jobs themselves, without the trivial models' that nobody asked for; sorted, each once."""
        return np.unique(np.concatenate([*self.job_cells, np.zeros(0, np.int64)]))

    def tasks(self, todo: Iterable[int], sizes: Mapping[str, Mapping[str, int]], costs: Costs) -> list[Fit]:
        """Return the fits that compute these cells, the longest first.

        Cells of a fit are tested together, except for joint models: sampling a test set is work of its own, so each of
        their cells is a task. Ties are broken by the plan's order.

        Parameters
        ----------
        todo : iterable of int
            Cells to compute.
        sizes : mapping
            Number of deaths by site, by fingerprint of the data.
        costs : Costs
        """
        groups: dict[Any, list[int]] = {}
        for row in sorted(todo):
            joint = self.models[self.model[row]].joint
            groups.setdefault((int(self.fits[row]), row if joint else -1), []).append(row)
        weighted = []
        for number, rows in enumerate(groups.values()):
            cells = tuple(self.cell(row) for row in rows)
            site = sizes.get(cells[0].setting.fingerprint, {})
            deaths = sum(site.get(s, 0) for s in cells[0].split.train_sites)
            deaths += sum(site.get(s, 0) for c in cells for s in c.split.test_sites)
            weighted.append((-costs.estimate(cells[0].model, deaths), number, Fit(cells[0].fit_key, cells)))
        return [fit for _, _, fit in sorted(weighted, key=lambda w: w[:2])]


def plan(jobs: Sequence[Job], deaths: Mapping[str, Deaths], models: Sequence[ModelSpec] | None = None) -> Plan:
    """Return the plan of these jobs.

    Parameters
    ----------
    jobs : sequence of Job
    deaths : mapping of fingerprint to Deaths
    models : sequence of ModelSpec, optional
        The model of each job, where it has been built already.

    Raises
    ------
    InputError
        Listing the problems of all jobs: unknown site, empty training set, too many cells, ...
    """
    problems: list[str] = []
    builder = _Builder(deaths)
    for number, job in enumerate(jobs):
        try:
            model = (
                models[number]
                if models
                else ModelSpec.from_config(job.config.model, allowed=job.config.allowed_targets)
            )
            builder.add(job, model)
        except InputError as error:
            problems += [f"job {job.number} ({job.label}): {p}" for p in error.problems]
    if problems:
        raise InputError(problems)
    return builder.plan(tuple(jobs))


class _Builder:
    """Collects the columns of a plan, one job after the other."""

    def __init__(self, deaths: Mapping[str, Deaths]) -> None:
        self._deaths = deaths
        self._models: dict[bytes, int] = {}
        self._settings: dict[bytes, int] = {}
        self._splits: dict[bytes, int] = {}
        self._model_list: list[ModelSpec] = []
        self._setting_list: list[Setting] = []
        self._split_list: list[Split] = []
        self._train_digests: list[bytes] = []
        self._split_digests: list[bytes] = []
        self._lists: dict[str, npt.NDArray[np.int32]] = {}
        self._blocks: list[tuple[int, npt.NDArray[np.int32], int]] = []
        self._job_models: list[ModelSpec] = []
        self._job_blocks: list[tuple[int, dict[str, int]]] = []

    def add(self, job: Job, model: ModelSpec) -> None:
        config, data = job.config, self._deaths[job.data]
        setting = Setting(
            data=data.name,
            fingerprint=data.fingerprint,
            features=str(config.features["name"]),
            testset=dict(config.testset),
            csmf=config.csmf,
            n_bootstrap=config.n_bootstrap,
            seed=config.seed,
        )
        data.with_features(setting.features)
        check_estimator(setting.csmf)
        testset_options(setting.testset).check(data.causes)
        if not model.trains and config.protocol["name"] != "assign":
            raise InputError(
                f"model '{model.name}' has fixed knowledge and is not trained: choose protocol=assign, "
                f"or a model that trains"
            )
        if model.trains and config.protocol["name"] == "assign":
            raise InputError(f"model '{model.name}' has to be trained, but protocol=assign trains nothing")
        rows = self._splits_of(config, data)
        if len(rows) * (1 + len(config.baselines)) > config.max_cells:
            raise InputError(
                f"{len(rows):,} cells are more than max_cells={config.max_cells:,}; raise it with max_cells=N"
            )
        unknown = [b for b in config.baselines if b not in BASELINES]
        if unknown:
            raise InputError(f"baselines: unknown '{unknown[0]}'; known: {', '.join(BASELINES)}")
        block = self._block(model, rows, setting)
        baselines = {}
        if model.trains:
            for name in config.baselines:
                spec = ModelSpec.from_config({"name": name, "_target_": BASELINES[name]})
                baselines[name] = self._block(spec, rows, setting)
        self._job_models.append(model)
        self._job_blocks.append((block, baselines))

    def _splits_of(self, config: Config, data: Deaths) -> npt.NDArray[np.int32]:
        options = {"seed": config.seed, **{k: v for k, v in config.protocol.items() if v is not None}}
        sites = config.site.get("test_sites", "all")
        identity = canonical_json([options, sites, data.fingerprint])
        if identity not in self._lists:
            found = []
            for split in splits(options, data, sites):
                digest = hashlib.sha256(canonical_json(split.spec()).encode()).digest()
                if digest not in self._splits:
                    self._splits[digest] = len(self._split_list)
                    self._split_list.append(split)
                    self._split_digests.append(digest)
                    self._train_digests.append(hashlib.sha256(canonical_json(split.train_key()).encode()).digest())
                found.append(self._splits[digest])
            self._lists[identity] = np.array(found, dtype=np.int32)
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
        keys, fits = np.empty((total, 32), np.uint8), np.empty((total, 16), np.uint8)
        model, split, setting = (np.empty(total, np.int32) for _ in range(3))
        start, starts = 0, []
        for m, rows, s in self._blocks:
            starts.append(start)
            end = start + len(rows)
            model[start:end], split[start:end], setting[start:end] = m, rows, s
            md, sd, fd = self._model_list[m].digest, self._setting_list[s].digest, self._setting_list[s].fit_digest
            for offset, r in enumerate(rows.tolist(), start):
                keys[offset] = np.frombuffer(cell_key(md, self._split_digests[r], sd), np.uint8)
                fits[offset] = np.frombuffer(fit_key(md, self._train_digests[r], fd)[:16], np.uint8)
            start = end
        void = np.ascontiguousarray(keys).view("V32").ravel()
        _, first, inverse = np.unique(void, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")  # plan order, not key order
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        number, kept = place[inverse.ravel()], first[order]
        _, fit_number = np.unique(np.ascontiguousarray(fits).view("V16").ravel()[kept], return_inverse=True)

        def cells(block: int) -> Rows:
            return number[starts[block] : starts[block] + sizes[block]].astype(np.int64)

        return Plan(
            jobs=jobs,
            models=tuple(self._model_list),
            splits=tuple(self._split_list),
            settings=tuple(self._setting_list),
            model=model[kept],
            split=split[kept],
            setting=setting[kept],
            keys=void[kept],
            fits=fit_number.ravel(),
            job_cells=tuple(cells(block) for block, _ in self._job_blocks),
            job_models=tuple(self._job_models),
            job_baselines=tuple({n: cells(b) for n, b in base.items()} for _, base in self._job_blocks),
        )
