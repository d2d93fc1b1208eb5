"""A file of causes is a model: checked whole before a run, and scored only where the comparison is fair."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from va_experiments.cell import Cell, Fit, ModelSpec, Setting, run_fit
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models.predictions import Predictions
from va_experiments.protocols import splits


def table(path: Path, rows: list[list[Any]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def truth(deaths: Deaths) -> list[str]:
    assert deaths.cause is not None
    return [deaths.causes[c] for c in deaths.cause.tolist()]


def perfect(path: Path, deaths: Deaths, **columns: Mapping[str, str]) -> str:
    """A file that names the true cause, in other letters, of all deaths."""
    rows = [["id", "cause", *columns]]
    for i, c in zip(deaths.id.tolist(), truth(deaths), strict=True):
        rows.append([i, c.upper().replace(" ", "_"), *(column[i] for column in columns.values())])
    return table(path, rows)


def predicted(deaths: Deaths, test: Deaths, **options: Any) -> Any:
    model = Predictions(**options)
    model.check_before_run(deaths.without_causes())
    return model.fit(deaths.take([])).predict(test.without_causes())


def test_a_file_with_the_truth_names_every_cause(small_deaths: Deaths, tmp_path: Path) -> None:
    test = small_deaths.take(np.arange(300) % 3 == 0)
    prediction = predicted(small_deaths, test, path=perfect(tmp_path / "x.csv", small_deaths))
    assert prediction.top_cause.tolist() == test.cause.tolist()
    assert prediction.probability.max(axis=1).tolist() == [1.0] * len(test)
    np.testing.assert_allclose(prediction.csmf, np.bincount(test.cause, minlength=4) / len(test))


def test_row_names_of_a_matrix_are_the_ids_and_a_warning_says_so(small_deaths: Deaths, tmp_path: Path) -> None:
    rows = [["", *small_deaths.causes], *([i, 0.7, 0.1, 0.1, 0.1] for i in small_deaths.id.tolist())]
    model = Predictions(path=table(tmp_path / "x.csv", rows))
    (warning,) = model.check_before_run(small_deaths.without_causes())
    assert "column 1 has no name and is read as the id: 300 of its 300 cells are ids" in warning
    other = Predictions(path=table(tmp_path / "y.csv", [["", *small_deaths.causes], ["zz", 0.7, 0.1, 0.1, 0.1]]))
    with pytest.raises(InputError, match="none of its 1 ids is in data"):
        other.check_before_run(small_deaths.without_causes())


def test_probabilities_are_taken_over_with_unmapped_mass_shared(small_deaths: Deaths, tmp_path: Path) -> None:
    """0.6 and 0.2 for two causes: the other 0.2 goes to the two that the file does not name, half each."""
    rows = [["id", "cause1", "p1", "cause2", "p2"], *([i, "A", 0.6, "B", 0.2] for i in small_deaths.id.tolist())]
    names = {"A": "cause A", "B": "cause B"}
    prediction = predicted(small_deaths, small_deaths, path=table(tmp_path / "x.csv", rows), cause_map=names)
    np.testing.assert_allclose(prediction.probability[0], [0.6, 0.2, 0.1, 0.1])
    np.testing.assert_allclose(prediction.csmf, [0.6, 0.2, 0.1, 0.1])


def test_what_is_mapped_to_nothing_is_undetermined(small_deaths: Deaths, tmp_path: Path) -> None:
    rows = [["id", "cause A", "cause B", "unsure"], *([i, 0.3, 0.1, 0.6] for i in small_deaths.id.tolist())]
    rows[1][1:] = [0.6, 0.2, 0.2]
    prediction = predicted(small_deaths, small_deaths, path=table(tmp_path / "x.csv", rows), cause_map={"unsure": None})
    assert prediction.top_cause[:2].tolist() == [0, -1]
    np.testing.assert_allclose(prediction.probability[:2], [[0.6, 0.2, 0.1, 0.1], [0, 0, 0, 0]])
    assert prediction.diagnostics["undetermined"] == pytest.approx(299 / 300)
    assert prediction.csmf.sum() + prediction.diagnostics["undetermined"] == pytest.approx(1)


def test_the_file_is_checked_whole_before_the_run(small_deaths: Deaths, tmp_path: Path) -> None:
    rows = [["id", "cause", "trained_on"], ["d0001", "cause A", "no"], ["x1", "cause a", "East"], ["x2", "malaria", ""]]
    model = Predictions(path=table(tmp_path / "x.csv", rows), trained_sites=["Nord"])
    with pytest.raises(InputError) as caught:
        model.check_before_run(small_deaths)
    for text in (
        "'malaria' (line 4) is no cause of data 'small'; map it with model.cause_map",
        "2 of 3 ids are not in data 'small' (such as 'x1', 'x2'); model.unknown_ids=ignore leaves them out",
        "model.trained_sites: data 'small' has no site 'Nord'; did you mean 'North'?",
        "'East' in the column of what the program was trained on is neither yes nor no, nor sites",
    ):
        assert text in str(caught.value)


def test_a_mapping_without_a_target_is_told_before_the_run(small_deaths: Deaths, tmp_path: Path) -> None:
    path = table(tmp_path / "x.csv", [["id", "cause"], *([i, "fever"] for i in small_deaths.id.tolist())])
    mapping = table(tmp_path / "m.csv", [["source", "target"], ["fever", ""]])
    (warning,) = Predictions(path=path, cause_map=mapping).check_before_run(small_deaths)
    assert "no target for 'fever': these causes count as undetermined" in warning


def test_deaths_without_a_row_are_told_before_the_run(small_deaths: Deaths, tmp_path: Path) -> None:
    north = small_deaths.take(small_deaths.site == 0)
    model = Predictions(path=perfect(tmp_path / "x.csv", north))
    remark = f"has no row for {300 - len(north)} of 300 deaths of data 'small' (at South, West)"
    assert remark in model.check_before_run(small_deaths)[0]


@pytest.mark.parametrize(
    ("options", "column", "refused"),
    [
        ({}, None, {"North": "", "South": "", "West": "no row for"}),
        ({"trained_sites": ["South"]}, None, {"North": "", "South": "was trained on", "West": "no row for"}),
        ({}, "North+West", {"North": "was trained on", "South": "", "West": "no row for"}),
        ({}, "yes", {"North": "was trained on", "South": "was trained on", "West": "no row for"}),
        ({}, "", {"North": "", "South": "", "West": "no row for"}),
    ],
)
def test_a_cell_is_scored_only_where_that_is_fair(
    small_deaths: Deaths, tmp_path: Path, options: dict, column: str | None, refused: dict[str, str]
) -> None:
    some = small_deaths.take(small_deaths.site < 2)
    seen = {} if column is None else {"trained_on": dict.fromkeys(some.id.tolist(), column)}
    path = perfect(tmp_path / "x.csv", some, **seen)
    tree = {"name": "p", "_target_": "va_experiments.models.predictions.Predictions", "path": path, **options}
    spec = ModelSpec.from_config(tree)
    nbc = ModelSpec.from_config({"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"})
    setting = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 5, 1)
    for split in splits({"name": "leave_one_site_out"}, small_deaths):
        cells = [Cell(model, split, setting) for model in (spec, nbc)]
        result, other = (run_fit(Fit(c.fit_key, (c,)), small_deaths)[0] for c in cells)
        if text := refused[split.test_site]:
            assert result.failure is not None
            assert text in result.failure.message
        else:
            assert result.failure is None
            assert result.metrics["top1"] == 1
            assert result.facts["split_sha256"] == other.facts["split_sha256"]
            assert result.facts["testset_sha256"] == other.facts["testset_sha256"]
            assert result.facts["n_train"] == other.facts["n_train"]


def test_the_key_counts_the_content_of_the_file_not_its_name(small_deaths: Deaths, tmp_path: Path) -> None:
    def spec(name: str, deaths: Deaths, **more: str) -> ModelSpec:
        path = perfect(tmp_path / name, deaths)
        target = "va_experiments.models.predictions.Predictions"
        return ModelSpec.from_config({"name": "predictions", "_target_": target, "path": path, **more})

    one, same, other = spec("a.csv", small_deaths), spec("b.csv", small_deaths), spec("c.csv", small_deaths.take([1]))
    assert one.digest == same.digest != other.digest
    assert one.seed_digest == same.seed_digest
    assert [one.name, same.name, spec("nbc.csv", small_deaths).name] == ["a", "b", "file nbc"]
    assert spec("a.csv", small_deaths, label="physicians").name == "physicians"
    assert spec("a.csv", small_deaths, label="physicians").digest == one.digest


@pytest.mark.slow
def test_files_are_models_beside_ours_in_every_paired_table(caplog: pytest.LogCaptureFixture) -> None:
    import pandas as pd

    from va_experiments.analysis.comparisons import paired_comparisons
    from va_experiments.data import load

    deaths = load("simulated", {"n": 240})
    with elsewhere() as root:
        (root / "conf" / "model").mkdir(parents=True)
        for name, known in (("smartva", deaths), ("physicians", deaths.take(deaths.id != "sim-AP-01"))):
            path = perfect(root / f"{name}.csv", known)
            yaml = f"defaults: [predictions]\npath: {path}\n"
            (root / "conf" / "model" / f"{name}.yaml").write_text(yaml, encoding="utf-8")
        models = ("--config-dir", str(root / "conf"), "model=nbc,smartva,physicians", "-m")
        code, _, _ = output_here((*models, "data.n=240", "n_bootstrap=5", *QUICK, f"paths.outputs={root}"))
        assert code == 3, "one cell of the physicians has a death without a row"
        assert "physicians.csv' has no row for 1 of 240 deaths of data 'simulated' (at AP)" in caplog.text
        cells = pd.read_parquet(next(root.glob("runs/*/*/cells.parquet")))
    failed = cells[cells["status"] == "failed"]
    assert failed[["model", "test_site"]].to_numpy().tolist() == [["physicians", "AP"]]
    assert "a test set is scored only where every death has one" in failed["error_message"].iloc[0]
    pairs = paired_comparisons(cells, ("top1",)).set_index(["model_a", "model_b"])
    assert pairs["n"].to_dict() == {("nbc", "physicians"): 5, ("nbc", "smartva"): 6, ("physicians", "smartva"): 5}
    assert pairs["difference"][("physicians", "smartva")] == 0
    assert pairs["difference"][("nbc", "smartva")] < 0


def test_codes_of_causes_are_mapped_as_they_are(small_deaths: Deaths, tmp_path: Path) -> None:
    codes = {str(k): c for k, c in enumerate(small_deaths.causes)}
    lines = [f"{name},{cause}.0" for name, cause in zip(small_deaths.id, small_deaths.cause, strict=True)]
    path = tmp_path / "codes.csv"
    path.write_text("id,cause\n" + "\n".join(lines) + "\n")
    model = Predictions(path=str(path), cause_map=codes | {"1-0": "no cause", "10": small_deaths.causes[-1]})
    assert model.check_before_run(small_deaths) == []
    assert (model.fit(small_deaths).predict(small_deaths).top_cause == small_deaths.cause).all()


def test_probabilities_beside_a_named_cause_are_told(small_deaths: Deaths, tmp_path: Path) -> None:
    share = ",".join(["0.5", "0.5", *["0"] * (len(small_deaths.causes) - 2)])
    lines = [f"{name},{small_deaths.causes[0]},{share}" for name in small_deaths.id]
    path = tmp_path / "both.csv"
    header = ",".join(f'"{c}"' for c in small_deaths.causes)
    path.write_text(f"id,cause,{header}\n" + "\n".join(lines) + "\n")
    (warning,) = Predictions(path=str(path)).check_before_run(small_deaths)
    assert "columns with the name of a cause" in warning
