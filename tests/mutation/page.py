"""Write the page of surviving mutants: how many there are of each module, and each survivor with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from tests.mutation.survivors import Counts, Mutant

__all__ = ["PAGE", "explained", "render", "rows_of"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "mutants.md"
REASONS = Path(__file__).with_name("reasons.yaml")

HEAD = """# Mutants that survive

Written by `make mutate`. [mutmut](https://mutmut.readthedocs.io) changes the code of `cell/`, `plan.py`, `metrics/` and
`results/` in small ways, one at a time (a *mutant*), and runs the tests that reach the changed function. A mutant is
killed if a test fails. A mutant that survives is either the same program in other words, or a gap in the tests; the
reason stands beside it. The reasons are kept in `tests/mutation/reasons.yaml`. Modules without a row were not tried.
A run can be limited or interrupted: *not tried* counts the mutants of a module that it did not reach.

The last column is the day on which mutants of the module were last tried; the code and its tests may have changed
since. A mutant is tried with the tests that `[tool.mutmut]` of `pyproject.toml` names, the quick ones first, as many as
take about four seconds. Many modules of `metrics/` and `results/` were tried with the quick tests of their own folder
alone, and without the simulations of error rates: other tests may kill some of the mutants that survive here.

"""


def explained(mutants: Sequence[Mutant]) -> list[tuple[Mutant, str]]:
    """Pair each mutant with the reason of the first rule that fits it; empty text where none does."""
    rules = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    return [(mutant, next((rule["reason"] for rule in rules if _fits(rule, mutant)), "")) for mutant in mutants]


def _fits(rule: Mapping[str, str], mutant: Mutant) -> bool:
    """Return whether a mutant has all that a rule asks for.

    ``module``, ``function``, ``before`` and ``after`` are found in the mutant's fields; ``old`` and ``new`` are the
    whole of what was changed.
    """
    old, new = changed_words(mutant.before, mutant.after)
    texts = {"module": mutant.module, "function": mutant.function, "before": mutant.before, "after": mutant.after}
    return all(
        re.fullmatch(rule[key], old if key == "old" else new)
        if key in ("old", "new")
        else re.search(rule[key], texts[key])
        for key in rule
        if key != "reason"
    )


def changed_words(before: str, after: str) -> tuple[str, str]:
    """Return the part in which two texts differ, in whole words."""
    start, end, least = 0, 0, min(len(before), len(after))
    while start < least and before[start] == after[start]:
        start += 1
    while end < least - start and before[-1 - end] == after[-1 - end]:
        end += 1
    while start and re.match(r"\w\w", before[start - 1 : start + 1] or after[start - 1 : start + 1]):
        start -= 1
    while end and re.match(r"\w\w", (before[len(before) - end - 1 :] or "  ")[:2]):
        end -= 1
    return before[start : len(before) - end], after[start : len(after) - end]


def rows_of(page: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the rows of a page that was written before: the counts and the survivors of each module."""
    modules: dict[str, str] = {}
    mutants: dict[str, list[str]] = {}
    for line in page.splitlines():
        if match := re.match(r"\| `([\w.]+)` \| \d+ \|", line):
            modules[match[1]] = line
        elif match := re.match(r"\| `([\w.]+)` \| `", line):
            mutants.setdefault(match[1], []).append(line)
    return modules, mutants


def render(
    old_modules: Mapping[str, str],
    old_mutants: Mapping[str, Sequence[str]],
    tried: Sequence[Counts],
    survivors: Sequence[tuple[Mutant, str]],
) -> str:
    """Return the page: rows of the modules that were tried, and old rows of the others."""
    modules = dict(old_modules)
    for c in tried:
        modules[c.module] = f"| `{c.module}` | {c.all} | {c.killed} | {c.survived} | {c.not_tried} | {c.date} |"
    rows = {module: list(lines) for module, lines in old_mutants.items() if module not in {c.module for c in tried}}
    for mutant, reason in survivors:
        cells = (f"`{mutant.function}`", _code(mutant.before), _code(mutant.after), reason or "not explained")
        rows.setdefault(mutant.module, []).append(f"| `{mutant.module}` | {' | '.join(cells)} |")
    lines = ["| module | tried | killed | survive | not tried | day |", "|---|---:|---:|---:|---:|---|"]
    lines += [modules[m] for m in sorted(modules)]
    lines += ["", "## Survivors", "", "| module | function | before | after | reason |", "|---|---|---|---|---|"]
    lines += [line for module in sorted(rows) for line in rows[module]]
    return HEAD + "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """Return text as code in a cell of a table."""
    text = text.replace("|", "\\|").strip() or " "
    return f"`` {text} ``" if "`" in text else f"`{text}`"
