"""Measure how often conformal intervals of cause fractions hold the true fraction at sites that are left out.

``python -m benchmarks interval_coverage [--data FOLDER] [--bank FOLDER] [--modules adult child]``

For each left-out site the width is learned on the other sites, each predicted without itself and without the left-out
one (`va_experiments.metrics.conformal`), as ``csmf_interval=conformal`` does. Test sets are the left-out site as it is,
and 60 with cause mixes drawn by Dirichlet(1); for these the width is learned on sites as they are, and on 20 sets that
are resampled from each of them in the same way. The base predictions, 21 fits of each model and module, are stored in
the bank folder: about 12 CPU minutes without it, one with it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.ensembles import Bank
from va_experiments.cell.conformal import SETS_OF_A_SITE
from va_experiments.data import read_phmrc
from va_experiments.metrics.conformal import fit_conformal
from va_experiments.metrics.csmf import cause_fractions
from va_experiments.metrics.testsets import draw_test_sets

__all__ = ["covered", "folder_of", "main", "site_sets"]

Floats = npt.NDArray[np.float64]

MODELS: dict[str, tuple[tuple[str, ...], float]] = {
    "naive Bayes": (("nb",), 0.0),
    "logistic regression": (("lr",), 0.0),
    "boosting": (("xgb_m",), 0.0),
    "mean of the last two, a quarter counts": (("lr", "xgb_m"), 0.25),
}
"""Name -> members, share of the counts of named causes in the fractions."""


def _fractions(p: Floats, counts: float) -> Floats:
    named = np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
    return np.asarray((1 - counts) * p.mean(axis=0) + counts * named)


def covered(
    bank: Bank,
    members: tuple[str, ...],
    counts: float,
    sets: dict[int, list[npt.NDArray[np.intp]]],
    training: dict[int, list[npt.NDArray[np.intp]]],
) -> list[tuple[float, float]]:
    """Return coverage and mean width at each left-out site, over its test sets.

    `training` has the rows of each site on which the width is learned where the site is one of those trained on.
    """
    covered_by = []
    for left in range(bank.n_sites):
        inner = np.mean([bank.inner(name, left) for name in members], axis=0)
        cause, place = bank.cause[bank.site != left], bank.site[bank.site != left]
        estimated, true = [], []
        for site in np.unique(place):
            of_site, own_cause = inner[place == site], cause[place == site]
            estimated.append([_fractions(of_site[rows], counts) for rows in training[site]])
            true.append([cause_fractions(own_cause[rows], bank.n_causes) for rows in training[site]])
        learned = fit_conformal(np.array(estimated), np.array(true))
        p = np.mean([bank.outer(name, left) for name in members], axis=0)
        truth = bank.cause[bank.site == left]
        mixes = np.array([cause_fractions(truth[rows], bank.n_causes) for rows in sets[left]])
        csmf = np.array([_fractions(p[rows], counts) for rows in sets[left]])
        covered_by.append((learned.coverage(mixes, csmf), learned.width(csmf)))
    return covered_by


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--bank", type=Path, help="folder of stored predictions, with a folder for each module")
    parser.add_argument("--modules", nargs="+", default=["adult", "child"], choices=["adult", "child"])
    options = parser.parse_args(arguments)
    with threadpool_limits(1):
        for module in options.modules:
            deaths = read_phmrc(module, options.data, durations=True)
            bank = Bank(deaths, folder_of(options.bank, module))
            print(
                f"| {module}: model | test sets | width learned on | coverage | mean width | coverage by site: "
                f"{', '.join(deaths.sites)} |"
            )
            print("|---|---|---|---:|---:|---|")
            designs, training = site_sets(bank, 60), site_sets(bank, SETS_OF_A_SITE, seed=1000)
            natural, mixed = designs
            for name, (members, counts) in MODELS.items():
                for design, learned in ((natural, natural), (mixed, natural), (mixed, mixed)):
                    by_site = covered(bank, members, counts, designs[design], training[learned])
                    mean, width = np.mean(by_site, axis=0)
                    each = " ".join(f"{c:.2f}" for c, _ in by_site)
                    print(f"| {name} | {design} | {learned} | {mean:.3f} | {width:.3f} | {each} |", flush=True)
            print()
    return 0


def folder_of(bank: Path | None, module: str) -> Path | None:
    """Return the folder of a module in the bank, made if it is not there."""
    if bank is None:
        return None
    (bank / module).mkdir(parents=True, exist_ok=True)
    return bank / module


def site_sets(bank: Bank, resamples: int, *, seed: int = 0) -> dict[str, dict[int, list[npt.NDArray[np.intp]]]]:
    """Return each site's rows: as they are, and `resamples` times with a cause mix drawn by Dirichlet(1)."""
    natural, mixed = {}, {}
    for site in range(bank.n_sites):
        truth = bank.cause[bank.site == site]
        natural[site] = [np.arange(len(truth))]
        design = {"name": "dirichlet", "n_resamples": resamples}
        drawn = draw_test_sets(design, truth.astype(np.int16), bank.deaths.causes, seed=seed + site)
        mixed[site] = [drawn.rows(k) for k in range(resamples)]
    return {"as they are": natural, "Dirichlet(1)": mixed}


if __name__ == "__main__":
    sys.exit(main())
