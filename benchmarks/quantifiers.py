"""Compare estimators of cause fractions at left-out sites: counts, blends, corrections, and QuaPy's quantifiers.

``python -m benchmarks quantifiers [--data FOLDER] [--bank FOLDER] [--modules adult child] [--resamples 30] [--shares]``

All work on the same probabilities: the mean of logistic regression and boosting in small steps. What an estimator
learns, it learns on the training sites, each predicted without itself. Test sets are the left-out sites as they are,
and with cause mixes drawn by Dirichlet(1). Means over the six sites with 95% t intervals. QuaPy's quantifiers are shown
where it is installed: ``pip install "va-experiments[quantification]"``. The base predictions, 21 fits of each model and
module, are stored in the bank folder: about 8 CPU minutes without it.

``--shares`` compares rules for the share of counts in `blended`, with its members, at the sites as they are: each rule
sees the training sites alone. A second table has top-1 accuracy by the share in the mix that probabilities move to.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.ensembles import Bank
from benchmarks.interval_coverage import folder_of, site_sets
from va_experiments.data import read_phmrc
from va_experiments.metrics.comparison import t_interval
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.metrics.quantification import OutOfFoldPredictions, estimate_csmf
from va_experiments.models.adaptive_count import fit_adaptive_count, reweigh
from va_experiments.models.ensembles.bounded_blend import largest_safe_share

__all__ = ["estimators", "main", "print_posterior_shares", "print_shares", "share_rules"]

Floats = npt.NDArray[np.float64]
Estimator = Callable[[Floats], Floats | None]

MEMBERS = ("lr", "xgb_m")
BLENDED = ("inv", "xgb_m*3")
"""The members of `blended`."""

CORRECTIONS = ("confirmed_counts", "adjusted_count", "em", "bbse")


def _counts(p: Floats) -> Floats:
    return np.asarray(np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p))


def _blend(share: float) -> Estimator:
    return lambda p: (1 - share) * p.mean(axis=0) + share * _counts(p)


def estimators(seen: Floats, cause: npt.NDArray[np.intp], place: npt.NDArray[np.intp]) -> dict[str, Estimator]:
    """Return every estimator by name, fitted to out-of-site predictions of the training deaths."""
    training = OutOfFoldPredictions(seen, cause)
    rule = fit_adaptive_count(seen, cause, np.unique(place, return_inverse=True)[1], seed=1)
    prior = cause_fractions(cause, seen.shape[1])

    def bounded(most: float) -> Estimator:
        return lambda p: _blend(min(most, rule.csmf(p)[1]))(p)

    by_name: dict[str, Estimator] = {
        "prior: the training fractions": lambda p: prior,
        "mean probability": _blend(0.0),
        "counts": _counts,
        "a twentieth counts": _blend(0.05),
        "a tenth counts": _blend(0.1),
        "a quarter counts (blended)": _blend(0.25),
        "half counts": _blend(0.5),
        "adaptive counts (stacking)": lambda p: rule.csmf(p)[0],
        "adaptive counts, at most a quarter": bounded(0.25),
        "adaptive counts, at most a tenth": bounded(0.1),
    }
    for name in CORRECTIONS:
        by_name[f"csmf={name}"] = lambda p, name=name: estimate_csmf(name, p, training).csmf  # type: ignore[misc]
    if importlib.util.find_spec("quapy"):
        by_name |= _quapy(seen, cause)
    return by_name


def _quapy(seen: Floats, cause: npt.NDArray[np.intp]) -> dict[str, Estimator]:
    """Fit QuaPy's quantifiers to the same predictions, through a classifier that hands its input on."""
    from quapy.method.aggregative import EMQ, DyS, KDEyML
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Predicted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        """A fitted classifier whose input is its output."""

        def __init__(self, n_classes: int = 2) -> None:
            self.n_classes = n_classes
            self.classes_ = np.arange(n_classes)

        def fit(self, x: Floats, y: npt.NDArray[np.intp]) -> Predicted:
            return self

        def predict_proba(self, x: Floats) -> Floats:
            return x

    known = np.unique(cause)
    label = np.searchsorted(known, cause)

    def scaled(p: Floats) -> Floats:
        part = np.maximum(p[:, known], 1e-12)
        return np.asarray(part / part.sum(axis=1, keepdims=True))

    def whole(shares: Floats, n: int) -> Floats:
        full = np.zeros(n)
        full[known] = shares / shares.sum()
        return full

    made: dict[str, Estimator] = {}
    for name, kind, options in (
        ("QuaPy EMQ", EMQ, {}),
        ("QuaPy EMQ, bias-corrected temperature", EMQ, {"calib": "bcts", "on_calib_error": "backup"}),
        ("QuaPy KDEyML", KDEyML, {"random_state": 1}),
    ):
        validation = (scaled(seen), label)
        fitted = kind(Predicted(len(known)), fit_classifier=False, val_split=validation, **options).fit(*validation)
        made[name] = lambda p, fitted=fitted: whole(fitted.predict(scaled(p)), p.shape[1])  # type: ignore[misc]

    def pair(p: Floats, c: int) -> Floats:
        return np.column_stack([1 - scaled(p)[:, c], scaled(p)[:, c]])

    one_by_one = []
    for c in range(len(known)):
        validation = (pair(seen, c), (label == c).astype(int))
        one_by_one.append(DyS(Predicted(), fit_classifier=False, val_split=validation).fit(*validation))
    made["QuaPy DyS, cause by cause"] = lambda p: whole(
        np.maximum([m.predict(pair(p, c))[1] for c, m in enumerate(one_by_one)], 1e-9), p.shape[1]
    )
    return made


