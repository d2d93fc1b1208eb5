"""Cells that others finish while a run computes are taken; nothing is computed again, lost, doubled or changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.job_trees import small_job
from va_experiments.cell import Fit, ModelSpec
from va_experiments.checkpoints import Store
from va_experiments.checkpoints.transfer import transfer_cell
from va_experiments.config.schema import parse_config
from va_experiments.engine.finalize import finalize
from va_experiments.engine.multirun import Multirun
from va_experiments.execute import inline
from va_experiments.plan import Job
from va_experiments.results.load import load_results

MODELS = {"nbc": "va_experiments.models.nbc.NaiveBayes", "prior": "va_experiments.models.priors.Prior"}


class Member:
    """Somebody with an outputs folder of their own, who runs two models at three sites."""

    def __init__(self, outputs: Path, **checkpoint: Any) -> None:
        self.outputs, self.folder = outputs, outputs / "runs" / "day" / "1"
        self.store = Store(outputs / "checkpoints")
        self._checkpoint = {"look_again_seconds": 1, **checkpoint}

    def run(self, fetch_new: Callable[..., Iterator[str]] | None = None, **settings: Any) -> Multirun:
        trees = [
            small_job(
                model={"name": model, "_target_": target},
                tracking={"uri": "http://127.0.0.1:9", "prefect": False},
                checkpoint=self._checkpoint,
                paths={"outputs": str(self.outputs)},
                n_bootstrap=5,
                baselines=["prior"],
            )
            | settings
            for model, target in MODELS.items()
        ]
        config, configs = parse_config(trees[0])[0], [parse_config(tree)[1] for tree in trees]
        run = Multirun(config, self.folder, (), fetch_new=fetch_new)
        run.open(configs)
        try:
            data = [run.read([c])[0] for c in configs]
            jobs = [Job(k, (f"model={m}",), configs[k], data[k]) for k, m in enumerate(MODELS)]
            run.run(jobs, [ModelSpec.from_config(c.model) for c in configs])
            assert finalize(run, jobs, interrupted=None).exit_code == 0
        finally:
            run.close("finished")
        return run

    @property
    def cells(self) -> pd.DataFrame:
        return load_results(self.folder).set_index(["model", "test_site"]).sort_index()


@pytest.fixture
def meeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Member, Member, Multirun]]:
    """Ann runs while Bob's first fit is at work; the fit ends when he has looked for what she has finished."""

    def meet(**settings: Any) -> tuple[Member, Member, Multirun]:
        ann, bob, looked = Member(tmp_path / "ann"), Member(tmp_path / "bob"), threading.Event()
        run_fit, begun = inline.run_fit, threading.Event()

        def beside_ann(fit: Fit, *more: Any, **named: Any) -> Any:
            if not begun.is_set():
                begun.set()
                ann.run()
                assert settings.get("resume") == "false" or looked.wait(60)
            return run_fit(fit, *more, **named)

        def fetch(store: Store, wanted: Callable[[str], bool], since: float, stop: Callable[[], bool]) -> Iterator[str]:
            if not (ann.folder / "manifest.json").exists():
                return
            for key in list(ann.store.keys()):
                if wanted(key):
                    transfer_cell(store, key, lambda name, key=key: (ann.store.folder(key) / name).read_bytes())
                    yield key
            looked.set()

        monkeypatch.setattr(inline, "run_fit", beside_ann)
        return ann, bob, bob.run(fetch, **settings)

    return meet


def test_cells_that_others_finish_during_a_run_are_taken(meeting: Callable[..., Any]) -> None:
    ann, bob, run = meeting()
    counts = run.context.counts
    assert (counts.cells, counts.failed) == (6, 0)
    assert counts.done + counts.reused == 6
    assert counts.reused >= 5, "all but what was at work when she finished"
    assert counts.fits == counts.fits_done
    assert counts.eta() == 0
    assert any(note.endswith(f"during this run: {counts.reused} of the reused cells") for note in run.context.notes)
    assert len(bob.cells) == len(ann.cells) == 6, "none lost, none twice"
    for column in ("prediction_sha256", "csmf_accuracy_top", "status"):
        assert bob.cells[column].equals(ann.cells[column])
    assert int(bob.cells["reused"].sum()) == counts.reused
    assert set(bob.store.keys()) == set(ann.store.keys())


def test_a_run_that_computes_all_again_takes_nothing(meeting: Callable[..., Any]) -> None:
    ann, bob, run = meeting(resume="false")
    assert (run.context.counts.done, run.context.counts.reused) == (6, 0)
    assert bob.cells["prediction_sha256"].equals(ann.cells["prediction_sha256"])


def test_without_a_second_look_nothing_is_asked(tmp_path: Path) -> None:
    def refuse(*_: Any) -> Iterator[str]:
        raise AssertionError("asked")

    run = Member(tmp_path, look_again_seconds=None).run(refuse)
    assert (run.context.counts.done, run.context.counts.reused) == (6, 0)
