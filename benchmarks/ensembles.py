"""Compare attempts to reach CSMF accuracy .80 and top-1 .47 at a new site.

``python -m benchmarks.ensembles [--data FILE] [--bank FOLDER]``

Means over the six sites of the PHMRC adults. Everything that an attempt learns (weights, temperatures, shares) is
learned on the five training sites, each predicted by models fitted to the other four. The first table chooses members
on these training sites alone: no death of the test site is used. The predictions, 21 fits of each model, are stored in
the bank folder if there is one: about 14 CPU minutes without it, one with it.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from va_experiments import models
from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.calibration import fit_calibration
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.metrics.quantification import OutOfFoldPredictions, em
from va_experiments.models.adaptive_count import fit_adaptive_count, reweigh
from va_experiments.models.base import Model
from va_experiments.models.ensembles.pooling import linear_weights, logarithmic_weights, pool
from va_experiments.models.ensembles.site_cross_validation import death_weights

__all__ = ["main"]

Floats = npt.NDArray[np.float64]
Attempt = Callable[[int], tuple[Floats, Floats]]
"""Site left out -> probabilities of its deaths, and the CSMF."""


BOOSTED = {"rounds": 150, "max_depth": 2, "learning_rate": 0.1, "colsample": 0.25, "subsample": 0.7}


def makers(numbers: tuple[str, ...]) -> dict[str, Callable[[], Model]]:
    """Define the models under the names in the table; ``_d`` models also use durations."""
    every = ("age", *numbers)

    def boosted(**changed: float) -> Callable[[], Model]:
        return lambda: models.XGBoost(**{**BOOSTED, **changed}, covariates=every)  # type: ignore[arg-type]

    return {
        "lr": lambda: models.LogisticRegression(),
        "inv": lambda: models.InvariantRegression(),
        "nb": lambda: models.NaiveBayes(),
        "xgb": lambda: models.XGBoost(),
        "xgb_d": lambda: models.XGBoost(covariates=every),
        "xgb_m": boosted(),
        "xgb_w": boosted(rounds=60, learning_rate=0.25),
        "xgb_s": boosted(max_depth=3, learning_rate=0.08, colsample=0.3, min_child_weight=2),
        "xgb_c1": boosted(colsample=0.1),
        "xgb_c5": boosted(colsample=0.5),
        "rf_d": lambda: models.RandomForest(covariates=every),
        "et_d": lambda: models.ExtraTrees(covariates=every),
        "lr_d": lambda: models.LogisticRegression(covariates=every),
    }


SHIPPED = ("xgb_m*3", "lr")
"""Members of ``model=stacking``."""

CANDIDATES = (("xgb_c1", "lr"), ("xgb_m", "lr"), ("xgb_m#2", "lr"), ("xgb_m#3", "lr"), ("xgb_m*3", "lr"),
              ("xgb_c5", "lr"))  # fmt: skip
"""Members that the first table chooses between."""


class Bank:
    """Predictions of every site by models without it, and of every pair of sites by models without both.

    A name may end in ``#2``, ``#3``, ...: the same model with other seeds. ``xgb_m*3`` is the mean of the first three.
    """

    def __init__(self, deaths: Deaths, folder: Path | None) -> None:
        assert deaths.cause is not None
        self.deaths, self.cause, self.site = deaths, deaths.cause.astype(np.intp), deaths.site
        self.n_sites, self.n_causes = len(deaths.sites), len(deaths.causes)
        self._folder, self._kept = folder, {}

    def _of(self, name: str) -> dict[str, Floats]:
        if "*" in name:
            base, bags = name.split("*")
            every = [self._of(base if k == 1 else f"{base}#{k}") for k in range(1, int(bags) + 1)]
            return {key: np.mean([one[key] for one in every], axis=0) for key in every[0]}
        if name not in self._kept:
            file = self._folder / f"bank_{name}.npz" if self._folder else None
            if file is None or not file.exists():
                made = self._fit(name)
                if file is not None:
                    np.savez(file, **made)
            else:
                made = dict(np.load(file))
            self._kept[name] = {k: v.astype(np.float64) for k, v in made.items()}
        return self._kept[name]

    def _fit(self, name: str) -> dict[str, npt.NDArray]:
        numbers = tuple(k for k in self.deaths.covariates if k != "age")
        data = self.deaths
        name, _, number = name.partition("#")
        if name in ("et_d", "lr_d"):  # these two take the logarithms of the durations
            logs = {k: v if k == "age" else np.log1p(np.nan_to_num(v)) for k, v in data.covariates.items()}
            data = dataclasses.replace(data, covariates=logs)
        made = {}
        sites = range(self.n_sites)
        for held in [(s,) for s in sites] + list(itertools.combinations(sites, 2)):
            seed = 1000 * int(number or 1) + sum(7**s for s in held)
            model = makers(numbers)[name]().fit(data.take(~np.isin(self.site, held)), seed=seed)
            for s in held:
                test = data.take(self.site == s).without_causes()
                results = model.predict(test, seed=2).probability.astype(np.float32)
                made["_".join(map(str, held)) + f"@{s}"] = results
        return made

    def outer(self, name: str, s: int) -> Floats:
        """Predict site s by a model fitted to the others."""
        return self._of(name)[f"{s}@{s}"]

    def inner(self, name: str, s: int) -> Floats:
        """Predict the other sites' deaths, each by a model without its site and without s."""
        whole = np.zeros((len(self.cause), self.n_causes))
        for t in range(self.n_sites):
            if t != s:
                whole[self.site == t] = self._of(name)["_".join(map(str, sorted((s, t)))) + f"@{t}"]
        return whole[self.site != s]

    def train(self, s: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return causes and sites of the deaths outside site s."""
        return self.cause[self.site != s], np.unique(self.site[self.site != s], return_inverse=True)[1]


def pooled(bank: Bank, names: tuple[str, ...], how: str, s: int) -> tuple[Floats, Floats]:
    """Pool models for site s, and for the deaths outside it."""
    cause, fold = bank.train(s)
    inner, weight = [bank.inner(n, s) for n in names], death_weights(fold, balanced=True)
    kind, w = "linear", np.full(len(names), 1 / len(names))
    if how == "linear":
        w = linear_weights(inner, cause, weight)
    elif how == "logarithmic":
        kind, w = how, logarithmic_weights(inner, cause, weight)[0]
    return pool([bank.outer(n, s) for n in names], w, kind), pool(inner, w, kind)


def choice(bank: Bank, names: tuple[str, ...], seed: int) -> npt.NDArray[np.float64]:
    """Score a logarithmic stack on the training sites: log loss, top-1, CSMF accuracy and top-1 after adapting.

    For each site left out, means over the five training sites, each predicted by members without it (and without the
    site left out); the rule for the cause mix that is applied to one is learned on the other four.

    Returns
    -------
    float64 array, shape (n_sites, 4)
    """
    results = []
    for s in range(bank.n_sites):
        cause, fold = bank.train(s)
        p = pooled(bank, names, "logarithmic", s)[1]
        for t in np.unique(fold):
            inside = fold == t
            truth, tested = cause[inside], p[inside]
            csmf, _ = fit_adaptive_count(p[~inside], cause[~inside], fold[~inside], seed=seed).csmf(tested)
            likelihood = np.maximum(tested[np.arange(len(truth)), truth], 1e-6)
            results.append(
                (
                    -float(np.log(likelihood).mean()),
                    float((tested.argmax(axis=1) == truth).mean()),
                    float(csmf_accuracy(cause_fractions(truth, bank.n_causes), csmf)),
                    float((reweigh(tested, csmf).argmax(axis=1) == truth).mean()),
                )
            )
    return np.array(results).reshape(bank.n_sites, -1, 4).mean(axis=1)


def attempts(bank: Bank, seed: int) -> dict[str, Attempt]:
    """List the attempts in the order of the table."""
    results: dict[str, Attempt] = {}

    def plain(names: tuple[str, ...], how: str) -> Attempt:
        def attempt(s: int) -> tuple[Floats, Floats]:
            p = pooled(bank, names, how, s)[0]
            return p, p.mean(axis=0)

        return attempt

    def adaptive(names: tuple[str, ...], how: str, posterior: bool) -> Attempt:
        def attempt(s: int) -> tuple[Floats, Floats]:
            p, inner = pooled(bank, names, how, s)
            csmf, _ = fit_adaptive_count(inner, *bank.train(s), seed=seed).csmf(p)
            return (reweigh(p, csmf) if posterior else p), csmf

        return attempt

    def shifted(names: tuple[str, ...], damping: float, bias: bool) -> Attempt:
        def attempt(s: int) -> tuple[Floats, Floats]:
            p, inner = pooled(bank, names, "mean", s)
            cause, _ = bank.train(s)
            calibration = fit_calibration(cause, inner, bias=bias)
            p = calibration.apply(p)
            estimate = em(p, OutOfFoldPredictions(inner, cause), calibrate=False, pseudo_deaths=damping * len(p))
            return p, p.mean(axis=0) if estimate.csmf is None else estimate.csmf

        return attempt

    def blended(names: tuple[str, ...], share: float) -> Attempt:
        def attempt(s: int) -> tuple[Floats, Floats]:
            p = pooled(bank, names, "mean", s)[0]
            counts = np.bincount(p.argmax(axis=1), minlength=bank.n_causes) / len(p)
            return p, (1 - share) * p.mean(axis=0) + share * counts

        return attempt

    def oracle(s: int) -> tuple[Floats, Floats]:
        p = pooled(bank, SHIPPED, "logarithmic", s)[0]
        cause, _ = bank.train(s)
        prior, true = (cause_fractions(c, bank.n_causes) for c in (cause, bank.cause[bank.site == s]))
        p = p * np.divide(true, prior, out=np.zeros_like(true), where=prior > 0)
        p /= np.maximum(p.sum(axis=1, keepdims=True), 1e-300)
        return p, p.mean(axis=0)

    for name in (*makers(()), SHIPPED[0]):
        results[f"{name} alone"] = plain((name,), "mean")
    all_ = ("xgb", "xgb_d", "xgb_m", "xgb_s", "lr", "lr_d", "rf_d", "et_d", "nb")
    results["mean of lr, xgb"] = plain(("lr", "xgb"), "mean")
    results["mean of lr, xgb, rf_d, et_d, nb"] = plain(("lr", "xgb", "rf_d", "et_d", "nb"), "mean")
    results["linear stack of all nine"] = plain(all_, "linear")
    results["logarithmic stack of all nine"] = plain(all_, "logarithmic")
    results["logarithmic stack of xgb_m, lr"] = plain(("xgb_m", "lr"), "logarithmic")
    shipped = ", ".join(SHIPPED)
    results[f"logarithmic stack of {shipped}"] = plain(SHIPPED, "logarithmic")
    for damping in (0.0, 0.3, 1.0, 4.0):
        results[f"EM, temperature, prior weight {damping:g} (lr, xgb)"] = shifted(("lr", "xgb"), damping, False)
    results["EM, temperature and bias, prior weight 1 (lr, xgb)"] = shifted(("lr", "xgb"), 1.0, True)
    results["half counts, half mean (lr, xgb)"] = blended(("lr", "xgb"), 0.5)
    for names, how in ((("lr", "xgb"), "mean"), (("xgb_d",), "mean"), (("xgb_m",), "mean"), (("lr",), "mean")):
        results[f"adaptive counts ({', '.join(names)})"] = adaptive(names, how, False)
    results["adaptive counts, logarithmic stack of all nine"] = adaptive(all_, "logarithmic", False)
    results["adaptive counts, logarithmic stack of xgb_m, lr"] = adaptive(("xgb_m", "lr"), "logarithmic", False)
    results["the same, probabilities adjusted too"] = adaptive(("xgb_m", "lr"), "logarithmic", True)
    results[f"**the same of {shipped}: model=stacking**"] = adaptive(SHIPPED, "logarithmic", True)
    results["*oracle: the stack given the true cause mix of the test site*"] = oracle
    return results


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--bank", type=Path, help="folder of stored predictions")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--seed", type=int, default=1, help="of the resamples that adaptive counts learn from")
    parser.add_argument("--digits", type=int, default=3)
    options = parser.parse_args(arguments)
    deaths = read_phmrc("adult", options.data, durations=True)
    bank = Bank(deaths, options.bank)
    with threadpool_limits(1):
        if not options.only:
            _print_choice(bank, options.seed)
        _print_attempts(bank, options)
    return 0


def _print_choice(bank: Bank, seed: int) -> None:
    print("| members | log loss | top-1 | CSMF accuracy, own | top-1, adjusted | log loss, by site left out |")
    print("|---|---:|---:|---:|---:|---|")
    for names in CANDIDATES:
        results = choice(bank, names, seed)
        means = " | ".join(f"{v:.4f}" for v in results.mean(axis=0))
        print(f"| {', '.join(names)} | {means} | {' '.join(f'{v:.3f}' for v in results[:, 0])} |", flush=True)
    print()


def _print_attempts(bank: Bank, options: argparse.Namespace) -> None:
    sites = list(bank.deaths.sites)
    head = "| attempt | CSMF accuracy, own | CSMF accuracy, mean probability | top-1 | own, by site: "
    print(head + ", ".join(sites) + " |")
    print("|---|---:|---:|---:|---|")
    for name, attempt in attempts(bank, options.seed).items():
        if options.only not in name:
            continue
        rows, own_rows = [], []
        for s in range(len(sites)):
            p, csmf = attempt(s)
            truth = bank.cause[bank.site == s]
            true = cause_fractions(truth, bank.n_causes)
            own_rows.append(float(csmf_accuracy(true, csmf)))
            mean = float(csmf_accuracy(true, p.mean(axis=0)))
            rows.append((own_rows[-1], mean, float((p.argmax(axis=1) == truth).mean())))
        means = " | ".join(f"{v:.{options.digits}f}" for v in np.mean(rows, axis=0))
        print(f"| {name} | {means} | {' '.join(f'{v:.2f}' for v in own_rows)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
