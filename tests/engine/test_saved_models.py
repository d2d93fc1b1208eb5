"""``save_model=true``: the model of the run's training sites, as bits, with its metrics at the site left out."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from va_experiments.cell import decode_prediction
from va_experiments.checkpoints import Store
from va_experiments.data import load
from va_experiments.data.probbase import read_probbase
from va_experiments.models.saved_model import read_model

SMALL = ("data.n=240", "data.n_symptoms=12", "n_bootstrap=2")


def test_the_saved_model_is_the_one_that_the_run_tested() -> None:
    with elsewhere() as root:
        command = ("model=nbc", "site=pemba", "save_model=true", *SMALL, *QUICK, f"paths.outputs={root}")
        code, out, err = output_here(command)
        assert code == 0, err
        (folder,) = root.glob("runs/*/*/models/nbc")
        assert f"model   {folder} (nbc, trained on" in out
        model, card = read_model(folder)
        deaths = load("simulated", {"n": 240, "n_symptoms": 12})
        assert list(card["data"]["sites"]) == ["AP", "Bohol", "Dar", "Mexico", "UP"]
        (row,) = pd.read_csv(folder.parents[1] / "cells.csv").query("model == 'nbc'").to_dict("records")
        metrics = card["metrics_at_left_out_sites"]
        assert list(metrics) == ["Pemba"]
        assert metrics["Pemba"]["top1"] == row["top1"]
        decoded = decode_prediction(Store(root / "checkpoints").load(row["cell_key"]).predictions())[2]
        test = deaths.take(deaths.site == deaths.sites.index("Pemba")).without_causes()
        assert model.predict(test).probability.tobytes() == decoded.probability.tobytes()


def test_of_several_training_sets_all_deaths_are_learned_from_and_each_model_has_a_folder() -> None:
    with elsewhere() as root:
        sweep = ("model=nbc,prior", "site.test_sites=[AP,UP]", "save_model=true", "-m")
        code, _, err = output_here((*sweep, *SMALL, *QUICK, f"paths.outputs={root}"))
        assert code == 0, err
        cards = [json.loads(p.read_text()) for p in sorted(root.glob("runs/*/*/models/*/card.json"))]
        assert [c["model"]["name"] for c in cards] == ["nbc", "prior"]
        assert [c["data"]["deaths"] for c in cards] == [240, 240]
        assert [list(c["metrics_at_left_out_sites"]) for c in cards] == [["AP", "UP"]] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ("model=interva5", "data=who2016", "data.path=x.csv", "protocol=assign", "save_model=true"),
            "save_model=true: no model of this command is trained",
        ),
        (("model=nbc", "register_model=adults"), "register_model needs MLflow, and this run does not log to it"),
        (("model=nbc", "register_model=../x"), "register_model is '../x'; expected at most 64 letters"),
        (
            (
                "model=nbc",
                "model._target_=sklearn.naive_bayes.BernoulliNB",
                "save_model=true",
                "~model.reference_compat",
            ),
            "model 'nbc' is of another package and has no form that is safe to open",
        ),
    ],
    ids=["fixed knowledge", "no registry", "no name", "another package"],
)
def test_what_cannot_be_saved_is_refused_before_the_first_fit(command: tuple[str, ...], message: str) -> None:
    with elsewhere() as root:
        small = SMALL if "data=who2016" not in command else ()
        Path("x.csv").write_text(f"ID,{','.join(read_probbase().indicators)}\nd1{',y' * 353}\n")
        code, _, err = output_here((*command, *small, *QUICK, f"paths.outputs={root}"))
        assert code == 2
        assert message in err
        assert not list(Path(root).glob("runs/*/*/cells.csv"))
