"""`load_results` gives the same typed table from each file of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from va_experiments.errors import InputError
from va_experiments.results import Row, load_results
from va_experiments.results.rows import make_table
from va_experiments.results.schema import COLUMNS
from va_experiments.results.table_files import escape_formulas, write_csv, write_parquet

ROWS = [
    Row(
        {
            "cell_key": f"{n:064x}",
            "model": "nbc",
            "test_site": site,
            "status": status,
            "train_sites": "=AP+Dar",
            "simulated": True,
            "n_test": size,
            "top1": top1,
            "converged": converged,
            "seed": 9007199254740993,
            "run_id": "r",
            "warning": 'a "quoted", text\nof two lines',
            "error_message": message,
        }
    )
    for n, (site, status, size, top1, converged, message) in enumerate(
        [
            ("NA", "done", 300, 0.1 + 0.2, True, None),
            ("None", "failed", None, None, None, "NaN"),
            ("nan", "done", 7, 1 / 3, False, None),
        ]
    )
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run with three cells and one baseline."""
    tmp_path = tmp_path / "run"
    tmp_path.mkdir()
    cells, baselines = make_table(ROWS), make_table([Row({**ROWS[0]} | {"model": "prior", "cell_key": "ff"})])
    for name, table in (("cells", cells), ("baselines", baselines)):
        write_csv(table, tmp_path / f"{name}.csv")
        write_parquet(table, tmp_path / f"{name}.parquet")
    with open(tmp_path / "cells.jsonl", "w") as file:
        for row in ROWS:
            file.write(json.dumps({**row, "requested": True}) + "\n")
        file.write(json.dumps({**ROWS[0], "requested": False}) + "\n")
        file.write('{"model": "half a li')
    return tmp_path


@pytest.mark.parametrize("name", ["cells.parquet", "cells.csv", "cells.jsonl", ""])
def test_every_file_gives_the_same_typed_table(run: Path, name: str) -> None:
    cells = load_results(run / name)
    expected = make_table(ROWS)
    pd.testing.assert_frame_equal(cells[list(expected)].sort_values("cell_key", ignore_index=True),
                                  expected.sort_values("cell_key", ignore_index=True))  # fmt: skip
    by_site = cells.set_index("test_site")
    assert set(by_site.index) == {"NA", "None", "nan"}, "names of sites, not missing values"
    assert by_site["train_sites"].tolist() == ["=AP+Dar"] * 3, "the quote against formulas is for spreadsheets"
    assert by_site.loc["NA", "top1"] == 0.1 + 0.2
    assert by_site["seed"].tolist() == [9007199254740993] * 3
    assert by_site.loc["NA", "converged"] is True or by_site.loc["NA", "converged"] == True  # noqa: E712
    assert by_site["converged"].isna().tolist() == [s == "None" for s in by_site.index]
    assert by_site.loc["None", "error_message"] == "NaN"
    assert by_site["n_test"].dtype == "Int64"
    assert by_site.loc[["NA", "nan"], "n_test"].tolist() == [300, 7]
    assert cells["prediction_sha256"].isna().all()


def test_all_columns_that_are_no_metric_are_there_for_every_run(run: Path) -> None:
    cells = load_results(run)
    assert set(COLUMNS) - set(cells) == {n for n, c in COLUMNS.items() if c.optional and n.endswith("_seconds")} - {
        "fit_seconds",
        "predict_seconds",
    }
    assert cells["error_class"].isna().all()


def test_several_runs_and_baselines_stand_in_one_table(run: Path) -> None:
    assert len(load_results(run, baselines=True)) == 4
    assert len(load_results(run / "cells.jsonl", baselines=True)) == 4
    both = load_results(run, run / "cells.csv")
    assert len(both) == 6
    assert both.dtypes.equals(load_results(run).dtypes)
    assert both.index.tolist() == list(range(len(both)))


def test_a_running_run_has_its_rows_so_far(run: Path) -> None:
    for name in ("cells.csv", "cells.parquet"):
        (run / name).unlink()
    assert len(load_results(run)) == 3


