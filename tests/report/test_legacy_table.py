"""The table of the earlier script-based tool, from cells."""

from __future__ import annotations

import pandas as pd

from va_experiments.report.legacy_table import COLUMNS, legacy_table


def cells(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    columns = ["cell_key", "train_sites", "test_site", "train_size"]
    table = pd.DataFrame(rows, columns=columns).assign(model="nbc", model_params="{}", status="done", top1=0.4)
    return table.assign(csmf_accuracy_top=0.7, n_train=10, n_test=5)


def test_rows_by_kind_and_the_full_size_ends_the_curve() -> None:
    table = legacy_table(
        cells(
            ("1", "AP", "AP", "all"),
            ("2", "Pemba", "Pemba", "all"),
            ("3", "AP", "Pemba", "all"),
            ("4", "AP", "AP", "share=0.25"),
        )
    )
    assert list(table.columns) == list(COLUMNS.values())
    kinds = {k: list(g["train_size"]) for k, g in table.groupby("experiment_type")}
    assert kinds == {"in_domain": ["1.0", "1.0"], "out_domain": ["1.0"], "training_size": ["0.25", "1.0"]}


def test_failed_cells_have_rows_without_figures_and_settings_are_told_apart() -> None:
    two = cells(("1", "AP", "AP", "all"), ("2", "AP", "AP", "all"), ("2", "AP", "AP", "all"))
    two["model_params"] = ['{"alpha": 1}', '{"alpha": 2}', '{"alpha": 2}']
    two.loc[0, ["status", "top1", "csmf_accuracy_top"]] = ["failed", None, None]
    table = legacy_table(two).set_index("model")
    assert list(table.index) == ["nbc (alpha=1)", "nbc (alpha=2)"], "a cell of two runs counts once"
    assert table["csmf_accuracy"].isna().tolist() == [True, False]
