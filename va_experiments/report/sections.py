"""Arrange the page's sections as plain data: paragraphs, figures, tables and code, top to bottom."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

import pandas as pd

from va_experiments.analysis.comparisons import NOT_COMPARED
from va_experiments.analysis.leaderboard import Leaderboard, full_size
from va_experiments.analysis.majority import with_majority
from va_experiments.analysis.performance import parallel_efficiency
from va_experiments.analysis.recommendation import recommendation
from va_experiments.analysis.run_tables import RunTables, records
from va_experiments.report.answer_text import MOST_ANSWERS, run_answers
from va_experiments.report.assigned_section import assigned_content
from va_experiments.report.bibliography import cited
from va_experiments.report.charts.losses import drops_shown
from va_experiments.report.charts.style import Figure
from va_experiments.report.choice_section import choice_content
from va_experiments.report.data_section import causes_content, data_content
from va_experiments.report.html_tables import (
    board_table,
    calibration_table,
    cost_table,
    differences_table,
    losses_table,
    metrics_tables,
    path_table,
    sets_table,
    slowest_table,
    sources_table,
    warnings_table,
)
from va_experiments.report.label_tables import label_curve_tables
from va_experiments.report.methods import report_methods
from va_experiments.report.strata_files import strata_content

__all__ = ["Section", "page_sections", "without_credentials"]

MOST_FAILURES = 50
MOST_REFUSED = 12
MOST_TRACEBACK = 12_000
NO_FAILURE = "No cell failed."
TITLES = {
    "data": ("The data", "Data"),
    "answer": ("The answer", "Answer"),
    "assigned": ("Causes of deaths without a known cause", "Causes"),
    "leaderboard": ("Leaderboard", "Leaderboard"),
    "choice": ("Choice of the model, inside the training sites", "Choice"),
    "causes": ("Cause by cause", "By cause"),
    "matrix": ("Model by test site", "Matrix"),
    "differences": ("Paired differences", "Differences"),
    "strata": ("Results by stratum", "Strata"),
    "transfer": ("Transfer, and where the loss comes from", "Transfer"),
    "learning": ("Learning curves", "Learning"),
    "calibration": ("Calibration", "Calibration"),
    "csmf": ("Cause-specific mortality fractions", "CSMF"),
    "cost": ("Cost", "Cost"),
    "performance": ("Workers and time", "Workers"),
    "failures": ("Failures and warnings", "Failures"),
    "methods": ("Methods", "Methods"),
    "configuration": ("Configuration and manifest", "Manifest"),
}

FOLDED = ("cost", "performance", "configuration")
"""Sections that start closed: they are for who runs the software, not for who reads its results."""

NEED_SCORES = (
    "answer",
    "causes",
    "leaderboard",
    "choice",
    "matrix",
    "differences",
    "transfer",
    "learning",
    "calibration",
    "csmf",
)
"""Sections that are left out where no true cause is known."""

Paragraphs = list[dict[str, str]]
Items = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of the page: ``paragraphs`` (text and kind), then ``items`` (figure, table or code, by key)."""

    id: str
    title: str
    short: str
    paragraphs: Paragraphs
    items: Items
    folded: bool = False


def page_sections(
    content: RunTables, cells: pd.DataFrame, boards: Sequence[Leaderboard], figures: Sequence[Figure]
) -> list[Section]:
    """Return the sections in the page's order."""
    several = len(boards) > 1
    shown = with_majority(cells, content.causes)
    sections = []
    measured = content.primary_metric in cells and bool(cells[content.primary_metric].notna().any())
    scored = measured or content.fractions is None
    for key, (title, short) in TITLES.items():
        if key in NEED_SCORES and not scored:
            continue
        paragraphs, items = _content_of(key, content, cells, shown, boards, scored=scored)
        figure_items: Items = []
        for figure in figures:
            if figure.section == key:
                # With one setting, the section's heading says it all.
                heading = figure.setting if several and figure.setting else figure.title
                figure_items.append({"figure": figure, "heading": "" if heading == title else heading})
        if key == "transfer" and items:
            last = max((i for i, item in enumerate(figure_items) if item["figure"].key.startswith("drops")), default=-1)
            figure_items, items = [*figure_items[: last + 1], *items, *figure_items[last + 1 :]], []
        if key == "leaderboard":
            figure_items, items = _interleaved(figure_items, items), []
        if paragraphs or items or figure_items:
            folded = key in FOLDED or _empty(key, paragraphs, figure_items + items)
            sections.append(Section(key, title, short, paragraphs, figure_items + items, folded))
    return sections


