"""Write what a run leaves for readers: the report, and the earlier script's table where it is wanted."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from va_experiments.checkpoints import Store
from va_experiments.config.schema import RunConfig
from va_experiments.data.deaths import Deaths

if TYPE_CHECKING:
    from va_experiments.report.assigned_files import AssignedTables

__all__ = ["write_run_report"]

log = logging.getLogger(__name__)

FIGURES = ("svg",)
"""Forms of the figures' files that a run writes: those that the page shows. ``va-experiments report`` writes all."""


def write_run_report(
    config: RunConfig,
    folder: Path,
    manifest: Mapping[str, Any],
    rows: pd.DataFrame,
    store: Store,
    deaths: Mapping[str, Deaths],
) -> list[Path]:
    """Write the files and return their paths; a report that cannot be built is logged and left out.

    Parameters
    ----------
    config : RunConfig
    folder : Path
        Of the run.
    manifest : mapping
    rows : DataFrame
        Cells and baselines.
    store : Store
        Has the cells.
    deaths : mapping of fingerprint to Deaths
    """
    from va_experiments.report.assigned_files import write_assigned
    from va_experiments.report.cause_map_file import write_cause_maps
    from va_experiments.report.excluded_files import write_excluded
    from va_experiments.report.strata_files import write_strata

    assigned = write_assigned(rows, folder, store, deaths, allowed=tuple(config.allowed_targets), strata=config.strata)
    files = [*assigned.files, *write_cause_maps(rows, folder, store, deaths)]
    paths, strata = write_strata(rows, folder, store, deaths, config.strata)
    files += paths
    excluded = write_excluded(rows, folder, store, deaths)
    if any(d.excluded for d in deaths.values()):
        files.append(excluded.path)
    # nothing to report where the run was stopped before its first cell
    if config.report and len(rows) and (rows["status"] != "missing").any():
        files += _report(config, folder, manifest, rows, store, deaths, assigned, excluded.counts, strata)
    if config.legacy_table:
        from va_experiments.report.legacy_table import write_va34_table

        files.append(write_va34_table(rows, folder))
    return files


def _report(
    config: RunConfig,
    folder: Path,
    manifest: Mapping[str, Any],
    rows: pd.DataFrame,
    store: Store,
    deaths: Mapping[str, Deaths],
    assigned: AssignedTables,
    exclusions: pd.DataFrame,
    strata: pd.DataFrame | None,
) -> list[Path]:
    from threadpoolctl import threadpool_limits

    from va_experiments.analysis.transfer_loss import Losses, losses_of
    from va_experiments.report.attempts import attempt
    from va_experiments.report.build import build_report
    from va_experiments.report.inputs import report_content

    try:
        cache = Path(config.paths.outputs) / "cache"
        with threadpool_limits(1):  # matrices of this size cost more on several threads than they save
            left_out: list[str] = []
            losses = attempt(
                "Parts of the loss",
                lambda: losses_of(rows, store, deaths, cache / "losses", allowed=tuple(config.allowed_targets)),
                left_out,
                Losses(None, None, {}),
            )
            content = report_content(
                rows,
                [dict(manifest)],
                store=store,
                losses=losses,
                assigned=assigned,
                exclusions=exclusions,
                strata=strata,
                left_out=left_out,
            )
            paths = build_report(content, folder / "report", figure_formats=FIGURES)
    except Exception as error:  # results are safe already; a report can be rebuilt
        log.exception("the report could not be built: %s", error)
        return []
    page = folder / "report.html"
    shutil.copyfile(paths.html, page)
    return [page]
