"""Learn the share of counts of ``csmf=confirmed_counts`` on many tasks, and try it on sites and files left out.

``python -m benchmarks learned_share [--data FOLDER] [--bank FOLDER] [--resamples 30]``

A task is a file (adults, children), a model and a design of test sets: each site as it is, and with cause mixes drawn
by Dirichlet(1), or around its own with concentrations 8 and 30. The share that is learned is the largest one at which
no task loses more than `LARGEST_LOSS` of CSMF accuracy against the mean probability, on average over the sites that
are learned from, and at most `LARGEST_SHARE`. It is learned (1) without each site in turn, from predictions of the
others without it, and tried on that site in both files; (2) on one file, and tried on the other; (3) on all, which is
the share that ships. Rules that let the share grow or fall with a feature of the test set are tried in the same way.
The base predictions, 21 fits of each model and file, are stored in the bank folder: about 8 CPU minutes without it,
one and a half with it.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.ensembles import Bank
from benchmarks.interval_coverage import folder_of
from va_experiments.data import read_phmrc
from va_experiments.metrics.confirmed_counts import LARGEST_LOSS, LARGEST_SHARE, confirmed_blend
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.metrics.testsets import draw_test_sets

__all__ = ["FEATURES", "Sets", "learn", "main"]

Floats = npt.NDArray[np.float64]

MODELS = {
    "members of blended": ("inv", "xgb_m*3"),
    "regression and boosting": ("lr", "xgb_m"),
    "logistic regression": ("lr",),
    "boosting": ("xgb_m",),
    "naive Bayes": ("nb",),
}
DESIGNS: dict[str, dict[str, object] | None] = {
    "as they are": None,
    "Dirichlet(1)": {"name": "dirichlet"},
    "around 8": {"name": "dirichlet_around", "concentration": 8.0},
    "around 30": {"name": "dirichlet_around", "concentration": 30.0},
}
SHARES = np.linspace(0.0, 0.5, 21)
Key = tuple[str, str, str]
"""File, model, design."""


@dataclass(frozen=True, eq=False)
class Sets:
    """Test sets of one site, by one model and design."""

    mean: Floats
    counts: Floats
    true: Floats
    """Shape (n_sets, n_causes) each."""
    trained: Floats
    certainty: Floats
    """Mean of the largest probability, shape (n_sets,)."""

    @functools.cache  # noqa: B019 (all sets live as long as the program)
    def gains(self, confirmed: bool) -> Floats:
        """Return the gain in CSMF accuracy over the mean probability by share, shape (n_sets, n_shares)."""
        accuracies = []
        for share in SHARES:
            plain = (1 - share) * self.mean + share * self.counts
            csmf = confirmed_blend(self.mean, self.counts, self.trained, share) if confirmed else plain
            accuracies.append(csmf_accuracy(self.true, csmf))
        accuracy = np.stack(accuracies, axis=1)
        return np.asarray(accuracy - accuracy[:, :1])


FEATURES: dict[str, Callable[[Sets], Floats]] = {
    "none": lambda s: np.zeros(len(s.mean)),
    "distance of counts from the mean": lambda s: np.abs(s.counts - s.mean).sum(axis=1) / 2,
    "distance of the mean from the training mix": lambda s: np.abs(s.mean - s.trained).sum(axis=1) / 2,
    "part of the counts that is confirmed": lambda s: _confirmed_part(s),
    "mean largest probability": lambda s: s.certainty,
    "spread of the mean (entropy)": lambda s: -np.sum(s.mean * np.log(np.maximum(s.mean, 1e-12)), axis=1),
}
"""What is known of a test set without its causes."""


def _confirmed_part(sets: Sets) -> Floats:
    step = sets.counts - sets.mean
    whole = np.maximum(np.abs(step).sum(axis=1), 1e-12)
    return np.asarray((np.abs(step) * (step * (sets.mean - sets.trained) > 0)).sum(axis=1) / whole)


Tasks = Mapping[Key, Mapping[str, Sets]]
"""Of each task, the sets by name of the site."""


def tasks(banks: Mapping[str, Bank], resamples: int, left: int | None = None) -> dict[Key, dict[str, Sets]]:
    """Return the tasks; with a site left out, the others as predicted without it."""
    made: dict[Key, dict[str, Sets]] = {}
    for file, bank in banks.items():
        for site in range(bank.n_sites):
            if site == left:
                continue
            known = ~np.isin(bank.site, [site] if left is None else [site, left])
            trained = cause_fractions(bank.cause[known], bank.n_causes)
            truth = bank.cause[bank.site == site]
            for design, options in DESIGNS.items():
                rows = [np.arange(len(truth))]
                if options is not None:
                    drawn = draw_test_sets(
                        {**options, "n_resamples": resamples}, truth.astype(np.int16), bank.deaths.causes, seed=site
                    )
                    rows = [drawn.rows(k) for k in range(resamples)]
                true = np.array([cause_fractions(truth[r], bank.n_causes) for r in rows])
                for model, members in MODELS.items():
                    p = _predicted(bank, members, site, left)
                    named, sure = np.eye(bank.n_causes)[p.argmax(axis=1)], p.max(axis=1)
                    made.setdefault((file, model, design), {})[bank.deaths.sites[site]] = Sets(
                        np.array([p[r].mean(axis=0) for r in rows]),
                        np.array([named[r].mean(axis=0) for r in rows]),
                        true,
                        trained,
                        np.array([sure[r].mean() for r in rows]),
                    )
    return made


def _predicted(bank: Bank, members: tuple[str, ...], site: int, left: int | None) -> Floats:
    if left is None:
        return np.asarray(np.mean([bank.outer(name, site) for name in members], axis=0))
    of_site = bank.site[bank.site != left] == site
    return np.asarray(np.mean([bank.inner(name, left)[of_site] for name in members], axis=0))


@dataclass(frozen=True)
class Rule:
    """A share for each test set: ``clip(level + slope * (feature - centre) / scale, 0, most)``."""

    level: float
    slope: float = 0.0
    centre: float = 0.0
    scale: float = 1.0
    most: float = LARGEST_SHARE

    def share(self, feature: Floats) -> Floats:
        """Return the share of the counts, shape (n_sets,)."""
        return np.clip(self.level + self.slope * (feature - self.centre) / self.scale, 0.0, self.most)


def _gain(gains: Floats, share: Floats) -> float:
    """Return the mean gain at a share for each set, between the shares of the grid."""
    place = share / SHARES[1]
    low = np.minimum(place.astype(np.intp), len(SHARES) - 2)
    at, part = np.arange(len(gains)), place - low
    return float(((1 - part) * gains[at, low] + part * gains[at, low + 1]).mean())


def learn(known: Tasks, feature: str = "none", *, confirmed: bool = True, most: float = LARGEST_SHARE) -> Rule:
    """Return the rule learned on tasks.

    Without a feature, the largest share at which no task loses more than `LARGEST_LOSS`; with one, the rule with the
    greatest mean gain less a ridge penalty on its slope, among those at which no task loses more.
    """
    values = [[(FEATURES[feature](s), s.gains(confirmed)) for s in sites.values()] for sites in known.values()]
    every = np.concatenate([z for task in values for z, _ in task])
    centre, scale = (0.0, 1.0) if feature == "none" else (float(every.mean()), float(every.std()))
    levels = SHARES[: int(most / SHARES[1] + 1e-9) + 1]
    slopes = (0.0,) if feature == "none" else (-0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2)
    best, score = Rule(0.0, most=most), 0.0
    for level in levels:
        for slope in slopes:
            rule = Rule(float(level), slope, centre, scale, most)
            gained = [float(np.mean([_gain(g, rule.share(z)) for z, g in task])) for task in values]
            worth = float(level) if feature == "none" else float(np.mean(gained)) - 0.02 * slope**2
            if min(gained) >= -LARGEST_LOSS and worth > score + 1e-12:
                best, score = rule, worth
    return best


def _tried(rules: Mapping[Key, Mapping[str, Rule]], tested: Tasks, feature: str, *, confirmed: bool) -> list[str]:
    """Return the cells of a row: mean gain by file and design for `blended`'s members, and the lowest of all models."""
    gained: dict[Key, float] = {}
    for key, sites in tested.items():
        gains = [
            _gain(sets.gains(confirmed), rules[key][site].share(FEATURES[feature](sets)))
            for site, sets in sites.items()
        ]
        gained[key] = float(np.mean(gains))
    first_gains = [gained[key] for key in tested if key[1] == next(iter(MODELS))]
    worst = min(gained, key=lambda key: gained[key])
    return [*(f"{v:+.3f}" for v in first_gains), f"{gained[worst]:+.4f} ({', '.join(worst)})"]