def _empty(key: str, paragraphs: Paragraphs, items: Items) -> bool:
    """Return whether a section only says that there is nothing to show."""
    if key == "failures":
        return len(paragraphs) == 1 and paragraphs[0]["text"] == NO_FAILURE and all("figure" in i for i in items)
    return not paragraphs and all("figure" in i and i["figure"].chart is None for i in items)


def _content_of(
    key: str,
    content: RunTables,
    cells: pd.DataFrame,
    shown: pd.DataFrame,
    boards: Sequence[Leaderboard],
    *,
    scored: bool = True,
) -> tuple[Paragraphs, Items]:
    if key == "answer":
        return _answers(content, shown, boards), []
    if key == "data":
        return data_content(content, cells, full_size(boards)[0] if scored else None)
    if key == "causes":
        return causes_content(content, cells, full_size(boards))
    if key == "assigned":
        return assigned_content(content)
    if key == "choice":
        return choice_content(cells)
    if key == "strata":
        return strata_content(content)
    if key == "leaderboard":
        first, common = boards[0].setting, boards[0].setting.common
        lead = f"{first.title[:1].upper()}{first.title[1:]}." if len(boards) == 1 else common and f"All here: {common}."
        command = content.manifest.get("command")
        lead += f" Printed by: {shlex.join(map(str, command))}" if command else ""
        sets = _there(*(sets_table(b, cells, title=len(boards) > 1) for b in boards))
        return _text(lead), [
            *_board_tables(boards, shown, content),
            *sets,
            *metrics_tables(content, shown, boards),
        ]
    if key == "differences":
        tables = _there(*(differences_table(b, content.comparisons) for b in full_size(boards)[:6]))
        return _text(_refused(content.comparisons)), tables
    if key == "transfer":
        full = full_size(boards)
        split = next((b for b in full if len(drops_shown(b, content.drops))), full[0])
        return [], _there(losses_table(split, content.drops))
    if key == "learning":
        return [], label_curve_tables(cells)
    if key == "calibration":
        return [], _there(*(calibration_table(b, cells) for b in full_size(boards)[:1]))
    if key == "cost":
        return [], _there(cost_table(cells))
    if key == "performance":
        return _text(parallel_efficiency(cells).sentence), _there(slowest_table(cells), path_table(cells))
    if key == "failures":
        return _failures(content, cells)
    if key == "methods":
        texts = [*content.methods, *(report_methods(content, cells, boards) if scored else ())]
        return _text(*texts), _there(sources_table(cited(texts)))
    if key == "configuration":
        return [], _configuration(content)
    return [], []


def _refused(comparisons: pd.DataFrame | None) -> str:
    """Return a sentence on the pairs that were not compared, empty where there are none."""
    if comparisons is None or "method" not in comparisons:
        return ""
    refused = comparisons[comparisons["method"].astype(str).str.startswith(NOT_COMPARED)]
    pairs = sorted({f"{r['model_a']} and {r['model_b']}" for r in records(refused)})
    more = f" and {len(pairs) - MOST_REFUSED} more" if len(pairs) > MOST_REFUSED else ""
    named = f"{', '.join(pairs[:MOST_REFUSED])}{more}"
    why = "the hashes of their splits or of their test sets differ: they were not tested on identical test sets"
    return f"Not compared: {named}; {why}." if pairs else ""


