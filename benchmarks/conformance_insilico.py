"""Compare InSilicoVA with the original by statistical tests: posteriors agree only up to Monte Carlo error.

The original's runs (R/Java, and its C++ port) differ from each other, because its chains mix slowly. Two kinds of tests
show whether they differ from ours by more than that; each has a false-alarm rate of 0.1% for each row:

- *t of the mean CSMF*: the original's runs against our runs of the original's sampler (same start, same length), cause
  by cause, by Student's t for two samples. The row shows the largest |t| over the causes above 1%, and the Bonferroni
  limit. (The runs are not compared with the posterior itself: after 2,000 iterations of burn-in they are still biased
  towards their start, ours of the original's sampler just as much.)
- *t of the log distance*: how far the original's runs are from the posterior, which our improved sampler gives with
  little error, against how far our runs of the original's sampler are. The row compares the logarithms of the distances
  (total variation of the CSMF; mean total variation of the deaths' probabilities; mean absolute log ratio of the
  CSMF's standard deviations) by Student's t for two samples.

``python -m benchmarks.conformance --section insilico``
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from benchmarks.reference import REFERENCE, SITES, fold, matrix, who_deaths
from va_experiments.models.empirical import INTERVA_VALUES, LETTERS
from va_experiments.models.insilico.chain import Run, Sampling
from va_experiments.models.insilico.problem import Problem, build_problem
from va_experiments.models.insilico.standard import InSilicoVAStandard

__all__ = ["FALSE_ALARM", "rows"]

FALSE_ALARM = 0.001
"""Of each row."""

_RUNS = {
    ("Pemba", "quantile"): ["quantile_update_seed1", "quantile_update_seed2", "quantile_update_seed3"]
    + [f"cpp_quantile_update_{k}" for k in ("defaultrng", "seed1", "seed2", "seed3", "seed4")],
    ("Pemba", "fixed"): ["fixed_update_seed1"],
    ("Pemba", "fixed probabilities"): ["quantile_noupdate_seed1", "cpp_empirical_noupdate_seed1"],
    ("Bohol", "quantile"): ["quantile_update_seed1", "quantile_update_seed2"]
    + [f"cpp_quantile_update_{k}" for k in ("defaultrng", "seed1", "seed2")],
    ("Bohol", "fixed probabilities"): ["quantile_noupdate_seed1"],
    ("AP", "quantile"): ["quantile_update_seed1"],
    ("AP", "fixed probabilities"): ["cpp_empirical_noupdate_seed1"],
}
_SMALL = 0.01  # causes below are left out of the t of the mean: their distribution over runs is far from normal


@dataclass(frozen=True, eq=False)
class _Summary:
    mean: npt.NDArray[np.float64]
    sd: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]


def rows(
    sites: tuple[str, ...] = SITES, *, standard: bool = True, n_runs: int = 8, long: bool = True
) -> list[dict[str, Any]]:
    """Make one row for each comparison.

    Parameters
    ----------
    sites : tuple of str
        Folds of the train mode.
    standard : bool
        The standard mode too.
    n_runs : int
        Our runs of the original's sampler.
    long : bool
        Compare with the original's chain of 40,000 iterations (Pemba) too.
    """
    results: list[dict[str, Any]] = []
    for (site, conversion), tags in _RUNS.items():
        if site in sites:
            problem = _problem(site, conversion)
            originals = [_read_train(site, f"{tag}_N4000") for tag in tags]
            case = f"train {site}, {conversion}"
            results += _compare(case, problem, originals, 4000, n_runs, precise=2500, reference_compat=False)
            if long and (site, conversion) == ("Pemba", "quantile"):
                chain = [_read_train(site, "cpp_quantile_update_seed11_N40000")]
                case += ", 40,000 iterations"
                results += _compare(case, problem, chain, 40000, 4, precise=5000, reference_compat=False)
    if standard:
        results += _standard(n_runs)
    return results


def _standard(n_runs: int) -> list[dict[str, Any]]:
    deaths = who_deaths("RandomVA5.csv.gz", "probbaseV5_R.csv.gz")
    model = InSilicoVAStandard(probbase=str(REFERENCE / "interva5" / "probbaseV5_R.csv.gz")).fit(deaths)
    split = model.split(deaths)
    results = [
        _exact("standard RandomVA5", "indicators after check and removals", *_indicators(split.symptoms)),
        _exact("standard RandomVA5", "impossible causes", split.possible, _impossible(split.possible.shape)),
    ]
    names = [model.probbase_.causes[c] for c in split.causes]
    ids = deaths.id[split.natural]
    share = split.natural.sum() / split.assessed.sum()
    originals = []
    for seed in (1, 2, 3):
        table = matrix(f"insilico_who2016/csmf_seed{seed}.csv").loc[names]
        p = matrix(f"insilico_who2016/probs_seed{seed}.csv.gz").loc[ids, names]
        originals.append(_Summary(table["mean"].to_numpy() / share, table["sd"].to_numpy() / share, p.to_numpy()))
    problem = model.problem(split)
    prior = pd.read_csv(REFERENCE / "insilico_who2016" / "levels_prior_a.csv")["prior_a"].to_numpy()
    results.append(_exact("standard RandomVA5", "prior of the levels", problem.arrays.prior_a, prior))
    results += _compare("standard RandomVA5", problem, originals, 4000, n_runs, precise=8000, reference_compat=True)
    default = _sample(problem, Sampling(2500, 500, n_chains=4), seed=1)
    theirs = _Summary(*(np.mean([getattr(o, k) for o in originals], axis=0) for k in ("mean", "sd", "probability")))
    distance = float(_DISTANCES["CSMF"](default, theirs))
    note = (
        "intended: causes that are impossible for all deaths are removed, and no longer counted in the normalising sum"
    )
    figure = "CSMF of the default (reference_compat=False) from the original's mean, total variation"
    results.append(_row("standard RandomVA5", figure, len(names), distance, np.inf, note))
    return results


def _compare(
    case: str,
    problem: Problem,
    originals: list[_Summary],
    length: int,
    n_runs: int,
    *,
    precise: int,
    reference_compat: bool,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one configuration."""
    limit = 1e6 if reference_compat else 10.0
    ours = _sample(
        problem, Sampling(500 + precise, 500, n_chains=4, sd_max=limit, reference_compat=reference_compat), seed=1
    )
    slow = Sampling(length, length // 2, 10, original=True, sd_max=1e6, reference_compat=reference_compat)
    runs = [_sample(problem, slow, seed=100 + k) for k in range(n_runs)]
    above = ours.mean > _SMALL
    t, freedom = _two_sample([run.mean[above] for run in originals], [run.mean[above] for run in runs])
    limit = _critical(freedom, int(above.sum()))
    yield _row(case, "t of the mean CSMF", int(above.sum()), float(np.abs(t).max()), limit, _counts(originals, runs))
    for figure, distance in _DISTANCES.items():
        theirs, own = (np.log([distance(run, ours) for run in some]) for some in (originals, runs))
        t, freedom = _two_sample(theirs, own)
        note = f"{np.exp(theirs.mean()):.4f} for the original's runs, {np.exp(own.mean()):.4f} for ours of its sampler"
        yield _row(case, f"t of the log distance: {figure}", len(theirs), float(np.abs(t)), _critical(freedom, 1), note)


def _two_sample(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], int]:
    """Return Student's t for two samples with one variance, along the first axis, and its degrees of freedom."""
    a, b = np.asarray(a), np.asarray(b)
    freedom = len(a) + len(b) - 2
    squares = ((a - a.mean(axis=0)) ** 2).sum(axis=0) + ((b - b.mean(axis=0)) ** 2).sum(axis=0)
    error = np.sqrt(squares / freedom * (1 / len(a) + 1 / len(b)))
    return (a.mean(axis=0) - b.mean(axis=0)) / error, freedom


