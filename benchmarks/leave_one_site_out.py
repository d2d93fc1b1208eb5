"""Measure accuracy at a new site, and CPU seconds of a fit, for every model and the variants that its page discusses.

``python -m benchmarks.leave_one_site_out [--module child] [--features no_hce] [--only NAME ...] [--page FILE]``

Means over the six sites of the PHMRC adult (or child, or neonate) data (``VA_PHMRC_DIR``, or the folder shared/ beside
the checkout). CSMF accuracy is computed from the top causes (undetermined deaths spread in proportion), from the mean
probability, and from the model's own CSMF (its undetermined part likewise); top-1 counts an undetermined death as
wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from va_experiments import models
from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.data.learned_cutoffs import apply_learned_cuts
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.models.base import Model

__all__ = ["VARIANTS", "evaluate", "main"]

VARIANTS: dict[str, Callable[[], Model]] = {
    "prior": lambda: models.Prior(),
    "uniform": lambda: models.Uniform(),
    "majority": lambda: models.Majority(),
    "nbc": lambda: models.NaiveBayes(),
    "nbc compat": lambda: models.NaiveBayes(reference_compat=True),
    "interva": lambda: models.InterVA(),
    "interva rule=false": lambda: models.InterVA(rule=False),
    "interva compat": lambda: models.InterVA(reference_compat=True),
    "interva compat rule=false": lambda: models.InterVA(reference_compat=True, rule=False),
    "interva fixed rule=false": lambda: models.InterVA(conversion="fixed", rule=False),
    "interva fixed compat rule=false": lambda: models.InterVA(conversion="fixed", reference_compat=True, rule=False),
    "interva empirical rule=false": lambda: models.InterVA(conversion="empirical", rule=False),
    "interva empirical prior=train rule=false": lambda: models.InterVA(
        conversion="empirical", prior="train", rule=False
    ),
    "interva prior=train rule=false": lambda: models.InterVA(prior="train", rule=False),
    "tariff": lambda: models.Tariff(),
    "tariff compat": lambda: models.Tariff(reference_compat=True),
    "tariff top=40": lambda: models.Tariff(top=40),
    "tariff n_bootstrap=0": lambda: models.Tariff(n_bootstrap=0),
    "tariff2": lambda: models.Tariff2(),
    "logistic_regression": lambda: models.LogisticRegression(),
    "logistic_regression one_hot": lambda: models.LogisticRegression(encoding="one_hot"),
    "logistic_regression without age": lambda: models.LogisticRegression(covariates=()),
    "random_forest": lambda: models.RandomForest(),
    "random_forest ordinal": lambda: models.RandomForest(encoding="ordinal"),
    "extra_trees": lambda: models.ExtraTrees(),
    "xgboost": lambda: models.XGBoost(),
    "xgboost nan": lambda: models.XGBoost(encoding="nan"),
    "lightgbm": lambda: models.LightGBM(),
}


def evaluate(make: Callable[[], Model], deaths: Deaths) -> dict[str, float]:
    """Average over the sites, each predicted from the others."""
    results = []
    assert deaths.cause is not None
    for site in range(len(deaths.sites)):
        rows = np.flatnonzero(deaths.site != site)
        data = apply_learned_cuts(deaths, rows) if deaths.learned_cuts else deaths
        train, test = data.take(rows), data.take(data.site == site)
        if len(test) == 0:
            continue
        truth = test.cause
        start = time.process_time()
        model = make().fit(train, seed=1)
        fitted = time.process_time()
        prediction = model.predict(test.without_causes(), seed=2)
        predicted = time.process_time()
        true = cause_fractions(truth, len(test.causes))
        top = prediction.top_cause
        named = cause_fractions(top[top >= 0], len(test.causes))
        ranked = np.argsort(-prediction.probability, axis=1, kind="stable")[:, :3]
        results.append(
            {
                "csmf_top": float(csmf_accuracy(true, named)),
                "csmf_mean": float(csmf_accuracy(true, prediction.probability.sum(0) / prediction.probability.sum())),
                "csmf_model": float(csmf_accuracy(true, prediction.csmf / prediction.csmf.sum())),
                "top1": float((top == truth).mean()),
                "top3": float((ranked == truth[:, None]).any(axis=1).mean()),
                "undetermined": float((top < 0).mean()),
                "fit_cpu_s": fitted - start,
                "predict_cpu_s": predicted - fitted,
            }
        )
    return {key: float(np.mean([r[key] for r in results])) for key in results[0]}


def _table(figures: dict[str, Any]) -> str:
    """Return the figures as a table of Markdown."""
    names = list(next(iter(figures.values())))
    lines = ["| model | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {model} | " + " | ".join(f"{v:.3f}" for v in row.values()) + " |" for model, row in figures.items()]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", default="adult", choices=("adult", "child", "neonate"))
    parser.add_argument("--features", default="hce", choices=("no_hce", "hce", "hce_words"))
    parser.add_argument("--data", help="the file; by default VA_PHMRC_DIR, or shared/data/phmrc")
    parser.add_argument("--only", action="append", help="rows whose name starts so; may be repeated")
    parser.add_argument("--page", metavar="FILE", help="write the table there as a page of results as well")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    options = parser.parse_args(arguments)
    shared = Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"
    folder = options.data or os.environ.get("VA_PHMRC_DIR") or (shared if shared.is_dir() else None)
    deaths = read_phmrc(options.module, folder, features=options.features)
    print(f"{len(deaths)} deaths, {deaths.n_symptoms} symptoms, {len(deaths.sites)} sites: {deaths.name}\n")
    figures: dict[str, Any] = {}
    with threadpool_limits(1):
        for model in (models.LogisticRegression, models.XGBoost, models.LightGBM):
            model().fit(deaths.take(np.arange(200)))  # the libraries' import is not part of a fit
        for name, make in VARIANTS.items():
            if options.only and not any(name.startswith(o) for o in options.only):
                continue
            figures[name] = evaluate(make, deaths)
            if len(figures) == 1:
                print("| model | " + " | ".join(figures[name]) + " |")
                print("|---" * (len(figures[name]) + 1) + "|")
            print(f"| {name} | " + " | ".join(f"{v:.3f}" for v in figures[name].values()) + " |", flush=True)
    if options.page:
        command = f"python -m benchmarks.leave_one_site_out --module {options.module} --features {options.features}"
        heading = f"# Leave one site out: PHMRC, {options.module}, features {options.features}"
        lead = f"Printed by `{command}`: {len(deaths):,} deaths, {len(deaths.causes)} causes, means over the sites."
        Path(options.page).write_text(f"{heading}\n\n{lead}\n\n{_table(figures)}\n", encoding="utf-8")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
