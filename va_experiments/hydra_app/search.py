"""Search with Optuna: batches of trials, each a job of the same run; a failed job is a failed trial.

In: the options of ``hydra/sweeper=optuna`` and the overrides of a command. Out: jobs for the launcher, batch after
batch; ``trials.csv`` and ``optimization_results.yaml`` in the run's folder, whenever the search ends. A study in a
database (``hydra.sweeper.storage``) is continued by the same command: finished trials are not run again, their cells
are reused.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from va_experiments.errors import InputError, shown
from va_experiments.hydra_app.grammar_errors import parse_overrides
from va_experiments.hydra_app.search_space import check_options, direction_of, grid_values, search_space
from va_experiments.hydra_app.session import current_session
from va_experiments.redaction import redacted
from va_experiments.terminal import say

__all__ = ["Search"]

_COMMIT_AT_ONCE = {"isolation_level": "AUTOCOMMIT"}
"""Optuna 2 leaves the version of its tables uncommitted under SQLAlchemy 2, and then cannot read it."""

_GRID = "optuna.samplers.GridSampler"

PROBLEM = "problem"
"""Attribute of a failed trial: why."""


class Search:
    """One search.

    Parameters
    ----------
    config : omegaconf.DictConfig
        The composed configuration of the command; ``hydra.sweeper`` has sampler, direction, storage, study_name,
        n_trials, n_jobs, max_failure_rate and params.

    Raises
    ------
    InputError
        For options that cannot be used.
    """

    def __init__(self, config: Any) -> None:
        from omegaconf import OmegaConf

        self.config = config
        self.options = cast("dict[str, Any]", OmegaConf.to_container(config.hydra.sweeper, resolve=True))
        self.launcher: Any = None
        self.objective = str(config.get("objective"))
        self._number = 0
        check_options(self.options, str(self.options["sampler"]["_target_"]))
        self.direction = direction_of(self.options.get("direction"), self.objective)

    def run(self, arguments: Sequence[str]) -> None:
        """Run trials until all are run, the run is stopped, or more of a batch failed than is allowed."""
        params = dict(self.options.get("params") or {})
        overrides = parse_overrides([*(f"{k}={v}" for k, v in params.items()), *arguments])
        space, fixed = search_space(overrides)
        total = int(self.options["n_trials"])
        if self.config.get("dry_run"):
            study, total = self._study(space, fixed, None), min(total, int(self.options["n_jobs"]))
        else:
            study = self._study(space, fixed, self.options.get("storage"))
        try:
            self._queue(study, space, fixed)
            self._trials(study, space, fixed, total)
        finally:
            self._write(study)

    def _study(self, space: Mapping[str, Any], fixed: Mapping[str, str], storage: Any) -> Any:
        """Return the study, new or continued.

        Raises
        ------
        InputError
            For a storage that cannot be used, and a study that searched in another direction.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        name = self.options.get("study_name")
        if storage is not None and name is None:
            content = [self.direction, self.objective, {k: repr(v) for k, v in space.items()}, dict(fixed)]
            name = f"search-{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]}"
        where = redacted(shown(str(storage)))
        if storage is not None and not (isinstance(storage, str) and "://" in storage):
            raise InputError(
                f"hydra.sweeper.storage is {where}; expected a database's URL, such as sqlite:///trials.db"
            )
        try:
            database = None if storage is None else optuna.storages.RDBStorage(storage, engine_kwargs=_COMMIT_AT_ONCE)
            study = optuna.create_study(
                study_name=name, storage=database, direction=self.direction, load_if_exists=True
            )
            study.sampler = self._sampler(space, len(study.trials))
        except InputError:
            raise
        except Exception as error:  # SQLAlchemy, its drivers and Optuna raise many kinds
            first: BaseException = error
            while first.__cause__ is not None:  # Optuna's own words name no reason
                first = first.__cause__
            if "study direction" in str(first):  # Optuna compares it with that of the stored study
                raise InputError(
                    f"the study {shown(name)} in {where} was begun in another direction than to {self.direction} "
                    f"{self.objective}; choose another hydra.sweeper.study_name"
                ) from None
            reason = redacted(str(first).splitlines()[0] if str(first) else type(first).__name__)
            raise InputError(
                f"hydra.sweeper.storage {where} cannot be used ({reason}); expected a database's URL whose folder "
                "exists and can be written, such as sqlite:///trials.db"
            ) from None
        return study

    def _sampler(self, space: Mapping[str, Any], earlier: int) -> Any:
        """Return the sampler; a continued search draws other values than its first part, from the same seed."""
        import optuna
        from hydra.utils import instantiate

        node = dict(self.options["sampler"])
        if str(node["_target_"]) == _GRID:  # `_queue` names its values; Optuna's own would shuffle them without a seed
            return optuna.samplers.RandomSampler(seed=0)
        if "seed" in node:
            seed = node["seed"] if node["seed"] is not None else self.config.get("seed")
            node["seed"] = (int(seed) + 1_000_003 * earlier) % 2**32
        return instantiate(node)

    def _queue(self, study: Any, space: Mapping[str, Any], fixed: Mapping[str, str]) -> None:
        """Queue the points of a grid and what an earlier run did not end; give this run the cells of earlier trials."""
        from optuna.trial import TrialState

        done = [t for t in study.trials if t.state == TrialState.COMPLETE and t.params.keys() == space.keys()]
        for trial in study.trials:
            if trial.state == TrialState.RUNNING:
                study.tell(trial.number, state=TrialState.FAIL)
                if trial.params.keys() == space.keys():
                    study.enqueue_trial(trial.params)
        if self.options["sampler"]["_target_"] == _GRID:
            values = grid_values(space)
            grid = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
            self.options["n_trials"] = min(int(self.options["n_trials"]), len(grid))
            known = [t.params or t.system_attrs.get("fixed_params") for t in study.trials]
            for point in [p for p in grid if p not in known][: int(self.options["n_trials"])]:
                study.enqueue_trial(point)
        if done:
            self._launch([_overrides(t.params, fixed) for t in done])

    def _trials(self, study: Any, space: Mapping[str, Any], fixed: Mapping[str, str], total: int) -> None:
        from optuna.trial import TrialState

        total = min(total, int(self.options["n_trials"]))
        ended = [t for t in study.trials if t.state == TrialState.COMPLETE or t.user_attrs.get(PROBLEM)]
        left = total - len(ended)
        while left > 0 and not current_session().stopped:
            trials = [study.ask() for _ in range(min(left, int(self.options["n_jobs"])))]
            for trial in trials:
                for key, distribution in space.items():
                    trial._suggest(key, distribution)
            values = self._launch([_overrides(t.params, fixed) for t in trials])
            if self.config.get("dry_run"):
                say(f"search: up to {self.options['n_trials']} trials, to {self.direction} {self.objective}")
                return
            stopped, failed = current_session().stopped, 0
            for trial, value in zip(trials, values, strict=True):
                if isinstance(value, float):
                    study.tell(trial, value)
                elif not stopped:  # else it was not ended, and the same command runs it again
                    failed += 1
                    trial.set_user_attr(PROBLEM, value or "a cell failed: see cells.csv")
                    study.tell(trial, state=TrialState.FAIL)
            left -= len(trials)
            if failed / len(trials) > float(self.options["max_failure_rate"]):
                say(f"search: ended, as {failed} of {len(trials)} trials failed (hydra.sweeper.max_failure_rate)")
                return

    def _launch(self, jobs: Sequence[tuple[str, ...]]) -> list[float | str | None]:
        """Run jobs; return the objective of each, None where a cell failed, or why it cannot be run at all."""
        try:
            returns = self.launcher.launch(jobs, initial_job_idx=self._number)
        except InputError as error:
            if self._number == 0:
                raise  # nothing has run: the whole command is refused
            if len(jobs) == 1:
                return [redacted(str(error))]
            return [value for job in jobs for value in self._launch([job])]
        self._number += len(jobs)
        values = [float(r.return_value) for r in returns]
        return [None if value != value else value for value in values]

    def _write(self, study: Any) -> None:
        """Write the table of trials, and the best of them, into the run's folder."""
        from omegaconf import OmegaConf
        from optuna.trial import TrialState

        from va_experiments.results.table_files import write_csv

        folder = Path(str(self.config.hydra.sweep.dir))
        if self.config.get("dry_run") or current_session().run is None or not folder.is_dir():
            return
        write_csv(trial_table(study), folder / "trials.csv")
        if done := [t for t in study.trials if t.state == TrialState.COMPLETE]:
            best = study.best_trial
            results = {"name": "optuna", "best_params": best.params, "best_value": best.value}
            OmegaConf.save(OmegaConf.create(results), folder / "optimization_results.yaml")
            chosen = " ".join(f"{k}={v}" for k, v in best.params.items())
            say(f"search: best of {len(done)} trials: {chosen} ({self.objective} {best.value:.4g})")


def trial_table(study: Any) -> Any:
    """Return a table of a study's trials: number, state, objective, value of each key, and why a trial failed."""
    import pandas as pd

    names = {"COMPLETE": "done", "FAIL": "failed", "RUNNING": "stopped", "WAITING": "waiting", "PRUNED": "pruned"}
    keys = dict.fromkeys(key for trial in study.trials for key in trial.params)
    rows = []
    for trial in study.trials:
        problem = trial.user_attrs.get(PROBLEM, "")
        state = "stopped" if trial.state.name == "FAIL" and not problem else names[trial.state.name]
        row = {"trial": trial.number, "state": state, "value": trial.value}
        rows.append(row | {key: trial.params.get(key) for key in keys} | {PROBLEM: problem})
    return pd.DataFrame(rows, columns=["trial", "state", "value", *keys, PROBLEM])


def _overrides(params: Mapping[str, Any], fixed: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in {**params, **fixed}.items())