def _counts(originals: list[_Summary], runs: list[_Summary]) -> str:
    return f"{len(originals)} runs of the original, {len(runs)} of ours of its sampler"


def _critical(freedom: int, n_tests: int) -> float:
    return float(stats.t.ppf(1 - FALSE_ALARM / 2 / n_tests, freedom))


_DISTANCES = {
    "CSMF": lambda a, b: np.abs(a.mean - b.mean).sum() / 2,
    "probabilities": lambda a, b: np.abs(a.probability - b.probability).sum(axis=1).mean() / 2,
    "CSMF's sd": lambda a, b: np.abs(np.log(a.sd[b.mean > _SMALL] / b.sd[b.mean > _SMALL])).mean(),
}


def _row(case: str, figure: str, values: int, difference: float, tolerance: float, note: str = "") -> dict[str, Any]:
    return {
        "algorithm": "insilico",
        "case": case,
        "figure": figure,
        "values": values,
        "difference": difference,
        "tolerance": tolerance,
        "holds": bool(difference <= tolerance),
        "note": note,
    }


def _exact(case: str, figure: str, ours: npt.NDArray, original: npt.NDArray) -> dict[str, Any]:
    same_shape = ours.shape == original.shape
    difference = float(np.abs(ours.astype(float) - original.astype(float)).max()) if same_shape else np.inf
    return _row(case, figure, int(ours.size), difference, 1e-9)