def _rules(tested: Tasks, rule_of: Callable[[str, str], Rule]) -> dict[Key, dict[str, Rule]]:
    return {key: {site: rule_of(key[0], site) for site in sites} for key, sites in tested.items()}


def _row(name: str, cells: Iterable[str]) -> None:
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Print the shares learned, and the table of what they gain where they were not learned."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--bank", type=Path, help="folder of stored predictions, with a folder for each module")
    parser.add_argument("--resamples", type=int, default=30)
    options = parser.parse_args(arguments)
    with threadpool_limits(1):
        banks = {
            file: Bank(read_phmrc(file, options.data, durations=True), folder_of(options.bank, file))
            for file in ("adult", "child")
        }
        whole = tasks(banks, options.resamples)
        names = next(iter(banks.values())).deaths.sites
        without = {name: tasks(banks, options.resamples, left=number) for number, name in enumerate(names)}
        of_file = {file: {k: v for k, v in whole.items() if k[0] != file} for file in banks}
        _print_shares(whole, without, of_file)
        _print_gains(whole, without, of_file)
    return 0


def _print_shares(whole: Tasks, without: Mapping[str, Tasks], of_file: Mapping[str, Tasks]) -> None:
    print(f"| learned on | share of confirmed counts, at most {LARGEST_SHARE:g} | at most 0.5 | share of all counts |")
    print("|---|---:|---:|---:|")
    learned = {"all sites of both files (ships)": whole}
    learned |= {f"both files without {site}" if site else "": known for site, known in without.items()}
    learned |= {f"all sites, not the file {file}": known for file, known in of_file.items()}
    for name, known in learned.items():
        shares = (learn(known), learn(known, most=0.5), learn(known, confirmed=False))
        _row(name, (f"{rule.level:.3f}" for rule in shares))
    print()


