"""A data file that is replaced while a run reads it or works on it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.data.readers.test_csv import to_csv
from tests.end_to_end.conftest import QUICK, run_command
from va_experiments.data import cache, registry, simulate_deaths
from va_experiments.data.cache import load_cached
from va_experiments.errors import InputError, shown_path

REPLACING = '''
"""A model that has the run's data file replaced under it, as a colleague who exports anew would."""
import os
from typing import Self
import numpy as np
from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction, labels_of


class Replacing(Model):
    """Copies the training fractions."""

    def __init__(self, *, new: str = "", old: str = "") -> None:
        self.new, self.old = new, old

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        if os.path.exists(self.new):
            os.replace(self.new, self.old)
        self.csmf_ = np.bincount(labels_of(train), minlength=len(train.causes)) / len(train)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        return Prediction(probability=np.tile(self.csmf_, (len(test), 1)), csmf=self.csmf_)
'''


@pytest.mark.nightly
@pytest.mark.slow
def test_a_file_replaced_during_a_run_is_told_and_the_results_are_of_what_was_read(tmp_path: Path) -> None:
    first, second = tmp_path / "study.csv", tmp_path / "new.csv"
    to_csv(simulate_deaths(400, n_symptoms=12, seed=1), first)
    to_csv(simulate_deaths(400, n_symptoms=12, seed=2), second)
    content = first.read_bytes()
    (tmp_path / "replacing.py").write_text(REPLACING)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    yaml = "name: replacing\n_target_: replacing.Replacing\nnew: ''\nold: ''\n"
    (tmp_path / "conf" / "model" / "replacing.yaml").write_text(yaml)
    options = ("--config-dir", str(tmp_path / "conf"), "allowed_targets=[replacing]", "model=replacing")
    options += (f"model.new={second}", f"model.old={first}")
    data = ("data=csv", f"data.path={first}", "data.id=id", "+data.covariates.age=[0,120]")
    sites = "site.test_sites=[AP,UP]"

    def run() -> tuple[int, str, str, list[str], str]:
        ran = run_command(*options, *data, sites, *QUICK, outputs=tmp_path / "o", PYTHONPATH=str(tmp_path))
        manifest = json.loads((ran.folder / "manifest.json").read_text())
        return ran.code, ran.out, ran.err, sorted(ran.cells["cell_key"]), manifest["data"][0]["sha256"]

    code, out, err, keys, fingerprint = run()
    assert code == 0, err
    assert not second.exists(), "it was replaced in the middle"
    assert f"{shown_path(first)} has changed: its SHA-256 is" in out
    assert "the plan's is" in out
    assert "results are of the data as they were read at the start" in out
    assert err.count("data changed during the run") == 1
    assert "2 done, 0 reused" in out

    code, out, err, other_keys, other = run()
    assert code == 0, err
    assert other != fingerprint, "the new file is another data set"
    assert not set(keys) & set(other_keys)
    assert "2 done, 0 reused" in out
    assert "has changed" not in out + err

    first.write_bytes(content)
    code, out, err, again, back = run()
    assert (code, again, back) == (0, keys, fingerprint)
    assert "0 done, 2 reused" in out, "nothing of the new file was stored under the old one's name"


def test_a_file_replaced_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.csv"
    to_csv(simulate_deaths(60, n_symptoms=5, seed=1), path)
    options = {"path": str(path), "id": "id", "covariates": {"age": [0, 120]}}
    load = registry.load

    def load_and_replace(*arguments: object) -> object:
        deaths = load(*arguments)  # type: ignore[arg-type]
        to_csv(simulate_deaths(60, n_symptoms=5, seed=2), path)
        return deaths

    monkeypatch.setattr(registry, "load", load_and_replace)
    with pytest.raises(InputError, match=r"has changed: its SHA-256 is .*, the plan's is .* run the command again"):
        load_cached("csv", options, tmp_path / "cache")
    assert not list(tmp_path.glob("cache/*")), "nothing is kept of it"


def test_a_file_that_was_only_touched_has_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(b"a,b\n")
    read = cache.ReadFile.now(path)
    os.utime(path, (1, 1))
    assert read.difference() == ""
    path.unlink()
    assert "can no longer be read (No such file or directory)" in read.difference()
