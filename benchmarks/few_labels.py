"""Measure what a few deaths of known cause at the new site are worth, and to which method.

``python -m benchmarks.few_labels [--data FOLDER] [--bank FOLDER] [--replicates N] [--mix random|dirichlet]``

For each PHMRC adult site, models fitted to the other five (the mean of logistic regression and boosting in small steps)
predict it. In each replicate, n of its deaths are labelled and leave the test set; the fractions of the others are
estimated: by the model alone, by the labelled deaths alone, by half of each, by GBQL at 34 causes, and by logistic
regression fitted again to all deaths with the labelled ones counted several times. The labelled deaths are a random
sample, or one with a cause mix drawn by Dirichlet(1). Means over sites and replicates of CSMF accuracy; below, GBQL and
its rivals at the five groups of causes. About 6 CPU minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.ensembles import Bank
from va_experiments import models
from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.metrics.few_labels import gbql, labelled_fractions, model_and_labelled
from va_experiments.metrics.misclassification import group_level

__all__ = ["SIZES", "main", "sample"]

SIZES = (25, 50, 100, 200)
COPIES = 5
"""How often each labelled death counts when logistic regression is fitted again."""


def sample(
    truth: npt.NDArray[np.intp], n: int, n_causes: int, mix: str, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Draw the labelled deaths of a site, without replacement: at random, or with a cause mix drawn by Dirichlet(1)."""
    if mix == "random":
        return rng.choice(len(truth), size=n, replace=False)
    present = np.unique(truth)
    share = np.zeros(n_causes)
    share[present] = rng.dirichlet(np.ones(len(present)))
    weight = share[truth] / np.bincount(truth, minlength=n_causes)[truth]
    weight = np.maximum(weight, 1e-9)
    return rng.choice(len(truth), size=n, replace=False, p=weight / weight.sum())


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--bank", type=Path, help="folder of stored predictions")
    parser.add_argument("--replicates", type=int, default=5)
    parser.add_argument("--mix", nargs="+", default=["random", "dirichlet"], choices=["random", "dirichlet"])
    options = parser.parse_args(arguments)
    deaths = read_phmrc("adult", options.data, durations=True)
    with threadpool_limits(1):
        bank = Bank(deaths, options.bank)
        for mix in options.mix:
            scores = _scores(bank, deaths, mix, options.replicates)
            print(f"### Labelled deaths: {'a random sample' if mix == 'random' else 'a Dirichlet(1) mix'}\n")
            print("| causes | method | " + " | ".join(f"n = {n}" for n in SIZES) + " |")
            print("|---|---|" + "---:|" * len(SIZES))
            for (level, method), values in scores.items():
                cells = " | ".join(f"{np.mean(values[n]):.3f}" for n in SIZES)
                print(f"| {level} | {method} | {cells} |")
            print(flush=True)
    return 0


def _scores(bank: Bank, deaths: Deaths, mix: str, replicates: int) -> dict[tuple[str, str], dict[int, list[float]]]:
    scores: dict[tuple[str, str], dict[int, list[float]]] = {}
    names = tuple(dict.fromkeys(deaths.groups))
    groups = np.array([names.index(group) for group in deaths.groups])
    for site in range(bank.n_sites):
        p = np.mean([bank.outer(name, site) for name in ("lr", "xgb_m")], axis=0)
        truth, rows = bank.cause[bank.site == site], np.flatnonzero(bank.site == site)
        for n in SIZES:
            if n > len(truth) / 2:
                continue
            for replicate in range(replicates):
                rng = np.random.default_rng([site, n, replicate, mix == "random"])
                labelled = sample(truth, n, bank.n_causes, mix, rng)
                left = np.setdiff1d(np.arange(len(truth)), labelled)
                estimates = {
                    "model alone": p[left].mean(axis=0),
                    "labelled deaths alone": labelled_fractions(truth[labelled], bank.n_causes),
                    "half labelled, half model": model_and_labelled(truth[labelled], p[left]),
                    "GBQL": gbql(p[left], p[labelled], truth[labelled], sweeps=500, rng=rng).mean,
                }
                if replicate == 0:
                    estimates[f"fitted again, labelled deaths {COPIES} times"] = _again(deaths, rows, labelled, left)
                for method, csmf in estimates.items():
                    accuracy = float(csmf_accuracy(cause_fractions(truth[left], bank.n_causes), csmf))
                    scores.setdefault(("34", method), {}).setdefault(n, []).append(accuracy)
                broad, kinds = group_level(p, groups, len(names)), groups[truth]
                estimates = {
                    "model alone": broad[left].mean(axis=0),
                    "labelled deaths alone": labelled_fractions(kinds[labelled], len(names)),
                    "half labelled, half model": model_and_labelled(kinds[labelled], broad[left]),
                    "GBQL": gbql(broad[left], broad[labelled], kinds[labelled], sweeps=500, rng=rng).mean,
                }
                for method, csmf in estimates.items():
                    accuracy = float(csmf_accuracy(cause_fractions(kinds[left], len(names)), csmf))
                    scores.setdefault((f"{len(names)} groups", method), {}).setdefault(n, []).append(accuracy)
    return scores


def _again(
    deaths: Deaths, rows: npt.NDArray[np.intp], labelled: npt.NDArray[np.intp], left: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Fit logistic regression to the other sites and the labelled deaths; return the mean probability of the rest."""
    others = np.setdiff1d(np.arange(len(deaths)), rows)
    train = deaths.take(np.concatenate([others, np.repeat(rows[labelled], COPIES)]))
    model = models.LogisticRegression().fit(train, seed=1)
    return np.asarray(model.predict(deaths.take(rows[left]).without_causes(), seed=1).probability.mean(axis=0))


if __name__ == "__main__":
    sys.exit(main())
