"""Write docs/results/leave_one_site_out.md from runs of ``experiment=loso`` and ``experiment=loso_dirichlet``.

``python -m benchmarks.results [--data FILE] [--outputs FOLDER] [--resamples N]`` runs both on the PHMRC adult deaths
and writes the page; ``--runs FOLDER ...`` uses existing runs. If interrupted, run the same command to continue. About
25 CPU minutes with 100 resamples, most of them for InSilicoVA and tuning.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from benchmarks.result_pages import with_commands
from va_experiments.analysis.comparisons import paired_comparisons
from va_experiments.metrics.comparison import t_interval
from va_experiments.results import load_results

__all__ = ["main", "page"]

ROOT = Path(__file__).resolve().parents[1]
TRIVIAL = ("prior", "uniform", "majority")
TRANSDUCTIVE = ("insilico", "lcva", "stacking")
"""Models whose prediction for one death depends on the others."""
NATURAL = ("csmf_accuracy_model", "csmf_accuracy_mean", "csmf_accuracy_top", "top1", "top3", "mean_ccc")
DIRICHLET = ("csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model", "top1", "mean_ccc")
SHORT = {
    "csmf_accuracy_model": "CSMF accuracy, own",
    "csmf_accuracy_mean": "CSMF accuracy, mean probability",
    "csmf_accuracy_top": "CSMF accuracy, top causes",
    "top1": "top-1",
    "top3": "top-3",
    "mean_ccc": "mean CCC",
}
MODELS = ("prior", "uniform", "majority", "nbc", "interva", "tariff", "tariff2", "logistic_regression", "random_forest",
          "extra_trees", "xgboost", "lightgbm", "voting", "calibrated", "tuned", "stacking")  # fmt: skip
"""Models that predict once, for all test sets; InSilicoVA predicts each test set."""


def page(cells: pd.DataFrame, *, command: str, date: str) -> str:
    """Write the page from a table of cells, natural and Dirichlet."""
    done = cells[cells["status"] == "done"].drop_duplicates(["model", "testset", "test_site"])
    natural, flat = (done[done["testset"] == name] for name in ("natural", "dirichlet"))
    sites = sorted(natural["test_site"].unique())
    deaths = int(natural.drop_duplicates("test_site")["n_test"].sum())
    lines = [
        "# Leave one site out, real adult deaths",
        "",
        f"Printed by `{command}` on {date}: {deaths:,} PHMRC adult deaths, 34 causes, 168 symptoms (a1_01 block, no "
        f"words), age and durations as numbers where a model takes them; {len(sites)} sites, each predicted from the "
        "others. Figures are means over sites with 95% t intervals over sites: what to expect at another site like "
        "these. `prior` copies the training cause fractions and `uniform` gives every cause the same fraction: a model "
        "below `prior` has learned nothing from the symptoms that helps its cause fractions. Undetermined deaths count "
        "as a separate class, and as wrong. 'Own' is the CSMF by the model's own estimator: its mean probability, "
        "but the shares of its named causes for `tariff` and `tariff2`, its rule for `interva`, the posterior mean for "
        "`insilico`, the learned blend for `stacking`, whose recipe was chosen with these six sites in view "
        "([ensembles](ensembles.md)). Models marked † are transductive: they use all test deaths together, so that a "
        "death's causes depend on the deaths tested with it. [Floors](floors.md) has the commonest cause as floor of "
        "top-1, the children, and what the health-care-experience block is worth.",
        "",
        "## Test deaths as they are",
        "",
        *_table(natural, NATURAL),
        "",
        _ceilings(natural),
        "",
        "### By site: CSMF accuracy by the model's own estimator (95% bootstrap over deaths), and top-1",
        "",
        *_by_site(natural, sites),
        "",
        "### Paired differences over sites",
        "",
        *_families(natural, ("prior", "stacking")),
        "",
        "## Test sets with random cause mixes (Dirichlet(1))",
        "",
        "Medians over the test sets of a site, then means over sites. Models whose predictions do not "
        "depend on the test set predict once; their predictions are resampled. `insilico` is fitted to every set, so "
        "it "
        "has fewer sets (see the column); `stacking` adjusts its members' probabilities to the mix of every set. "
        "'Own' is empty if the model's own estimate does not follow from its predictions.",
        "",
        *_table(flat, DIRICHLET, extra=True),
    ]
    return "\n".join(lines) + "\n"


def _order(frame: pd.DataFrame, metric: str) -> list[str]:
    return list(frame.groupby("model")[metric].mean().sort_values(ascending=False).index)


def _table(frame: pd.DataFrame, metrics: tuple[str, ...], *, extra: bool = False) -> list[str]:
    head = ["model", "sites", *(["test sets"] if extra else []), *(SHORT[m] for m in metrics)]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for model in _order(frame, metrics[0]):
        rows = frame[frame["model"] == model]
        row = [_shown(model), str(len(rows))]
        row += [f"{rows['n_test_sets'].max():.0f}"] if extra else []
        for metric in metrics:
            values = rows[metric].dropna() if metric in rows else rows.iloc[:0, 0]
            mean, low, high = t_interval(values) if len(values) else (float("nan"),) * 3
            row.append(f"{mean:.3f} ({low:.3f}-{high:.3f})" if len(values) == len(rows) else "")
        lines.append("| " + " | ".join(row) + " |")
    return lines


def _ceilings(frame: pd.DataFrame) -> str:
    one = frame[frame["model"] == "prior"]
    references = {
        "a correctly labelled random sample of the same size scores": "csmf_ceiling",
        "the best possible score without causes absent from training": "csmf_ceiling_coverage",
        "a random cause for each death": "csmf_chance",
    }
    parts = [f"{text} {one[column].mean():.3f}" for text, column in references.items() if column in one]
    return "Reference values to judge CSMF accuracy by, means over sites: " + "; ".join(parts) + "."


def _by_site(frame: pd.DataFrame, sites: list[str]) -> list[str]:
    lines = ["| model | " + " | ".join(sites) + " |", "|---" + "|---:" * len(sites) + "|"]
    for model in _order(frame, NATURAL[0]):
        rows = frame[frame["model"] == model].set_index("test_site")
        cells = []
        for site in sites:
            r = rows.loc[site] if site in rows.index else None
            name = "csmf_accuracy_model"
            if r is None:
                cells.append("")
                continue
            between = f" ({r[f'{name}_low']:.2f}-{r[f'{name}_high']:.2f})" if pd.notna(r.get(f"{name}_low")) else ""
            cells.append(f"{r[name]:.3f}{between}; {r['top1']:.3f}")
        lines.append(f"| {_shown(model)} | " + " | ".join(cells) + " |")
    return lines


def _shown(model: str) -> str:
    """Return a model's name as the tables show it: a baseline in italics, a transductive model with its mark."""
    if model in TRIVIAL:
        return f"*{model}*"
    return f"{model} †" if model in TRANSDUCTIVE else model


