"""Train and save; apply by folder and by name: the same bits as the fitted model, a changed folder is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from tests.tracking.forged import Forged
from va_experiments.cell import decode_prediction
from va_experiments.checkpoints import Store
from va_experiments.cli import main
from va_experiments.data import load
from va_experiments.models.nbc import NaiveBayes

NEW = ("data=csv", "data.path=new.csv", "data.id=id", "data.cause=null", "protocol=assign")


def new_table(path: Path) -> None:
    deaths = load("simulated", {"n": 60, "seed": 9, "sites": ["X", "Y"]})
    table = pd.DataFrame(np.array(["N", "Y", "."])[deaths.symptoms], columns=list(deaths.symptom_names))
    table.insert(0, "site", [deaths.sites[k] for k in deaths.site])
    table.insert(0, "id", deaths.id)
    table.to_csv(path, index=False)


def test_a_saved_model_is_applied_to_another_table(capsys: pytest.CaptureFixture[str]) -> None:
    with elsewhere() as root:
        arguments = ["model=nbc", "data.n=200", "site.test_sites=[AP,Bohol,Dar]", "--licence", "none"]
        assert main(["train", "saved", *arguments]) == 0
        assert main(["train", "saved", *arguments]) == 2
        assert "left out: Bohol" in capsys.readouterr().out
        card = json.loads(Path("saved/card.json").read_text())
        new_table(Path("new.csv"))
        apply = ("model=registered", "model.path=saved", *NEW, *QUICK, f"paths.outputs={root}")
        code, out, err = output_here(apply)
        assert code == 0, err
        (key,) = Store(root / "checkpoints").keys()
        decoded = decode_prediction(Store(root / "checkpoints").load(key).predictions())[2]
        ids = pd.read_csv(next(root.glob("runs/*/*/causes.csv")))["id"].tolist()
        new = load("csv", {"path": "new.csv", "id": "id", "cause": None})
        manifest = Path("saved/manifest.json")
        Path("saved/card.json").write_text("{}")
        code, _, errors = output_here(apply)
        assert code == 2
        assert "card.json differs from its checksum" in errors
        assert manifest.exists()
    deaths = load("simulated", {"n": 200})
    trained = deaths.take(np.isin(deaths.site, [deaths.sites.index(s) for s in ("AP", "Bohol", "Dar")]))
    other = dataclasses.replace(new.select(deaths.symptom_names), causes=deaths.causes, groups=())
    expected = NaiveBayes().fit(trained).predict(other)
    assert ids == new.id.tolist()
    assert decoded.probability.tobytes() == expected.probability.tobytes()
    assert "saved, 60 deaths of csv" in out
    assert set(card["metrics_at_left_out_sites"]) == {"AP", "Bohol", "Dar"}
    assert card["data"]["licence"] == "none"
    assert card["data"]["sha256"] == trained.fingerprint
    assert card["questions"] == list(deaths.symptom_names)


@pytest.mark.parametrize("way", ["redirect", "body"])
def test_a_registry_that_does_not_behave_is_named_in_words(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with elsewhere() as root, Forged("right") as other, Forged(way, elsewhere=other.url) as server:
        words = ("model=registered", "model.name=adults", f"tracking.uri={server.url}", f"paths.outputs={root}")
        code, _, err = output_here((*words, "data.n=120", *QUICK))
        assert code == 2, err
        assert "Traceback" not in err
        assert other.asked == []


@pytest.mark.slow
def test_a_model_is_registered_in_mlflow_and_applied_by_its_name() -> None:
    with elsewhere() as root:
        arguments = ["model=nbc", "data.n=200", f"paths.outputs={root}", "--quick"]
        assert main(["train", "one", *arguments, "--register", "adults"]) == 0
        assert main(["train", "two", *arguments, "data.seed=5", "--register", "adults"]) == 0
        new_table(Path("new.csv"))
        apply = ("model=registered", *NEW, *QUICK, f"paths.outputs={root}")
        code, out, err = output_here((*apply, "model.name=adults"))
        assert code == 0, err
        assert "adults-2, 60 deaths of csv" in out
        assert (root / "models/adults-2/manifest.json").read_bytes() == Path("two/manifest.json").read_bytes()
        assert main(["recompute", "--outputs", str(root), "--sample", "0"]) == 0
        code, _, err = output_here((*apply, "model.name=adult"))
        assert code == 2
        assert "no model is registered by this name; known: adults; did you mean 'adults'?" in err
        (root / "models/adults-2/manifest.json").write_text("{}")
        code, _, err = output_here((*apply, "model.name=adults"))
        assert code == 2
        assert "are not those that were registered" in err
