"""Bring the cells of an MLflow server up to date from the store, and read multiruns back from it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from va_experiments.analysis.run_tables import REPORT_TABLES
from va_experiments.config.schema import TrackingConfig
from va_experiments.errors import InputError, shown
from va_experiments.results.rows import Row
from va_experiments.tracking import CellRun, cell_run, connect, open_writer, outputs_tag, row_of_run
from va_experiments.tracking.connection import answering
from va_experiments.tracking.limits import bounded_pages, fetch_file, list_files

__all__ = ["Index"]

_ORIGINALS = "attributes.status = 'FINISHED' and tags.`va.kind` = 'cell' and tags.reused = 'false'"


class Index:
    """The experiment of one tracking server.

    Parameters
    ----------
    uri : str or None
        Tracking URI; None: the SQLite file under `outputs`.
    experiment : str
    outputs : Path

    Raises
    ------
    InputError
        If the server cannot be reached or refuses the user.
    """

    def __init__(self, uri: str | None, experiment: str, outputs: Path) -> None:
        self._outputs = outputs
        with answering(uri, outputs):
            config = TrackingConfig(uri=uri, experiment=experiment)
            self._client, self._experiment = connect(config, outputs)

    def runs(self, filter_string: str) -> Iterator[Any]:
        """Return all runs that match a filter of MLflow, the oldest first."""
        return bounded_pages(
            lambda token: self._client.search_runs(
                [self._experiment],
                filter_string,
                max_results=1000,
                page_token=token,
                order_by=["attributes.start_time ASC"],
            )
        )

    def known(self) -> dict[str, str]:
        """Return cell key -> run id of the first run that computed it."""
        run_ids: dict[str, str] = {}
        for run in self.runs(_ORIGINALS):
            run_ids.setdefault(run.data.tags.get("cell_key", ""), run.info.run_id)
        return run_ids

    def sync(self, rows: Iterable[tuple[Row, Path]]) -> tuple[int, int]:
        """Log each cell that has no run yet, under one parent run; return how many were added and how many had one.

        Parameters
        ----------
        rows : iterable of (row, folder)
            A cell's row and the folder of its files.
        """
        known, parent, present = set(self.known()), "", 0
        name = f"sync {time.strftime('%Y-%m-%d %H:%M:%S')}"
        writer = open_writer(self._client, self._experiment)
        added, waiting = 0, list[CellRun]()
        for row, folder in rows:
            if row.cell_key in known:
                present += 1
                continue
            known.add(row.cell_key)
            if not parent:
                tags = {"mlflow.runName": name, "va.kind": "sync", "va.outputs": outputs_tag(self._outputs)}
                parent = self._client.create_run(self._experiment, tags=tags).info.run_id
            waiting.append(cell_run(row, folder, parent=parent, multirun=name, outputs=self._outputs))
            if len(waiting) == writer.batch_size:
                writer.write(waiting)
                waiting = []
            added += 1
        if waiting:
            writer.write(waiting)
        writer.close()
        if parent:
            self._client.set_terminated(parent, "FINISHED")
        return added, present

    def multiruns(self) -> list[str]:
        """Return the names of all multiruns, the oldest first."""
        return [r.data.tags["multirun"] for r in self.runs("tags.`va.kind` = 'multirun'") if "multirun" in r.data.tags]

    def tables(self, multirun: str, folder: Path) -> list[Path]:
        """Download the cells, the baselines, the manifest and the report's tables of a multirun, as far as it has them.

        Returns
        -------
        list of Path
            The files, all in `folder` itself.
        """
        parents = [r for r in self.runs("tags.`va.kind` = 'multirun'") if r.data.tags.get("multirun") == multirun]
        if not parents:
            raise InputError(f"MLflow has no multirun {shown(multirun)} in this experiment")
        run, paths = parents[-1], []
        names = ["cells.parquet", "baselines.parquet", "manifest.json"]
        with contextlib.suppress(Exception):  # a multirun may have no report
            files = list_files(self._client, run, "report/tables")
            listed = [Path(path).name for path in files if path.endswith(".parquet")]
            names += [f"report/tables/{name}" for name in listed if Path(name).stem in REPORT_TABLES]
        for name in names:
            try:
                place = folder / Path(name).name
                fetch_file(self._client, run, name, place)
                paths.append(place)
            except Exception:  # an unfinished multirun has none: `children` reads its cells
                continue
        return paths

    def children(self, multirun: str) -> list[Row]:
        """Return the rows of those cells of a multirun whose MLflow runs have ended."""
        where = f"tags.`va.kind` = 'cell' and tags.multirun = '{multirun.replace(chr(39), '')}'"
        return [row_of_run(run) for run in self.runs(where)]