def _families(frame: pd.DataFrame, references: tuple[str, ...]) -> list[str]:
    """Make a table for each reference model, with a family of comparisons for each metric."""
    lines = []
    frame = frame.drop(columns=["model_params"])
    for reference in references:
        table = paired_comparisons(frame, ("csmf_accuracy_model", "top1"), reference=reference)
        if not len(table):
            continue
        n, least = int(table["n"].max()), float(table["smallest_p"].max())
        compared = table["model_a"].nunique()
        question = "Which models are better" if reference == "prior" else "Which models are close"
        lines += [
            f"**From {reference}.** {question}? {compared} comparisons in each of two metrics; each metric is a "
            "family. "
            f"With {n} sites the smallest attainable sign-flip p value is {least:.3f}, and "
            f"{min(1, compared * least):.2f} "
            "after Holm's adjustment, so the Holm column cannot reach .05. Step-down max-T (Westfall and Young 1993) "
            "flips the signs of a site for all comparisons of a family together; its smallest attainable p value is "
            f"{least:.3f} for any number of comparisons.",
            "",
            "| model | metric | difference | 95% interval | sign-flip p | Holm | max-T |",
            "|---|---|---:|---|---:|---:|---:|",
        ]
        for metric, family in table.groupby("metric", sort=True):
            family = family.sort_values("difference", ascending=False)
            lines += [
                f"| {_shown(str(r.model_a))} | {SHORT[str(metric)]} | {r.difference:+.3f} | "
                f"{r.low:+.3f} to {r.high:+.3f} | "
                f"{r.p:.3f} | {r.p_holm:.2f} | {r.p_max_t:.3f} |"
                for r in family.itertuples()
            ]
        lines.append("")
    return lines[:-1]


def _runs(outputs: Path, data: str, resamples: int) -> list[Path]:
    """Run or continue the experiments, and return their folders."""
    common = ["data=phmrc_adult", f"data.path={data}", "data.durations=true", "execution=inline", "tracking=none"]
    common += ["n_bootstrap=500", f"paths.outputs={outputs}", "-m"]
    models = [m for m in MODELS if m != "lightgbm" or importlib.util.find_spec("lightgbm")]
    jobs = [
        ["experiment=loso", f"model={','.join(models)}", "testset=natural,dirichlet"],
        ["experiment=loso", "model=insilico"],
        ["experiment=loso_dirichlet", "model=insilico", f"testset.n_resamples={resamples}"],
    ]
    folders = []
    for job in jobs:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-m", "va_experiments", *job, *common], cwd=ROOT, check=True, env=environment)
        folders.append(max(p for p in (outputs / "runs").glob("*/*") if p.is_dir()))
    return folders


def main(arguments: list[str] | None = None) -> int:
    """Run the experiments and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(ROOT.parent / "shared" / "data" / "phmrc"))
    parser.add_argument("--outputs", default=str(ROOT / "outputs" / "results"))
    parser.add_argument("--resamples", type=int, default=100, help="Dirichlet test sets of the joint models")
    parser.add_argument("--runs", nargs="*", help="folders of finished runs to write the page from")
    parser.add_argument("--page", default=str(ROOT / "docs" / "results" / "leave_one_site_out.md"))
    options = parser.parse_args(arguments)
    folders = [Path(r) for r in options.runs or _runs(Path(options.outputs), options.data, options.resamples)]
    cells = load_results(*folders, baselines=True)
    cells = cells.sort_values("n_test_sets", ascending=False, kind="stable")
    date = datetime.now(tz=UTC).date().isoformat()
    command = f"python -m benchmarks.results --resamples {options.resamples}"
    Path(options.page).write_text(with_commands(page(cells, command=command, date=date), command), encoding="utf-8")
    print(f"written: {options.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
