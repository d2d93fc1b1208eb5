"""Choose model, pool and estimator of the fractions inside the training sites, anew for each site that is left out.

``python -m benchmarks.nested [--data FOLDER] [--bank FOLDER] [--modules adult child]``

Every candidate (members, estimator) is scored at each of the five training sites, by models without that site and
without the left-out one; the best mean over the five is applied to the left-out site. The page gives what this nested
choice reaches, what the best candidate in hindsight reaches, and the difference: the optimism of a choice that has seen
all sites. Rules that learn from other sites (adaptive counts) learn from the sites that remain. Test sets are the
natural ones, and 200 with cause mixes drawn by Dirichlet(1).

The base predictions, 21 fits of each member and module, are stored in the bank folder: about 8 CPU minutes without it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.ensembles import Bank
from va_experiments.data import read_phmrc
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.metrics.testsets import draw_test_sets
from va_experiments.models.adaptive_count import AdaptiveCount, fit_adaptive_count

__all__ = ["CANDIDATES", "ESTIMATORS", "main", "nested"]

Floats = npt.NDArray[np.float64]

MEMBERS: dict[str, tuple[str, ...]] = {
    "nb": ("nb",),
    "lr": ("lr",),
    "xgb_m": ("xgb_m",),
    "mean of lr, xgb_m": ("lr", "xgb_m"),
}

ESTIMATORS = ("prior", "mean", "a quarter counts", "half counts", "adaptive counts")
"""How cause fractions follow from the probabilities; ``prior`` copies the fractions of the training deaths."""

CANDIDATES = tuple((members, estimator) for members in MEMBERS for estimator in ESTIMATORS)

_SHARE = {"mean": 0.0, "a quarter counts": 0.25, "half counts": 0.5}


class _Site:
    """Predictions for one site by members fitted to others, with the rule and the fractions learned from others."""

    def __init__(self, p: Floats, truth: npt.NDArray[np.intp], rule: AdaptiveCount | None, prior: Floats) -> None:
        self.p, self.truth, self.rule, self.prior = p, truth, rule, prior

    def fractions(self, estimator: str, rows: npt.NDArray[np.intp]) -> Floats:
        """Estimate the fractions of the deaths in these rows."""
        p = self.p[rows]
        if estimator == "prior":
            return self.prior
        if estimator == "adaptive counts":
            assert self.rule is not None
            return np.asarray(self.rule.csmf(p)[0])
        counts = np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
        share = _SHARE[estimator]
        return np.asarray((1 - share) * p.mean(axis=0) + share * counts)


def _accuracy(site: _Site, estimator: str, sets: list[npt.NDArray[np.intp]]) -> float:
    n = site.p.shape[1]
    values = [
        float(csmf_accuracy(cause_fractions(site.truth[rows], n), site.fractions(estimator, rows))) for rows in sets
    ]
    return float(np.median(values))


def _sites(bank: Bank, members: tuple[str, ...], left: int, *, rules: bool) -> dict[int, _Site]:
    """Return the left-out site, and each other one predicted without it and without the left-out one."""
    made = {}
    for target in range(bank.n_sites):
        if target == left:
            p = np.mean([bank.outer(name, left) for name in members], axis=0)
            others = bank.site != left
        else:
            inner = np.mean([bank.inner(name, left) for name in members], axis=0)
            p = inner[bank.site[bank.site != left] == target]
            others = (bank.site != left) & (bank.site != target)
        rule = None
        if rules:
            seen = np.mean([bank.inner(name, left) for name in members], axis=0)
            keep = others[bank.site != left]
            place = np.unique(bank.site[others], return_inverse=True)[1]
            rule = fit_adaptive_count(seen[keep], bank.cause[others], place, seed=1)
        made[target] = _Site(
            p, bank.cause[bank.site == target], rule, cause_fractions(bank.cause[others], bank.n_causes)
        )
    return made


def nested(
    bank: Bank, score: Callable[[_Site, str, int], float], *, estimators: tuple[str, ...], members: dict[str, tuple]
) -> tuple[dict[tuple[str, str], Floats], Floats, list[tuple[str, str]]]:
    """Return each candidate's score at every left-out site, that of the nested choice, and what was chosen."""
    everywhere: dict[tuple[str, str], list[float]] = {}
    chosen, reached = [], []
    for left in range(bank.n_sites):
        inside: dict[tuple[str, str], float] = {}
        outside: dict[tuple[str, str], float] = {}
        for name, parts in members.items():
            sites = _sites(bank, parts, left, rules="adaptive counts" in estimators)
            for estimator in estimators:
                if estimator == "prior" and name != next(iter(members)):
                    continue  # the same for all members
                values = {t: score(site, estimator, t) for t, site in sites.items()}
                outside[name, estimator] = values.pop(left)
                inside[name, estimator] = float(np.mean(list(values.values())))
                everywhere.setdefault((name, estimator), []).append(outside[name, estimator])
        best = max(inside, key=lambda candidate: inside[candidate])
        chosen.append(best)
        reached.append(outside[best])
    return {k: np.array(v) for k, v in everywhere.items()}, np.array(reached), chosen


