"""Write what a run leaves for readers: the report, and the earlier script's table where it is wanted."""

from __future__ import annotations

import gc
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from va_experiments.checkpoints import Store
from va_experiments.config.schema import RunConfig
from va_experiments.data.deaths import Deaths
from va_experiments.results.table_files import write_whole

if TYPE_CHECKING:
    from va_experiments.report.assigned_files import AssignedTables
    from va_experiments.report.build import ReportPaths

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
) -> tuple[list[Path], list[str]]:
    """Write the files; return their paths and the answer in sentences. A report that cannot be built is left out.

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
    from va_experiments.report.answer_text import answer_lines
    from va_experiments.report.assigned_files import AssignedTables, write_assigned
    from va_experiments.report.attempts import attempt
    from va_experiments.report.cause_map_file import write_cause_maps
    from va_experiments.report.excluded_files import write_excluded
    from va_experiments.report.strata_files import write_strata

    left_out: list[str] = []
    assigned = attempt(
        "Files of the assigned causes",
        lambda: write_assigned(
            rows, folder, store, deaths, allowed=tuple(config.allowed_targets), strata=config.strata
        ),
        left_out,
        AssignedTables(),
    )
    maps: list[Path] = []
    maps = attempt("Cause maps", lambda: [*write_cause_maps(rows, folder, store, deaths, manifest)], left_out, maps)
    no_strata: tuple[list[Path], pd.DataFrame | None] = ([], None)
    paths, strata = attempt(
        "Metrics by stratum", lambda: write_strata(rows, folder, store, deaths, config.strata), left_out, no_strata
    )
    excluded = attempt("excluded.csv", lambda: write_excluded(rows, folder, store, deaths), left_out, None)
    files = [*assigned.files, *maps, *paths]
    if excluded is not None and any(d.excluded for d in deaths.values()):
        files.append(excluded.path)
    # nothing to report where the run was stopped before its first cell
    if config.report and len(rows) and (rows["status"] != "missing").any():
        exclusions = None if excluded is None else excluded.counts
        paths, answer = _report(config, folder, manifest, rows, store, deaths, assigned, exclusions, strata, left_out)
        files += paths
    else:
        allowed = config.allow_incomplete
        answer = attempt(
            "The answer", lambda: answer_lines(rows, config.objective, store, allow_incomplete=allowed), left_out, []
        )
        for sentence in left_out:
            log.warning("%s", sentence)
    if config.legacy_table:
        from va_experiments.report.legacy_table import write_legacy_table

        files.append(write_legacy_table(rows, folder))
    return files, answer


def _report(
    config: RunConfig,
    folder: Path,
    manifest: Mapping[str, Any],
    rows: pd.DataFrame,
    store: Store,
    deaths: Mapping[str, Deaths],
    assigned: AssignedTables,
    exclusions: pd.DataFrame | None,
    strata: pd.DataFrame | None,
    left_out: list[str],
) -> tuple[list[Path], list[str]]:
    """Build the report; where memory does not suffice for all of it, one of tables that says so."""
    from threadpoolctl import threadpool_limits

    from va_experiments.analysis.transfer_loss import Losses, losses_of
    from va_experiments.report.attempts import attempt, is_limit, why
    from va_experiments.report.build import build_report
    from va_experiments.report.inputs import report_content

    cache = Path(config.paths.outputs) / "cache"
    nothing = Losses(None, None, {})

    def built(*, whole: bool) -> ReportPaths:
        losses = nothing
        if whole:
            losses = attempt(
                "Parts of the loss",
                lambda: losses_of(rows, store, deaths, cache / "losses", allowed=tuple(config.allowed_targets)),
                left_out,
                nothing,
            )
        content = report_content(
            rows,
            [dict(manifest)],
            store=store if whole else None,
            losses=losses,
            assigned=assigned,
            exclusions=exclusions,
            strata=strata,
            left_out=left_out,
        )
        return build_report(content, folder / "report", figure_formats=FIGURES, figures=whole)

    try:
        with threadpool_limits(1):  # matrices of this size cost more on several threads than they save
            try:
                paths = built(whole=True)
            except Exception as error:
                if not is_limit(error):
                    raise
                left_out.append(why("Figures, losses and tables by cause", error))
            else:
                return _copied(paths, folder)
            gc.collect()
            return _copied(built(whole=False), folder)
    except Exception as error:  # results are safe already; a report can be rebuilt
        log.exception("the report could not be built: %s", str(error) or type(error).__name__)
        return [], []


def _copied(paths: ReportPaths, folder: Path) -> tuple[list[Path], list[str]]:
    page = folder / "report.html"
    write_whole(page, lambda p: shutil.copyfile(paths.html, p))  # whole, and never through a link that lies there
    return [page], list(paths.answers)
