"""Write which cause was counted as which: ``cause_maps.csv``.

In: a run. Out: the names in files of predictions that were given another name (``model.cause_map``), and, where cells
are scored at another level of causes, what the causes of data and models count as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from va_experiments.analysis.run_tables import model_labels
from va_experiments.cell.cause_level import CauseLevel
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.data.deaths import Deaths
from va_experiments.data.name_tables import read_two_columns
from va_experiments.models.predictions import Predictions
from va_experiments.results.table_files import write_csv

__all__ = ["write_cause_maps"]

_UNDETERMINED = "undetermined"


def write_cause_maps(
    rows: pd.DataFrame, folder: Path, store: Store, deaths: Mapping[str, Deaths], manifest: Mapping[str, Any]
) -> list[Path]:
    """Write every mapping of a run, and return the file; nothing where no cause has another name or level.

    Parameters
    ----------
    rows : DataFrame
        Rows of the cells.
    folder : Path
        Of the run.
    store : Store
    deaths : mapping of fingerprint to Deaths
    manifest : mapping
        Of the run, with its jobs.
    """
    renamed = _names_in_files(manifest)
    if not len(rows) or not (renamed or (rows["cause_list"] != "").any()):
        return []
    mapped = rows[(rows["cause_list"] != "") & (rows["status"] == "done")]
    mapped = mapped.assign(label=model_labels(mapped)) if len(mapped) else mapped
    names: dict[tuple[str, str, str, str], None] = dict.fromkeys(renamed)
    for _, mapped_causes in mapped.groupby(["cause_list", "data", "label"], sort=True):
        first = mapped_causes.iloc[0]
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
            names |= {
                (level.name, f"data {data.name}", s, t): None for s, t in zip(data.causes, level.truth, strict=True)
            }
        if level.model_causes:
            pairs = zip(level.model_causes, level.prediction, strict=True)
            names |= {(level.name, f"model {first['label']}", s, t): None for s, t in pairs}
    path = folder / "cause_maps.csv"
    write_csv(pd.DataFrame(list(names), columns=["cause_list", "of", "source", "target"]), path)
    return [path]


def _names_in_files(manifest: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return the names that ``model.cause_map`` gives to causes in files of predictions, as rows of the table."""
    names = []
    for job in manifest.get("jobs", ()):
        model = job["config"]["model"]
        mapping = model.get("cause_map")
        if not mapping or not str(model.get("_target_", "")).endswith(".Predictions"):
            continue
        name = str(model.get("label") or Predictions(path=str(model.get("path"))).own_label)
        pairs = read_two_columns(mapping, "source", "target") if isinstance(mapping, str) else mapping
        names += [
            (str(model.get("cause_list") or ""), f"file of {name}", str(source), _UNDETERMINED if t is None else str(t))
            for source, t in pairs.items()
        ]
    return names