def _table(bank: Bank, sets: dict[int, list[npt.NDArray[np.intp]]], title: str) -> list[str]:
    def fractions(site: _Site, estimator: str, target: int) -> float:
        return _accuracy(site, estimator, sets[target])

    def top1(site: _Site, estimator: str, target: int) -> float:
        return float(np.median([(site.p[rows].argmax(axis=1) == site.truth[rows]).mean() for rows in sets[target]]))

    lines = [f"### {title}", "", "| metric | what | mean | " + " | ".join(bank.deaths.sites) + " |"]
    lines.append("|---|---|---:|" + "---:|" * bank.n_sites)
    for metric, score, estimators in (("CSMF accuracy", fractions, ESTIMATORS), ("top-1", top1, ("mean",))):
        every, reached, chosen = nested(bank, score, estimators=estimators, members=MEMBERS)
        order = sorted(every, key=lambda candidate: -every[candidate].mean())
        best = every[order[0]]
        names = [f"{m}, {e}" if metric != "top-1" else m for m, e in chosen]
        rows = [
            ("**chosen inside the training sites**", reached),
            (f"best in hindsight: {_name(order[0], metric)}", best),
        ]
        rows += [(_name(candidate, metric), every[candidate]) for candidate in order[1:]]
        for what, values in rows:
            cells = " | ".join(f"{v:.3f}" for v in values)
            lines.append(f"| {metric} | {what} | {values.mean():.3f} | {cells} |")
        lines.append(f"| {metric} | *optimism: hindsight less nested* | {best.mean() - reached.mean():+.3f} | " +
                     " | ".join(f"{v:+.3f}" for v in best - reached) + " |")  # fmt: skip
        lines.append(f"| {metric} | *what was chosen* | | " + " | ".join(names) + " |")
    return [*lines, ""]


def _name(candidate: tuple[str, str], metric: str) -> str:
    if candidate[1] == "prior":
        return "prior"
    return candidate[0] if metric == "top-1" else f"{candidate[0]}, {candidate[1]}"


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--bank", type=Path, help="folder of stored predictions, with a folder for each module")
    parser.add_argument("--modules", nargs="+", default=["adult", "child"], choices=["adult", "child"])
    parser.add_argument("--resamples", type=int, default=200)
    options = parser.parse_args(arguments)
    with threadpool_limits(1):
        for module in options.modules:
            deaths = read_phmrc(module, options.data, durations=True)
            folder = None if options.bank is None else options.bank / module
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            bank = Bank(deaths, folder)
            natural, mixed = {}, {}
            for site in range(bank.n_sites):
                truth = bank.cause[bank.site == site]
                natural[site] = [np.arange(len(truth))]
                design = {"name": "dirichlet", "n_resamples": options.resamples}
                drawn = draw_test_sets(design, truth.astype(np.int16), deaths.causes, seed=site)
                mixed[site] = [drawn.rows(k) for k in range(options.resamples)]
            print(f"## {module}: {len(deaths):,} deaths, {len(deaths.causes)} causes\n")
            print("\n".join(_table(bank, natural, "Test deaths as they are")))
            print("\n".join(_table(bank, mixed, "Random cause mixes (Dirichlet(1)), medians")), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
