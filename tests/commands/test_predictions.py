"""``va-experiments predictions``: a row for each death and model, equal to what the store holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.end_to_end.conftest import Ran
from va_experiments.cell import decode_prediction
from va_experiments.checkpoints import Store
from va_experiments.tracking.prediction_table import write_predictions


@pytest.fixture(scope="module")
def table(finished: Ran, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    from va_experiments.cli import main

    path = tmp_path_factory.mktemp("predictions") / "p.csv"
    assert main(["predictions", "--csv", str(path), "--outputs", str(finished.outputs)]) == 0
    return pd.read_csv(path, dtype={"id": str}, keep_default_na=False)


def test_every_death_of_every_cell_is_listed(finished: Ran, table: pd.DataFrame) -> None:
    cells = finished.cells
    assert len(table) == cells["n_test"].sum()
    assert set(table.columns) == {"model", "site", "id", "true_cause"} | {
        f"{what}_{i}" for what in ("cause", "probability") for i in (1, 2, 3)
    }
    for cell in cells.itertuples():
        part = table[(table["model"] == cell.model) & (table["site"] == cell.test_site)]
        assert (part["cause_1"] == part["true_cause"]).mean() == pytest.approx(cell.top1)


def test_the_names_are_those_of_the_store(finished: Ran, table: pd.DataFrame) -> None:
    cell = finished.cells[finished.cells["model"] == "nbc"].iloc[0]
    stored = Store(finished.outputs / "checkpoints").load(cell["cell_key"])
    assert stored is not None
    causes = np.array(stored.manifest["facts"]["causes"])
    ids, truth, prediction = decode_prediction(stored.predictions())
    part = table[(table["model"] == cell["model"]) & (table["site"] == cell["test_site"])]
    assert part["id"].tolist() == ids.tolist()
    assert part["true_cause"].tolist() == causes[truth].tolist()
    assert part["cause_1"].tolist() == causes[prediction.top_cause].tolist()
    first = part["probability_1"].astype(float).to_numpy()
    assert first == pytest.approx(np.take_along_axis(prediction.probability, prediction.top_cause[:, None], 1)[:, 0])


def test_some_deaths_and_models(
    finished: Ran, table: pd.DataFrame, va: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    ids = table["id"].unique()[:2].tolist()
    code, out, _ = va("predictions", "--outputs", finished.outputs, "--model", "nbc", "--id", *ids)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == [
        "model",
        "site",
        "id",
        "cause",
        "1",
        "p",
        "cause",
        "2",
        "p",
        "cause",
        "3",
        "p",
        "true",
        "cause",
    ]
    assert len(lines) == 3
    assert all(line.startswith("nbc") for line in lines[1:])


@pytest.mark.parametrize(("columns", "rows_of_a_death"), [(50, 3), (80, 3), (120, 1)])
def test_the_table_fits_the_window(
    finished: Ran, va: Callable, columns: int, rows_of_a_death: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, _ = va("predictions", "--outputs", finished.outputs, "--model", "nbc")
    assert code == 0
    lines = out.splitlines()[:-1]
    assert max(map(len, lines)) <= columns
    assert sum(line.startswith("nbc") for line in lines) == 30
    assert len(lines) == 1 + 30 * rows_of_a_death


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["--id", "nobody"], "no death 'nobody'"), (["--model", "nbcc"], "did you mean 'nbc'"), (["nowhere"], "no run")],
)
def test_what_the_run_does_not_have(words: list[str], expected: str, finished: Ran, va: Callable) -> None:
    code, _, err = va("predictions", *words, "--outputs", finished.outputs)
    assert code == 2
    assert expected in err


def test_a_run_named_by_its_folder_has_the_store_of_its_own_outputs(
    finished: Ran, table: pd.DataFrame, tmp_path: Path, va: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = va("predictions", finished.folder.resolve(), "--csv", "all.csv")
    assert code == 0, err
    assert f"{len(table):,} predictions" in out


def test_the_table_for_mlflow_is_cut_where_it_is_large(
    finished: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(finished.outputs / "checkpoints")
    (path,) = write_predictions(finished.cells, store, tmp_path)
    assert path.name == "predictions.csv"
    monkeypatch.setattr("va_experiments.tracking.prediction_table.MOST_PREDICTIONS", 10)
    (path,) = write_predictions(finished.cells, store, tmp_path)
    assert path.name == "predictions_first_10.csv"
    assert len(pd.read_csv(path)) == 10
    assert write_predictions(finished.cells.head(0), store, tmp_path) == []


def test_the_table_by_cause_names_model_and_site(finished: Ran) -> None:
    causes = pd.read_csv(finished.folder / "report" / "tables" / "causes.csv")
    assert list(causes.columns[:4]) == ["cell_key", "model", "test_site", "cause"]
    assert set(causes["model"]) == {"nbc", "interva", "prior", "uniform"}
    assert set(causes["test_site"]) == {"AP", "Pemba"}