def _score(bank: Bank, left: int, designs: dict[str, dict[int, list[npt.NDArray[np.intp]]]]) -> dict[str, list[float]]:
    """Return the mean CSMF accuracy of each estimator at a left-out site, one figure for each design."""
    inner = np.mean([bank.inner(name, left) for name in MEMBERS], axis=0)
    p = np.mean([bank.outer(name, left) for name in MEMBERS], axis=0)
    truth = bank.cause[bank.site == left]
    scores: dict[str, list[float]] = {}
    for name, estimate in estimators(inner, bank.cause[bank.site != left], bank.site[bank.site != left]).items():
        for sets in designs.values():
            values = []
            for rows in sets[left]:
                csmf = estimate(p[rows])
                csmf = p[rows].mean(axis=0) if csmf is None else csmf  # an estimator that abstains
                values.append(float(csmf_accuracy(cause_fractions(truth[rows], bank.n_causes), csmf)))
            scores.setdefault(name, []).append(float(np.mean(values)))
    return scores


def share_rules(
    seen: Floats, cause: npt.NDArray[np.intp], place: npt.NDArray[np.intp], judge: Floats
) -> dict[str, tuple[float, float]]:
    """Return by rule the share of counts, and that of the training fractions, learned on the training deaths.

    `seen` and `judge` are out-of-site predictions of the training deaths, by all members and by the regression alone.
    """
    fold = np.unique(place, return_inverse=True)[1]
    shares = np.round(np.arange(0, 0.51, 0.05), 2)
    folds = [fold == number for number in np.unique(fold)]
    truths = [cause_fractions(cause[site], seen.shape[1]) for site in folds]
    accuracy = np.array(
        [
            [float(csmf_accuracy(true, _blend(a)(seen[site]))) for a in shares]
            for site, true in zip(folds, truths, strict=True)
        ]
    )
    prior = np.array(
        [
            float(csmf_accuracy(true, cause_fractions(cause[~site], seen.shape[1])))
            for site, true in zip(folds, truths, strict=True)
        ]
    )
    small, mean = shares[:6], accuracy.mean(axis=0)
    gain = accuracy - accuracy[:, :1]
    cautious = gain.mean(axis=0) - gain.std(axis=0, ddof=1) / np.sqrt(len(folds))
    apart = np.mean([np.abs(a - b).sum() / 2 for i, a in enumerate(truths) for b in truths[:i]])
    rules = {f"constant {a:g}": (a, 0.0) for a in (0.0, 0.05, 0.1, 0.25)}
    rules |= {f"constant 0.25, {w:g} of the rest the training fractions": (0.25, w) for w in (0.1, 0.2)}
    rules |= {
        "best mean of the training sites, at most 0.5": (float(shares[mean.argmax()]), 0.0),
        "best mean of the training sites, at most 0.25": (float(small[mean[:6].argmax()]), 0.0),
        "best mean less its standard error, at most 0.25": (float(small[cautious[:6].argmax()]), 0.0),
        "best at the worst training site against its prior": (
            float(small[(accuracy - prior[:, None])[:, :6].min(axis=0).argmax()]),
            0.0,
        ),
        "0.25, less where the mixes of training sites are far apart": (0.25 * max(0.0, 1 - float(apart) / 0.45), 0.0),
    }
    for loss in (0.005, 0.01, 0.02):
        safe = largest_safe_share(seen, cause, fold, most=0.25, largest_loss=loss)
        rules[f"at most 0.25, no training site loses more than {loss:g}"] = (safe, 0.0)
    for loss in (0.005, 0.01, 0.015, 0.02):
        safe = largest_safe_share(judge, cause, fold, most=0.25, largest_loss=loss)
        rules[f"the same, judged by the regression alone, {loss:g}"] = (safe, 0.0)
    return rules


def _top1(p: Floats, truth: npt.NDArray[np.intp], share: float) -> float:
    """Return the top-1 accuracy of probabilities that are moved to a blend with this share of the counts."""
    return float((reweigh(p, _blend(share)(p)).argmax(axis=1) == truth).mean())  # type: ignore[arg-type]


