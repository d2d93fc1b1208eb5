"""Measure top-1 within each site, with its own deaths in training: what a new site's figures can be compared with.

``python -m benchmarks.ceiling [--data FILE] [--folds N]``

Each PHMRC adult site is divided into stratified folds; the members of ``model=stacking`` (boosting in small steps with
all numbers, logistic regression) are fitted to the other folds of the same site alone, and their probabilities
averaged. Means over sites.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.ensembles import BOOSTED
from va_experiments import models
from va_experiments.data import read_phmrc
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.protocols.stratify import stratified_folds

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args(arguments)
    deaths = read_phmrc("adult", options.data, durations=True)
    assert deaths.cause is not None
    print("| site | top-1 | CSMF accuracy, mean probability |\n|---|---:|---:|")
    rows = []
    with threadpool_limits(1):
        for site, name in enumerate(deaths.sites):
            of_site = deaths.take(deaths.site == site)
            assert of_site.cause is not None
            fold = stratified_folds(of_site.cause, options.folds, np.random.default_rng(site))
            p = np.zeros((len(of_site), len(of_site.causes)))
            for k in range(options.folds):
                train, test = of_site.take(fold != k), of_site.take(fold == k).without_causes()
                boosted = models.XGBoost(**BOOSTED, covariates=tuple(deaths.covariates))  # type: ignore[arg-type]
                for model in (boosted, models.LogisticRegression()):
                    p[fold == k] += model.fit(train, seed=k).predict(test, seed=k).probability / 2
            true = cause_fractions(of_site.cause, len(of_site.causes))
            rows.append((float((p.argmax(axis=1) == of_site.cause).mean()), float(csmf_accuracy(true, p.mean(axis=0)))))
            print(f"| {name} | {rows[-1][0]:.3f} | {rows[-1][1]:.3f} |", flush=True)
    print("| mean | " + " | ".join(f"{v:.3f}" for v in np.mean(rows, axis=0)) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
