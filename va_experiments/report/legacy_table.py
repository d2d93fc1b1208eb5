"""Write the table of the earlier script-based comparison, for those who have analyses that read it.

Three kinds of row: ``in_domain`` (train and test within one site), ``out_domain`` (train on some sites, test on
another) and ``training_size`` (a part of one site's training deaths; the full size, where the site has a curve, is its
end and has a row in both). The trivial models have rows too: no table is read without them.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from va_experiments.analysis.run_tables import model_labels

__all__ = ["COLUMNS", "FILE", "legacy_table", "write_legacy_table"]

FILE = "va34_comparison_results.csv"

COLUMNS = {
    "experiment_type": "experiment_type",
    "model": "model",
    "train_sites": "train_site",
    "test_site": "test_site",
    "train_size": "train_size",
    "n_train": "n_train",
    "n_test": "n_test",
    "csmf_accuracy_top": "csmf_accuracy",
    "top1": "cod_accuracy",
    "csmf_accuracy_top_low": "csmf_accuracy_ci_lower",
    "csmf_accuracy_top_high": "csmf_accuracy_ci_upper",
    "top1_low": "cod_accuracy_ci_lower",
    "top1_high": "cod_accuracy_ci_upper",
}
"""Column of ``cells.csv`` -> column of the earlier table."""


def legacy_table(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the earlier table of the cells of one run or several; cells that failed have a row without figures.

    Parameters
    ----------
    cells : DataFrame
        As in ``cells.csv`` and ``baselines.csv``. A model whose cells differ in parameters is named with them.
    """
    cells = cells.sort_values("status", kind="stable").drop_duplicates("cell_key")  # done stands before failed
    cells["model"] = model_labels(cells.assign(model_params=cells["model_params"].fillna("{}")))
    for column in COLUMNS:
        if column not in cells:
            cells[column] = float("nan")
    same, size = cells["train_sites"] == cells["test_site"], cells["train_size"].astype(str)
    whole = size == "all"
    cells["experiment_type"] = "out_domain"
    cells.loc[same, "experiment_type"] = "in_domain"
    cells.loc[same & ~whole, "experiment_type"] = "training_size"
    with_curve = set(cells.loc[same & ~whole, "test_site"])
    ends = cells[same & whole & cells["test_site"].isin(with_curve)]
    both = pd.concat([cells, ends.assign(experiment_type="training_size")], ignore_index=True)
    share = both["train_size"].astype(str).str.removeprefix("share=").replace("all", "1.0")
    table = both.assign(train_size=share)[list(COLUMNS)].rename(columns=COLUMNS)
    order = ["experiment_type", "model", "train_site", "test_site", "train_size"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def write_legacy_table(cells: pd.DataFrame, folder: Path) -> Path:
    """Write the earlier table of these cells into `folder`, and return its path."""
    from va_experiments.results.table_files import write_csv

    path = folder / FILE
    write_csv(legacy_table(cells), path)
    return path