def _board_tables(boards: Sequence[Leaderboard], shown: pd.DataFrame, content: RunTables) -> Items:
    return [board_table(b, shown, content, b.setting.heading if len(boards) > 1 else "") for b in boards]


def _interleaved(figures: Items, tables: Items) -> Items:
    """Return every leaderboard's figure with its table under it; tables without a figure follow, closed."""
    items: Items = []
    left = list(tables)
    for figure in figures:
        items.append(figure)
        if left and left[0]["table"]["title"] in ("", figure["figure"].setting):
            table = left.pop(0)
            items.append({"table": table["table"] | {"title": ""}})
    return items + [{"table": t["table"] | {"closed": True}} for t in left]


def _answers(content: RunTables, shown: pd.DataFrame, boards: Sequence[Leaderboard]) -> Paragraphs:
    full = full_size(boards)
    answers = run_answers(content, shown, boards)
    paragraphs = [{"text": a.sentence, "kind": a.verdict} for answers_of_board in answers for a in answers_of_board]
    advice = recommendation(answers[0], full[0]) if answers else ""
    paragraphs += [{"text": advice, "kind": "advice"}] if advice else []
    if len(full) > MOST_ANSWERS:
        paragraphs += _text(f"The leaderboard below shows {len(full) - MOST_ANSWERS} more.")
    return paragraphs


def _failures(content: RunTables, cells: pd.DataFrame) -> tuple[Paragraphs, Items]:
    failed = cells[cells["status"] == "failed"]
    done = cells[cells["status"] == "done"]
    stuck = sum(c is False for c in done["converged"])
    warned = done[done["warning"] != ""]
    texts = [NO_FAILURE]
    if len(failed):
        texts = [f"{len(failed)} of {len(cells)} cells failed. A failed cell is left out, never counted as zero."]
    if stuck:
        texts.append(f"{stuck} cells did not converge by their model's own criterion.")
    items: Items = []
    for row in records(failed.head(MOST_FAILURES)):
        title = f"{row['label']} at {row['test_site']}: {row['error_class']}: {str(row['error_message'])[:300]}"
        trace = str(row["error_traceback"])
        shown = trace if len(trace) <= MOST_TRACEBACK else "...\n" + trace[-MOST_TRACEBACK:]
        items.append({"code": {"title": title, "text": without_credentials(shown) or "no traceback was recorded"}})
    if len(failed) > MOST_FAILURES:
        texts.append(f"The first {MOST_FAILURES} are shown; tables/failures.csv has all.")
    texts += [f"Left out: {text}." for text in content.left_out]
    if len(warned):
        items.append(warnings_table(warned))
    return _text(*texts), items


def _configuration(content: RunTables) -> Items:
    items: Items = []
    if content.config:
        items.append({"code": {"title": "Configuration (YAML)", "text": without_credentials(content.config)}})
    if content.manifest:
        text = json.dumps(content.manifest, indent=2, default=str, ensure_ascii=False)
        items.append({"code": {"title": "Manifest", "text": without_credentials(text)}})
    return items


def without_credentials(text: str) -> str:
    """Return `text` without user names and passwords in URLs and values of keys that name a secret."""
    text = re.sub(r"(\w+://)[^/\s:@'\"]*:[^/\s@'\"]*@", r"\1***@", text)
    keys = r"[\w.-]*(?:password|token|secret|api_key)"
    return re.sub(rf"(?im)^(\s*['\"]?{keys}['\"]?\s*:\s*)(?!null\b|''|\"\")(\S.*?)(,?)$", r"\1***\3", text)


def _text(*texts: str) -> Paragraphs:
    return [{"text": t, "kind": ""} for t in texts if t]


def _there(*tables: dict[str, Any] | None) -> Items:
    return [t for t in tables if t is not None]
