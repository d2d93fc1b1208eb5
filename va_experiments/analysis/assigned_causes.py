"""Read the causes that cells gave to deaths: block by block, so that a million deaths need little memory.

In: the rows of a run, the store with the predictions, and the data. Out: for each cell of ``protocol=assign`` an
`AssignedCell`, whose blocks hold probabilities and named causes in the order of its deaths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from va_experiments.analysis.run_tables import model_labels
from va_experiments.cell import ModelSpec, prediction_blocks, prediction_csmf
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models.insilico.subpopulations import SAMPLED
from va_experiments.models.undetermined_reasons import undetermined_reasons
from va_experiments.protocols import Split

__all__ = ["CAUSE_COLUMNS", "AssignedCell", "assigned_cells", "cause_rows"]

CAUSE_COLUMNS = (
    *("model", "site", "id", "cause1", "probability1", "cause2", "probability2", "cause3", "probability3"),
    *("undetermined", "data"),
)
"""Columns of ``causes.csv``; ``undetermined`` holds the reason where no cause is named."""

BLOCK = 1 << 15
"""Deaths worked on at a time."""


@dataclass(frozen=True, eq=False)
class AssignedCell:
    """A finished cell in which causes are assigned.

    Parameters
    ----------
    model : str
        Its name in tables.
    deaths : Deaths
        The predicted deaths, in the order of the prediction, without their causes.
    rows : int array, shape (n_deaths,)
        Their rows in the data set.
    causes : tuple of str
    csmf : float64 array, shape (n_causes,)
        The model's own CSMF.
    draws : float64 array, shape (n_draws, n_causes), or None
        Posterior draws of it.
    content : bytes
        The stored prediction.
    spec : mapping
        The model as plain data.
    allowed : tuple of str
        Packages that the model's class may come from.
    test_site : str
        Label of the tested sites.
    sampled : mapping of str to float64 array, shape (n_causes, 3)
        Stratum -> mean and 95% interval of its fractions, where the model samples strata as subpopulations.
    """

    model: str
    deaths: Deaths
    rows: npt.NDArray[np.intp]
    causes: tuple[str, ...]
    csmf: npt.NDArray[np.float64]
    draws: npt.NDArray[np.float64] | None
    content: bytes
    spec: Mapping[str, Any]
    allowed: tuple[str, ...]
    test_site: str
    sampled: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    def blocks(self) -> Iterator[tuple[slice, npt.NDArray[np.float64], npt.NDArray[np.int16]]]:
        """Yield places, probabilities and named causes (-1: undetermined) of consecutive deaths."""
        start = 0
        for probability, top in prediction_blocks(self.content, BLOCK):
            yield slice(start, start + len(top)), probability, top
            start += len(top)

    def reasons(self, places: npt.NDArray[np.intp], probability: npt.NDArray[np.float64]) -> list[str]:
        """Say of deaths for which no cause is named why there is none."""
        try:
            tree = {"name": self.model, "_target_": self.spec["target"], **self.spec["params"]}
            model = ModelSpec.from_config(tree, allowed=self.allowed).estimator()
        except InputError:  # a file that it needs is no longer there
            return undetermined_reasons(None, self.deaths.take(places), probability)
        return undetermined_reasons(model, self.deaths.take(places), probability)


def assigned_cells(
    rows: pd.DataFrame, store: Store, deaths: Mapping[str, Deaths], *, allowed: tuple[str, ...] = ()
) -> Iterator[AssignedCell]:
    """Yield the cells of ``protocol=assign`` that are done, by model.

    Parameters
    ----------
    rows : DataFrame
        Rows of the run's cells.
    store : Store
    deaths : mapping of fingerprint to Deaths
    allowed : tuple of str
    """
    assigned = rows[(rows["protocol"] == "assign") & (rows["status"] == "done")]
    if not len(assigned):
        return
    assigned = assigned.assign(label=model_labels(assigned)).sort_values(
        ["label", "data", "test_site", "cell_key"], kind="stable"
    )
    for key, label in zip(assigned["cell_key"], assigned["label"], strict=True):
        try:
            stored = store.load(str(key), check=False)
        except CorruptCell:
            continue
        if stored is None or stored.manifest["config"]["setting"]["fingerprint"] not in deaths:
            continue
        config = stored.manifest["config"]
        data = deaths[config["setting"]["fingerprint"]].with_features(config["setting"]["features"])
        split = Split.from_spec(config["split"])
        _, test = split.indices(data)
        content = stored.predictions()
        csmf, draws = prediction_csmf(content)
        causes = tuple(stored.manifest["facts"]["causes"])
        own_csmf = config["setting"]["csmf"] == "model" and "score_at" not in config["setting"]
        yield AssignedCell(
            model=str(label),
            deaths=data.take(test).without_causes(),
            rows=test.astype(np.intp),
            causes=causes,
            csmf=csmf,
            draws=draws,
            content=content,
            spec=config["model"],
            allowed=allowed,
            test_site=split.test_site,
            sampled=_sampled(stored.metrics["diagnostics"], causes) if own_csmf else {},
        )


def _sampled(diagnostics: Mapping[str, Any], causes: tuple[str, ...]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the fractions of sampled subpopulations by stratum; causes that were not sampled have none."""
    rows_by_model = {}
    for key, groups in diagnostics.items():
        if key.startswith(SAMPLED):
            for label, fractions in groups.items():
                values = [fractions.get(cause) or [0.0, 0.0, 0.0] for cause in causes]
                rows_by_model[f"{key.removeprefix(SAMPLED)}={label}"] = np.array(values, dtype=np.float64)
    return rows_by_model


def cause_rows(
    cell: AssignedCell, places: slice, probability: npt.NDArray[np.float64], top: npt.NDArray[np.int16]
) -> dict[str, Any]:
    """Return the columns of ``causes.csv`` for the deaths of a block.

    The first cause is the one that the model names; the second and third are the next most probable with a
    probability above 0. Of an undetermined death no cause is given.
    """
    n = len(top)
    names = np.array([*cell.causes, ""], dtype=object)
    deaths = np.arange(n)
    left = probability.copy()
    left[top < 0] = 0
    code = top.astype(np.intp)
    columns: dict[str, Any] = {
        "model": np.full(n, cell.model, dtype=object),
        "site": np.array(cell.deaths.sites, dtype=object)[cell.deaths.site[places]],
        "id": cell.deaths.id[places].astype(object),
    }
    for rank in (1, 2, 3):
        if rank > 1:
            code = np.where(left.max(axis=1) > 0, left.argmax(axis=1), -1)
        columns[f"cause{rank}"] = names[code]
        columns[f"probability{rank}"] = np.where(code >= 0, probability[deaths, code], np.nan)
        left[deaths, code] = 0
    reason = np.full(n, "", dtype=object)
    if (silent := np.flatnonzero(top < 0)).size:
        reason[silent] = cell.reasons(silent + places.start, probability[silent])
    return columns | {"undetermined": reason, "data": np.full(n, cell.deaths.name, dtype=object)}