def test_unknown_columns_are_refused_or_kept(run: Path) -> None:
    table = pd.read_parquet(run / "cells.parquet").assign(tpo1=0.5)
    table.to_parquet(run / "cells.parquet")
    with pytest.raises(InputError, match=r"unknown column 'tpo1'; did you mean 'top1'.*; unknown='keep'"):
        load_results(run)
    assert load_results(run, unknown="keep")["tpo1"].tolist() == [0.5] * 3


def test_all_problems_of_all_files_are_named_with_file_and_row(run: Path, tmp_path: Path) -> None:
    other = run / "other.csv"
    other.write_text("cell_key,model,status,n_test\nab,nbc,done,many\ncd,,dnoe,3\n")
    with pytest.raises(InputError) as caught:
        load_results(other, run / "nothing", run / "multirun.yaml")
    text = str(caught.value)
    assert f"'{run / 'nothing'}' is neither a folder nor a file of rows" in text
    assert f"'{other}': column 'test_site' is missing" in text
    assert f"'{other}', row 1: column 'n_test' has 'many'; expected whole number" in text
    assert f"'{other}', row 2: column 'model' has no value: every row needs one" in text
    assert f"'{other}', row 2: column 'status' has 'dnoe'; expected one of done, failed, missing" in text


def test_a_folder_above_runs_names_those_below(run: Path) -> None:
    with pytest.raises(InputError, match=f"not the folder of a run; there are runs below it: {run}"):
        load_results(run.parent)
    with pytest.raises(InputError, match="name at least one run"):
        load_results()
    with pytest.raises(InputError, match="there is no file"):
        load_results(run / "gone.csv")


@pytest.mark.parametrize("name", ["cells.parquet", "cells.csv", "cells.jsonl"])
def test_a_damaged_file_is_named(run: Path, name: str) -> None:
    (run / name).write_bytes(b'{"model": \x00\n"a,b\n')
    with pytest.raises(InputError, match=f"'{run / name}'"):
        load_results(run / name)


def test_a_run_without_a_finished_cell_gives_an_empty_typed_table(run: Path) -> None:
    (run / "cells.jsonl").write_text("")
    cells = load_results(run / "cells.jsonl")
    assert len(cells) == 0
    assert cells["n_test"].dtype == "Int64"


def changed(tmp_path: Path, **changes: object) -> Path:
    """A CSV file of the rows with other values in the first."""
    path = tmp_path / "changed" / "deeper" / "cells.csv"
    write_csv(make_table([Row({**ROWS[0], **changes}), *ROWS[1:]]), path)
    return path


def test_a_value_outside_its_range_is_loaded(tmp_path: Path) -> None:
    assert load_results(changed(tmp_path, top1=1.5))["top1"][0] == 1.5


def test_text_with_a_carriage_return_is_one_field(tmp_path: Path) -> None:
    text = "one line\rand another"
    assert load_results(changed(tmp_path, warning=text))["warning"][0] == text


def test_lines_that_do_not_say_who_requested_them_are_cells(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    path.write_text("".join(json.dumps(dict(row)) + "\n" for row in ROWS))
    assert len(load_results(path)) == 3


def test_every_bad_row_of_a_column_is_named(tmp_path: Path) -> None:
    path = changed(tmp_path)
    table = pd.read_csv(path, dtype=str, keep_default_na=False).assign(n_test=["many", "7", "few"])
    table.to_csv(path, index=False)
    with pytest.raises(InputError) as caught:
        load_results(path)
    assert [p.partition(": ")[0].rpartition(", ")[2] for p in caught.value.problems] == ["row 1", "row 3"]


def test_a_missing_column_is_named_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    path = changed(tmp_path)
    pd.read_csv(path, dtype=str, keep_default_na=False).rename(columns={"model": "modle"}).to_csv(path, index=False)
    with pytest.raises(InputError) as caught:
        load_results(path)
    assert any("column 'model' is missing; did you mean 'modle'?" in p for p in caught.value.problems)


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_formulas_are_escaped_in_text_of_any_type_and_numbers_are_left(dtype: object) -> None:
    table = pd.DataFrame({"=a": pd.Series(["=1", "b"], dtype=dtype), "n": [-1.0, 2.0]})
    out = escape_formulas(table)
    assert list(out.columns) == ["'=a", "n"]
    assert out["'=a"].tolist() == ["'=1", "b"]
    assert out["n"].tolist() == [-1.0, 2.0]
    assert out["n"].dtype == "float64"