def print_posterior_shares(banks: Mapping[str, Bank]) -> None:
    """Print top-1 accuracy by the share of the counts in the mix that probabilities are moved to.

    The last row chooses the share for each left-out site by the mean over the other sites of all files, each predicted
    without itself and without the left-out site.
    """
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    outer: dict[str, Floats] = {}
    inner: dict[str, Floats] = {}
    for file, bank in banks.items():
        sites = range(bank.n_sites)
        predicted = [np.mean([bank.outer(name, left) for name in BLENDED], axis=0) for left in sites]
        outer[file] = np.array(
            [[_top1(p, bank.cause[bank.site == left], a) for a in shares] for left, p in enumerate(predicted)]
        )
        rows = []
        for left in sites:
            seen = np.mean([bank.inner(name, left) for name in BLENDED], axis=0)
            truth, place = bank.cause[bank.site != left], bank.site[bank.site != left]
            by_site = [place == site for site in np.unique(place)]
            rows.append([np.mean([_top1(seen[site], truth[site], a) for site in by_site]) for a in shares])
        inner[file] = np.array(rows)
    chosen = np.sum(list(inner.values()), axis=0).argmax(axis=1)
    print(f"| share of the counts | {' | '.join(f'{f}: top-1 | {f}: on the training sites' for f in banks)} |")
    print("|---|" + "---:|---:|" * len(banks))
    for k, share in enumerate(shares):
        print(
            f"| {share:g} | {' | '.join(f'{outer[f][:, k].mean():.4f} | {inner[f][:, k].mean():.4f}' for f in banks)} |"
        )
    nested = " | ".join(f"{outer[f][np.arange(len(chosen)), chosen].mean():.4f} | " for f in banks)
    print(f"| chosen without the site: {' '.join(f'{shares[k]:g}' for k in chosen)} | {nested} |")


def print_shares(banks: Mapping[str, Bank]) -> None:
    """Print CSMF accuracy by rule, its lowest difference to the training fractions, and the shares chosen."""
    table: dict[str, list[str]] = {}
    for bank in banks.values():
        shares_tried: dict[str, list[tuple[float, float, float]]] = {}
        for left in range(bank.n_sites):
            inner = np.mean([bank.inner(name, left) for name in BLENDED], axis=0)
            p = np.mean([bank.outer(name, left) for name in BLENDED], axis=0)
            trained = bank.cause[bank.site != left]
            true = cause_fractions(bank.cause[bank.site == left], bank.n_causes)
            prior = cause_fractions(trained, bank.n_causes)
            floor = float(csmf_accuracy(true, prior))
            judge = bank.inner(BLENDED[0], left)
            for name, (a, w) in share_rules(inner, trained, bank.site[bank.site != left], judge).items():
                value = float(csmf_accuracy(true, (1 - w) * _blend(a)(p) + w * prior))
                shares_tried.setdefault(name, []).append((value, value - floor, a))
        for name, values in shares_tried.items():
            accuracy, difference, chosen = np.array(values).T
            each = " ".join(f"{a:.2f}" for a in chosen)
            table.setdefault(name, []).append(f"{accuracy.mean():.3f} | {difference.min():+.3f} | {each}")
    heads = " | ".join(f"{m}: CSMF accuracy | {m}: lowest against prior | {m}: share by site" for m in banks)
    print(f"| rule for the share of counts | {heads} |")
    print("|---|" + "---:|---:|---|" * len(banks))
    for name, cells in table.items():
        print(f"| {name} | {' | '.join(cells)} |")


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--bank", type=Path, help="folder of stored predictions, with a folder for each module")
    parser.add_argument("--modules", nargs="+", default=["adult", "child"], choices=["adult", "child"])
    parser.add_argument("--resamples", type=int, default=30)
    parser.add_argument("--shares", action="store_true", help="compare rules for the share of counts in `blended`")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    tasks: list[str] = []
    table: dict[str, list[npt.NDArray[np.float64]]] = {}
    with threadpool_limits(1):
        if options.shares:
            folders = {m: folder_of(options.bank, m) for m in options.modules}
            banks = {m: Bank(read_phmrc(m, options.data, durations=True), f) for m, f in folders.items()}
            print_shares(banks)
            print()
            print_posterior_shares(banks)
            return 0
        for module in options.modules:
            deaths = read_phmrc(module, options.data, durations=True)
            bank = Bank(deaths, folder_of(options.bank, module))
            designs = site_sets(bank, options.resamples)
            by_site = [_score(bank, left, designs) for left in range(bank.n_sites)]
            tasks += [f"{module}, {design}" for design in designs]
            for name in by_site[0]:
                table.setdefault(name, []).extend(np.array([site[name] for site in by_site]).T)
    print(f"| estimator | {' | '.join(tasks)} | worst against the mean probability |")
    print("|---|" + "---:|" * (len(tasks) + 1))
    plain = [values.mean() for values in table["mean probability"]]
    for name, values in table.items():
        cells = ["{:.3f} ({:.3f} to {:.3f})".format(*t_interval(v)) for v in values]
        worst = min(v.mean() - m for v, m in zip(values, plain, strict=True))
        print(f"| {name} | {' | '.join(cells)} | {worst:+.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