def _print_gains(whole: Tasks, without: Mapping[str, Tasks], of_file: Mapping[str, Tasks]) -> None:
    heads = [f"{file}, {design}" for file, model, design in whole if model == next(iter(MODELS))]
    print(f"| rule | tried on | {' | '.join(heads)} | lowest of any task and model |")
    print("|---|---|" + "---:|" * len(heads) + "---|")
    for label, share, confirmed in (("counts", 0.25, False), ("counts", 0.1, False), ("confirmed counts", 0.2, True)):
        rule = Rule(share, most=1.0)
        cells = _tried(_rules(whole, lambda f, s, rule=rule: rule), whole, "none", confirmed=confirmed)
        _row(f"{share:g} of the {label}, constant", ["", *cells])
    for feature in FEATURES:
        for confirmed in (True, False) if feature == "none" else (True,):
            label = "share of confirmed counts" if confirmed else "share of all counts"
            label += "" if feature == "none" else f", with the {feature}"
            by_site = {site: learn(known, feature, confirmed=confirmed) for site, known in without.items()}
            by_file = {file: learn(known, feature, confirmed=confirmed) for file, known in of_file.items()}
            for place, rules in (
                ("the site left out", _rules(whole, lambda f, s, r=by_site: r[s])),
                ("the other file", _rules(whole, lambda f, s, r=by_file: r[f])),
            ):
                _row(label, [place, *_tried(rules, whole, feature, confirmed=confirmed)])


if __name__ == "__main__":
    sys.exit(main())
