"""Write docs/results/few_labels.md: what labelled deaths of the new site are worth, on the real adult deaths.

``python -m benchmarks few_labels [--data FOLDER] [--outputs FOLDER]`` runs ``experiment=few_labels`` and its variants
and writes the page; ``--runs FOLDER ...`` uses finished runs. If interrupted, run the same command to continue. About
25 CPU minutes.
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
from va_experiments.analysis.label_curves import label_curves
from va_experiments.analysis.run_tables import RunTables, checked_cells
from va_experiments.formatting import format_number
from va_experiments.results import load_results

__all__ = ["main", "page"]

ROOT = Path(__file__).resolve().parents[1]
LABELS = "protocol.target_labels"
BOTH = f"{LABELS}.mix=random,dirichlet"
VARIANTS = (
    ["model=nbc,logistic_regression", f"{LABELS}.copies=0", BOTH, "baselines=[prior]"],
    [
        *("model=nbc,logistic_regression", f"{LABELS}.copies=0", BOTH, f"{LABELS}.replicates=1"),
        *("csmf=gbql", "calibration.level=group,cause", "baselines=[]"),
    ],
    ["model=nbc,logistic_regression", f"{LABELS}.copies=5", BOTH, f"{LABELS}.replicates=1", "baselines=[]"],
    [
        *("model=stacking", "model.members=[logistic_regression,nbc]", "model.member_parameters=null"),
        *("model.balanced=false", f"{LABELS}.n=[100]", f"{LABELS}.copies=5", f"{LABELS}.mix=random"),
        *(f"{LABELS}.replicates=1", "baselines=[]"),
    ],
    ["model=quick_blend", "data.durations=true", f"{LABELS}.copies=0", BOTH, "baselines=[]"],
    ["model=quick_blend", "data.durations=true", f"{LABELS}.copies=5", BOTH, f"{LABELS}.replicates=1", "baselines=[]"],
)
"""Overrides of each run: the models without the labels; with GBQL; trained on the labels; an ensemble's weights; a
blend without the labels and trained on them."""

TITLES = {"random": "A random sample", "dirichlet": "A biased sample: labelled deaths with a Dirichlet(1) mix"}


def page(runs: list[pd.DataFrame], *, date: str) -> str:
    """Return the page from the cells of the runs."""
    curves = pd.concat([label_curves(checked_cells(RunTables(title="", cells=cells))) for cells in runs])
    curves = curves.drop_duplicates(["mix", "estimate", "n"])
    parts = [
        "# A few labelled deaths at the new site",
        f"Printed by `python -m benchmarks few_labels` on {date}: PHMRC adults, each site from the other five, "
        "by [`protocol.target_labels`](../how-to/few-labels.md). In each sample n deaths of the site are "
        "labelled and leave the test set; the fractions of the others are estimated. Means of CSMF accuracy "
        "over the six sites of the means over samples (three; one for GBQL and for models trained on the "
        "labelled deaths); at Pemba, which has 297 deaths, n = 200 leaves 97. *gbql* learns a model's errors "
        "between the 34 causes, or between their groups, from the labelled deaths (Fiksel et al. 2022). "
        "*Labelled deaths 5 times in training*: the model is fitted again with each labelled death counted five "
        "times. `stacking` is the "
        "ensemble of the two models with weights that the labelled deaths take part in. `quick_blend` reads durations "
        "too (`data.durations=true`).",
    ]
    for mix, title in TITLES.items():
        of_mix = curves[curves["mix"] == mix]
        numbers = sorted(set(of_mix["n"]))
        lines = [f"## {title}", ""]
        lines.append(f"| estimate | {' | '.join(f'n = {n}' for n in numbers)} | top-1, n = {numbers[-1]} |")
        lines.append("|---|" + "---:|" * (len(numbers) + 1))
        order = of_mix.groupby("estimate")["mean"].max().sort_values(ascending=False).index
        for estimate in order:
            points = of_mix[of_mix["estimate"] == estimate].set_index("n")
            cells = [format_number(points["mean"].get(n, float("nan"))) or "" for n in numbers]
            name = f"*{estimate}*" if points["baseline"].iloc[0] else estimate
            top1 = format_number(points["top1"].get(numbers[-1], float("nan"))) or ""
            lines.append(f"| {name} | {' | '.join(cells)} | {top1} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _run(folder: Path, outputs: Path) -> list[Path]:
    folders = []
    for variant in VARIANTS:
        command = [sys.executable, "-m", "va_experiments", "experiment=few_labels", "data=phmrc_adult"]
        command += [f"data.path={folder / 'adult.csv.gz'}", "execution=inline", "report=false", "tracking=none"]
        command += [f"paths.outputs={outputs}", *variant, "-m"]
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        folders.append(max(p for p in (outputs / "runs").glob("*/*") if p.is_dir()))
    return folders


def main(arguments: list[str] | None = None) -> int:
    """Run the experiment and write the page; what it says is written below the tables by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(ROOT.parent / "shared" / "data" / "phmrc"), help="folder of the file")
    parser.add_argument("--outputs", default=str(ROOT / "outputs" / "few_labels"))
    parser.add_argument("--runs", nargs="*", help="folders of finished runs to write the page from")
    parser.add_argument("--page", default=str(ROOT / "docs" / "results" / "few_labels.md"))
    options = parser.parse_args(arguments)
    runs = [Path(run) for run in options.runs] if options.runs else _run(Path(options.data), Path(options.outputs))
    text = page([load_results(run, baselines=True) for run in runs], date=datetime.now(tz=UTC).date().isoformat())
    path = Path(options.page)
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    remarks = before[before.index("## What it says") :] if "## What it says" in before else ""
    text = with_commands(text + (f"\n{remarks}" if remarks else ""), "python -m benchmarks few_labels")
    path.write_text(text, encoding="utf-8")
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
