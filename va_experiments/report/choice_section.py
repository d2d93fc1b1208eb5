"""Show which model would be chosen inside the training sites, and how optimistic a choice with all sites in view is."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd

from va_experiments.analysis.nested_choice import NestedChoice, run_choices
from va_experiments.report.html_tables import html_table

__all__ = ["choice_content", "choice_lines"]

_MEANING = (
    "For each left-out site the model with the best mean at the other sites, each predicted without it and without the "
    "left-out site, is scored at the left-out site. Optimism is how much better the best candidate in hindsight looks."
)


def choice_content(cells: pd.DataFrame) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Return the paragraphs and tables of the page's section; nothing for a run without both protocols."""
    paragraphs, tables = [], []
    for choice in run_choices(cells):
        title = f"{choice.criterion} ({choice.setting})"
        if choice.result is None:
            paragraphs.append({"text": f"{title}: no nested choice: {choice.reason}.", "kind": ""})
            continue
        rows = [
            ("", [r.site, r.chosen, f"{r.inner:.3f}", f"{r.score:.3f}", r.best, f"{r.best_score:.3f}"])
            for r in choice.result.by_site.itertuples()
        ]
        columns = [("Left-out site", False), ("Chosen on the others", False), ("Mean there", True)]
        columns += [("Score at the site", True), ("Best at the site", False), ("Its score", True)]
        paragraphs.append({"text": f"{title}: {_sentence(choice.result)}.", "kind": ""})
        tables.append(html_table(title, columns, rows))
    if tables:
        paragraphs.append({"text": _MEANING, "kind": ""})
    return paragraphs, tables


def choice_lines(cells: pd.DataFrame, width: int) -> list[str]:
    """Return the nested choices as lines for a terminal of `width` characters; an empty list where there are none."""
    lines: list[str] = []
    for choice in run_choices(cells):
        what = f"no nested choice: {choice.reason}" if choice.result is None else _sentence(choice.result)
        text = f"nested choice, {choice.criterion} ({choice.setting}): {what}"
        lines += textwrap.wrap(text, max(width, 40), subsequent_indent="  ")
    return lines


def _sentence(choice: NestedChoice) -> str:
    counts = choice.by_site["chosen"].value_counts(sort=True)
    chosen = ", ".join(f"{name} at {n} of {len(choice.by_site)} sites" for name, n in counts.items())
    return (
        f"{choice.mean:.3f} ({choice.low:.3f} to {choice.high:.3f}), by {chosen}; best in hindsight "
        f"{choice.hindsight_mean:.3f} ({choice.hindsight}); optimism {choice.optimism:+.3f}"
    )
