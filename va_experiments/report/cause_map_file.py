"""Write which cause was counted as which where cells are scored at another level of causes: ``cause_maps.csv``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from va_experiments.analysis.run_tables import model_labels
from va_experiments.cell.cause_level import CauseLevel
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.data.deaths import Deaths
from va_experiments.results.table_files import write_csv

__all__ = ["write_cause_maps"]


def write_cause_maps(rows: pd.DataFrame, folder: Path, store: Store, deaths: Mapping[str, Deaths]) -> list[Path]:
    """Write every mapping of a run, and return the file; nothing where all is scored at the causes of the data.

    Parameters
    ----------
    rows : DataFrame
        Rows of the cells.
    folder : Path
        Of the run.
    store : Store
    deaths : mapping of fingerprint to Deaths
    """
    if not len(rows) or not (rows["cause_list"] != "").any():
        return []
    mapped = rows[(rows["cause_list"] != "") & (rows["status"] == "done")]
    mapped = mapped.assign(label=model_labels(mapped)) if len(mapped) else mapped
    found: dict[tuple[str, str, str, str], None] = {}
    for _, own in mapped.groupby(["cause_list", "data", "label"], sort=True):
        first = own.iloc[0]
        try:
            stored = store.load(str(first["cell_key"]), check=False)
        except CorruptCell:
            continue
        if stored is None:
            continue
        setting = stored.manifest["config"]["setting"]
        level = CauseLevel.from_tree({"name": str(first["cause_list"]), **setting["score_at"]})
        data = deaths.get(setting["fingerprint"])
        if data is not None:
            found |= {
                (level.name, f"data {data.name}", s, t): None for s, t in zip(data.causes, level.truth, strict=True)
            }
        if level.model_causes:
            pairs = zip(level.model_causes, level.prediction, strict=True)
            found |= {(level.name, f"model {first['label']}", s, t): None for s, t in pairs}
    path = folder / "cause_maps.csv"
    write_csv(pd.DataFrame(list(found), columns=["cause_list", "of", "source", "target"]), path)
    return [path]