def _sample(problem: Problem, sampling: Sampling, seed: int) -> _Summary:
    run = Run(problem, sampling, seed)
    run.sample(lambda run: True, sampling.n_iterations)
    draws = run.csmf_draws[:, :, 0].reshape(-1, problem.n_causes)
    total = run.probability[problem.cell][:, : problem.n_causes]
    return _Summary(draws.mean(axis=0), draws.std(axis=0, ddof=1), total / total.sum(axis=1, keepdims=True))


def _problem(site: str, conversion: str) -> Problem:
    """Return the posterior that the original sampled: its levels (random where imputed) as stored."""
    _, test = fold(site)
    kind = "quantile" if conversion == "fixed probabilities" else conversion
    letters = pd.read_csv(
        REFERENCE / f"insilico_train/{site}/condprob_letters_{kind}.csv.gz", index_col=0, keep_default_na=False
    )
    symptoms = test.select([str(s) for s in letters.index]).symptoms
    if conversion == "fixed probabilities":
        shares = matrix(f"interva_train/{site}/condprob_raw_imputed.csv.gz")
        return build_problem(symptoms, probability=shares.loc[letters.index, letters.columns].to_numpy())
    level = np.vectorize(LETTERS.index)(letters.to_numpy())
    strength = {"quantile": 0.01, "fixed": 1.0}[conversion]
    return build_problem(symptoms, level=level, start=INTERVA_VALUES, levels_strength=strength)


def _read_train(site: str, tag: str) -> _Summary:
    folder = f"insilico_train/{site}"
    order = pd.read_csv(REFERENCE / folder / "condprob_letters_quantile.csv.gz", index_col=0, nrows=1).columns
    table = matrix(f"{folder}/csmf_{tag}.csv").loc[order]
    probability = matrix(f"{folder}/probs_{tag}.csv.gz")[list(order)].to_numpy()
    return _Summary(table["mean"].to_numpy(), table["sd"].to_numpy(), probability)


def _indicators(symptoms: npt.NDArray[np.int8]) -> tuple[npt.NDArray, npt.NDArray]:
    stored = matrix("insilico_who2016/indicator_matrix.csv.gz").to_numpy()
    return symptoms[:, (symptoms >= 0).any(axis=0)], stored


def _impossible(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    rules = pd.read_csv(REFERENCE / "insilico_who2016" / "impossible.csv").to_numpy()
    symptoms = matrix("insilico_who2016/indicator_matrix.csv.gz").to_numpy()
    possible = np.ones(shape, dtype=bool)
    for cause, symptom, kind in rules:
        possible[symptoms[:, symptom - 1] == 1 - kind, cause - 1] = False
    return possible
