"""Write docs/results/nested_loso.md: models chosen inside the training sites, on the real adult and child deaths.

``python -m benchmarks nested_loso [--data FOLDER] [--outputs FOLDER] [--words]`` runs ``experiment=nested_loso`` on
both files and writes the page; ``--runs FOLDER ...`` uses finished runs. If interrupted, run the same command to
continue.
About 18 CPU minutes; with the words of the narratives 36 more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from benchmarks.result_pages import with_commands
from va_experiments.analysis.nested_choice import CRITERIA, OUTER, nested_choice
from va_experiments.metrics.comparison import t_interval
from va_experiments.results import load_results

__all__ = ["main", "page"]

ROOT = Path(__file__).resolve().parents[1]
WORDS = "model=logistic_regression,invariant_regression,blended,quick_blend"

INTRODUCTION = """# Models chosen inside the training sites

Printed by `{command}` on {date}.
For each left-out site, the model (and for cause fractions its estimator) is chosen by its mean score at the other
sites, each predicted by models that saw neither it nor the left-out site; the chosen model is then trained on all
other sites and tested at the left-out site (`va_experiments/analysis/nested_choice.py`). Any run of
`experiment=nested_loso` prints its choices like these, and shows them in its report; `model=chosen` is such a choice
as a model that can be trained and applied. *Optimism* is how much better the best candidate in hindsight looks: the
mean that a page would show if the same sites chose and scored. Means over sites with 95% t intervals.

The candidates themselves were designed by people who knew these files: no page can take that back. `prior` copies the
cause fractions of the training sites, `majority` names their commonest cause for every death. `blended` and
`quick_blend` move their probabilities to the test set's estimated cause mix (they are *transductive*: a death's
probabilities depend on the deaths tested with it); the other candidates predict each death alone."""


def page(cells: pd.DataFrame, *, command: str, date: str) -> str:
    """Return the page from the cells of runs of ``experiment=nested_loso``."""
    parts = [INTRODUCTION.format(command=command, date=date)]
    for (data, features), group in cells.groupby(["data", "features"], sort=False):
        deaths = int(group[group["protocol"] == OUTER].drop_duplicates("test_site")["n_test"].sum())
        parts.append(f"## {data}, features `{features}`: {deaths:,} deaths, {group['n_causes'].max()} causes")
        parts += [_criterion(group, title, metrics) for title, metrics in CRITERIA.items()]
        parts.append(_candidates(group))
    return "\n\n".join(parts) + "\n"


def _criterion(cells: pd.DataFrame, title: str, metrics: tuple[str, ...]) -> str:
    choice = nested_choice(cells, metrics)
    lines = [
        f"### {title}",
        "",
        f"Nested choice {choice.mean:.3f} ({choice.low:.3f}-{choice.high:.3f}); best in hindsight "
        f"{choice.hindsight_mean:.3f} ({choice.hindsight}); optimism {choice.optimism:+.3f}.",
        "",
        "| left-out site | chosen on the others | mean there | score at the site | best at the site | its score |",
        "|---|---|---:|---:|---|---:|",
    ]
    lines += [
        f"| {r.site} | {r.chosen} | {r.inner:.3f} | {r.score:.3f} | {r.best} | {r.best_score:.3f} |"
        for r in choice.by_site.itertuples()
    ]
    return "\n".join(lines)


def _candidates(cells: pd.DataFrame) -> str:
    outer = cells[(cells["protocol"] == OUTER) & (cells["status"] == "done")]
    sites = sorted(outer["test_site"].unique())
    order = outer.groupby("model")["csmf_accuracy_model"].mean().sort_values(ascending=False).index
    lines = [
        "### Candidates, leaving out one site",
        "",
        f"| model | CSMF accuracy, own | top-1 | mean CCC | CSMF accuracy, own, by site: {', '.join(sites)} |",
        "|---|---:|---:|---:|---|",
    ]
    for model in order:
        of_model = outer[outer["model"] == model].set_index("test_site").loc[sites]
        figures = [_interval(of_model[c]) for c in ("csmf_accuracy_model", "top1", "mean_ccc")]
        by_site = " ".join(f"{x:.3f}" for x in of_model["csmf_accuracy_model"])
        lines.append(f"| {model} | {' | '.join(figures)} | {by_site} |")
    return "\n".join(lines)


def _interval(values: pd.Series) -> str:
    mean, low, high = t_interval(values)
    return f"{mean:.3f} ({low:.3f}-{high:.3f})"


def _runs(folder: Path, outputs: Path, *, words: bool) -> list[Path]:
    """Run or continue the experiment on each file, and return the folders of the runs."""
    folders = []
    for module in ("adult", "child"):
        for extra in [[], ["features=hce_words", WORDS]] if words else [[]]:
            command = [sys.executable, "-m", "va_experiments", "experiment=nested_loso", f"data=phmrc_{module}"]
            command += [
                f"data.path={folder / module}.csv.gz",
                "data.durations=true",
                "execution=inline",
                "report=false",
            ]
            command += ["tracking=none", f"paths.outputs={outputs}", *extra, "-m"]
            subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
            folders.append(max(p for p in (outputs / "runs").glob("*/*") if p.is_dir()))
    return folders


def main(arguments: list[str] | None = None) -> int:
    """Run the experiment and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(ROOT.parent / "shared" / "data" / "phmrc"), help="folder of both files")
    parser.add_argument("--outputs", default=str(ROOT / "outputs" / "nested_loso"))
    parser.add_argument("--words", action="store_true", help="also with the words of the narratives")
    parser.add_argument("--runs", nargs="*", help="folders of finished runs to write the page from")
    parser.add_argument("--page", default=str(ROOT / "docs" / "results" / "nested_loso.md"))
    options = parser.parse_args(arguments)
    runs = options.runs or _runs(Path(options.data), Path(options.outputs), words=options.words)
    cells = load_results(*runs, baselines=True)
    cells = cells.drop_duplicates(["data", "features", "model", "protocol", "train_sites", "test_site"])
    command = "python -m benchmarks nested_loso" + (" --words" if options.words else "")
    text = page(cells, command=command, date=datetime.now(tz=UTC).date().isoformat())
    Path(options.page).write_text(with_commands(text, command), encoding="utf-8")
    print(f"written: {options.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
