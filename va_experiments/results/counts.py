"""Count the cells and fits of a run, and say the counts in one sentence, which is the same everywhere.

The terminal, ``va-experiments status``, the report, Prefect, MLflow and the manifest all have it from `CellCounts`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CellCounts"]


@dataclasses.dataclass(frozen=True)
class CellCounts:
    """How many cells and fits a run has.

    Parameters
    ----------
    cells : int
        Cells that the jobs request, each once.
    done : int
        Of them, computed in this run.
    reused : int
        Of them, taken from the store.
    failed : int
        Of them, computed without a result.
    baselines : int
        Cells of baselines on the same splits that no job requests, computed or reused.
    fits : int or None
        Fits that ran, those of baselines too; None where it is not known.
    """

    cells: int = 0
    done: int = 0
    reused: int = 0
    failed: int = 0
    baselines: int = 0
    fits: int | None = None

    @property
    def missing(self) -> int:
        """Requested cells that are neither computed nor reused."""
        return max(self.cells - self.done - self.reused - self.failed, 0)

    @property
    def of_cells(self) -> str:
        """Say what became of the requested cells so far."""
        return f"{self.done} done, {self.reused} reused, {self.failed} failed of {self.cells} cells"

    @property
    def sentence(self) -> str:
        """Say all counts of a run that has ended."""
        parts = [self.of_cells + (f" ({self.missing} not computed)" if self.missing else "")]
        parts += [f"{self.baselines} baseline cells beside them"] if self.baselines else []
        parts += [] if self.fits is None else [f"{self.fits} {'fit' if self.fits == 1 else 'fits'}"]
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts by name, with those that follow and the sentence."""
        return {**dataclasses.asdict(self), "missing": self.missing, "sentence": self.sentence}

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> CellCounts | None:
        """Return the counts of the run that a manifest is of; None where it has none."""
        counts = manifest.get("counts")
        if not isinstance(counts, Mapping):
            return None
        return cls(**{f.name: counts.get(f.name, f.default) for f in dataclasses.fields(cls)})

    @classmethod
    def of_rows(cls, rows: pd.DataFrame, trivial: frozenset[str]) -> CellCounts:
        """Count rows of one or more runs; those of the models `trivial` are baselines if there are others.

        Parameters
        ----------
        rows : DataFrame
            With the columns ``model``, ``status`` and ``reused``.
        trivial : frozenset of str
            Names of models.
        """
        beside = rows["model"].isin(trivial)
        requested = rows if beside.all() else rows[~beside]
        done, reused = requested["status"] == "done", requested["reused"].astype(bool)
        return cls(
            cells=len(requested),
            done=int((done & ~reused).sum()),
            reused=int((done & reused).sum()),
            failed=int((requested["status"] == "failed").sum()),
            baselines=len(rows) - len(requested),
        )
