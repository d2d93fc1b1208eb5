"""Render the report as one self-contained HTML page: no network, no storage, readable without scripts and in print."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib import resources

import pandas as pd

from va_experiments import __version__
from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.analysis.run_tables import RunTables
from va_experiments.report.charts.style import Figure, specification
from va_experiments.report.script_bundle import script_bundle
from va_experiments.report.sections import page_sections
from va_experiments.report.terminal import counts_line
from va_experiments.results.counts import CellCounts

__all__ = ["page"]


def page(
    content: RunTables,
    cells: pd.DataFrame,
    boards: Sequence[Leaderboard],
    figures: Sequence[Figure],
    svgs: Mapping[str, str],
) -> str:
    """Return the page.

    Every figure is there twice: as a static image, which shows at once and in print, and as a specification that Vega
    (inlined once) turns into the interactive figure that takes its place. Text is escaped by Jinja; the static figures
    are images, in which no script runs.

    Parameters
    ----------
    svgs : mapping of str to str
        The static form of each drawn figure, by key.
    """
    import jinja2
    from jinja2.utils import htmlsafe_json_dumps
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    sections = page_sections(content, cells, boards, figures)
    for section in sections:
        for item in section.items:
            if "figure" in item:
                svg = svgs.get(item["figure"].key)
                item["image"] = (
                    "" if svg is None else "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
                )
    drawn = {f.key: specification(f.chart) for f in figures if f.chart is not None}
    simulated = ""
    if cells["simulated"].any():
        share = "Every death here was" if cells["simulated"].all() else "Some of the deaths here were"
        simulated = (
            f"{share} simulated. These numbers only show that the software runs; they say nothing about real deaths."
        )
    counts = CellCounts.from_manifest(content.manifest)
    runs = sorted({str(r) for r in cells["run_id"] if r})
    facts = [f"run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs"] if runs else []
    return environment.get_template("report.html.j2").render(
        title=content.title,
        counts=counts.sentence if counts else counts_line(cells),
        facts=facts,
        simulated=simulated,
        sections=sections,
        specifications=htmlsafe_json_dumps(drawn),
        css=Markup(_template("report.css")),
        vega=Markup(script_bundle()) if drawn else "",
        script=Markup(_template("report.js")),
        version=__version__,
    )


def _template(name: str) -> str:
    return resources.files("va_experiments.report").joinpath("templates", name).read_text(encoding="utf-8")
