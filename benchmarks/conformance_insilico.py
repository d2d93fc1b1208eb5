"""Compare InSilicoVA with the original by statistical tests: posteriors agree only up to Monte Carlo error.

The original's runs (R/Java, and its C++ port) differ from each other, because its chains mix slowly. Three kinds of
tests show whether they differ from ours by more than that; each has a false-alarm rate of 0.1% for each row:

- *t of the mean CSMF*: the original's runs against our runs of the original's sampler (same start, same length), cause
  by cause, by Student's t for two samples. The row shows the largest |t| over the causes above 1%, and the Bonferroni
  limit. (The runs are not compared with the posterior itself: after 2,000 iterations of burn-in they are still biased
  towards their start, ours of the original's sampler just as much.)
- *t of the levels*: the same for the mean logarithm of each level's probability.
- *t of the log distance*: how far the original's runs are from a long run of our improved sampler, against how far our
  runs of the original's sampler are from it. The row compares the logarithms of the distances (total variation of the
  CSMF; mean total variation of the deaths' probabilities; mean absolute log ratio of the CSMF's standard deviations) by
  Student's t for two samples.

All of these run with ``reference_compat=True``: where a truncated Beta has a mass below 1e-8, the original takes the
middle of the interval. The default draws exactly; the rows marked *intended* show how far that is from the original.

``python -m benchmarks.conformance --section insilico``
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from benchmarks.insilico_folds import Summary, Truth, fold_problem, original_runs, prior_of_levels, truth
from benchmarks.reference import REFERENCE, folds, matrix, who_deaths
from va_experiments.metrics.csmf import csmf_accuracy
from va_experiments.models.empirical import LETTERS
from va_experiments.models.insilico.chain import Run, Sampling
from va_experiments.models.insilico.problem import LEVEL_BOUNDS, Problem
from va_experiments.models.insilico.standard import InSilicoVAStandard

__all__ = ["FALSE_ALARM", "compare", "middle_rule", "rows", "sample"]

FALSE_ALARM = 0.001
"""Of each row."""

_SMALL = 0.01  # causes below are left out of the t of the mean: their distribution over runs is far from normal
_LONG = 10_000  # runs of more iterations are compared with fewer of ours


def rows(
    sites: Sequence[str] | None = None, *, standard: bool = True, n_runs: int = 8, long: bool = True
) -> list[dict[str, Any]]:
    """Make one row for each comparison.

    Parameters
    ----------
    sites : sequence of str, optional
        Folds of the train mode; all that are stored by default.
    standard : bool
        The standard mode too.
    n_runs : int
        Our runs of the original's sampler.
    long : bool
        Compare with the original's chains of 40,000 iterations too, where there are any.
    """
    results: list[dict[str, Any]] = []
    for site in folds("insilico_train") if sites is None else sites:
        for (conversion, length), stored in original_runs(site).items():
            if length >= _LONG and not long:
                continue
            problem, note = fold_problem(site, conversion)
            case = f"train {site}, {conversion}" + (f", {length:,} iterations" if length >= _LONG else "")
            prior = prior_of_levels(site, conversion)
            if prior is not None and length < _LONG:
                results.append(_exact(case, "prior of the levels", problem.arrays.prior_a, prior[problem.levels]))
            runs, precise = (4, 5000) if length >= _LONG else (n_runs, 2500)
            originals = [run.summary for run in stored]
            results += compare(case, problem, originals, length, runs, precise=precise, note=note, true=truth(site))
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
        originals.append(Summary(table["mean"].to_numpy() / share, table["sd"].to_numpy() / share, p.to_numpy()))
    problem = model.problem(split)
    prior = pd.read_csv(REFERENCE / "insilico_who2016" / "levels_prior_a.csv")["prior_a"].to_numpy()
    results.append(_exact("standard RandomVA5", "prior of the levels", problem.arrays.prior_a, prior))
    return [*results, *compare("standard RandomVA5", problem, originals, 4000, n_runs, precise=8000)]


def compare(
    case: str,
    problem: Problem,
    originals: list[Summary],
    length: int,
    n_runs: int,
    *,
    precise: int,
    reference_compat: bool = True,
    note: str = "",
    true: Truth | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one configuration.

    Parameters
    ----------
    case : str
    problem : Problem
        The posterior.
    originals : list of Summary
        Runs of the original.
    length, n_runs : int
        Iterations of these, and how many of ours of the same sampler.
    precise : int
        Saved iterations of each of the four chains that distances are measured from.
    reference_compat : bool
        How ours are run; False only to show that the rows would not hold.
    note : str
        Of every row.
    true : Truth, optional
        Known causes, so that the accuracy of both can be told.
    """
    limit = 1e6 if reference_compat else 10.0
    chains = {"n_chains": 4, "sd_max": limit, "reference_compat": reference_compat}
    reference, levels = _sample(problem, Sampling(500 + precise, 500, **chains), seed=1)  # type: ignore[arg-type]
    slow = Sampling(length, length // 2, 10, original=True, sd_max=1e6, reference_compat=reference_compat)
    runs = [sample(problem, slow, seed=100 + k) for k in range(n_runs)]
    above = reference.mean > _SMALL
    t, freedom = _two_sample([run.mean[above] for run in originals], [run.mean[above] for run in runs])
    allowed, counts = _critical(freedom, int(above.sum())), _counts(originals, runs)
    yield _row(case, "t of the mean CSMF", int(above.sum()), float(np.abs(t).max()), allowed, _join(counts, note))
    log_levels = [run.log_levels for run in originals if run.log_levels is not None]
    if log_levels:
        yield _levels_row(case, problem, log_levels, runs, note)
    for figure, distance in _DISTANCES.items():
        theirs, ours = (np.log([distance(run, reference) for run in some]) for some in (originals, runs))
        t, freedom = _two_sample(theirs, ours)
        text = f"{np.exp(theirs.mean()):.4f} for the original's runs, {np.exp(ours.mean()):.4f} for ours of its sampler"
        figure, allowed = f"t of the log distance: {figure}", _critical(freedom, 1)
        yield _row(case, figure, len(theirs), float(np.abs(t)), allowed, _join(text, note))
    yield from _intended(case, problem, originals, runs, _share_by_rule(problem, levels), true)


def _levels_row(
    case: str, problem: Problem, originals: list[npt.NDArray[np.float64]], runs: list[Summary], note: str
) -> dict[str, Any]:
    """Compare the levels' mean logarithms, without those that no run moved."""
    levels = np.array([run.log_levels for run in runs])
    moved = np.ptp(np.concatenate([np.array(originals), levels]), axis=0) > 1e-6  # False for NaN
    t, freedom = _two_sample([run[moved] for run in originals], levels[:, moved])
    worst = int(np.abs(t).argmax())
    name = LETTERS[np.flatnonzero(moved)[worst]]
    a, b = (np.exp(np.mean(some, axis=0)[moved][worst]) for some in (originals, levels))
    text = f"largest at {name}: {a:.4f} for the original's runs, {b:.4f} for ours of its sampler"
    allowed = _critical(freedom, int(moved.sum()))
    return _row(case, "t of the levels", int(moved.sum()), float(np.abs(t).max()), allowed, _join(text, note))


def _intended(
    case: str, problem: Problem, originals: list[Summary], runs: list[Summary], rule: str, true: Truth | None
) -> Iterator[dict[str, Any]]:
    """Yield the row of the default against the original: it tells a difference and allows any."""
    default = sample(problem, Sampling(2500, 500, n_chains=4), seed=1)
    theirs = _mean(originals)
    text = "intended: the default draws exactly from every truncated Beta" if rule else "intended"
    if case.startswith("standard"):
        text += ", removes causes that are impossible for all deaths and does not count them in the normalising sum"
    if true is not None:
        text += "; CSMF accuracy / top-1: " + ", ".join(
            f"{name} {_accuracy(some, true)}"
            for name, some in (("default", [default]), ("the original", originals), ("ours of its sampler", runs))
        )
    figure = "CSMF of the default (reference_compat=False) from the original's mean, total variation"
    yield _row(case, figure, len(theirs.mean), float(_DISTANCES["CSMF"](default, theirs)), np.inf, _join(text, rule))


def _accuracy(runs: list[Summary], true: Truth) -> str:
    """Return CSMF accuracy and top-1 of some runs, as means and, of several, ranges."""
    scores = [float(csmf_accuracy(true.fraction, run.mean)) for run in runs]
    top = [float((run.probability.argmax(axis=1) == true.cause).mean()) for run in runs]
    text = f"{np.mean(scores):.3f} / {np.mean(top):.3f}"
    if len(runs) == 1:
        return text
    return f"{text} ({min(scores):.3f} to {max(scores):.3f} / {min(top):.3f} to {max(top):.3f} over {len(runs)} runs)"


def middle_rule(levels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of a chain's iterations in which each level was set to the middle of its interval.

    Parameters
    ----------
    levels : float64 array, shape (n_chains, n_iterations, n_levels)
        Every iteration's levels: a level lies between the next lower one before its draw and the next higher one after.
    """
    before, after = levels[:, :-1], levels[:, 1:]
    edge = np.full_like(before[..., :1], LEVEL_BOUNDS[0])
    lower = np.maximum(np.concatenate([before[..., 1:], edge], axis=2), LEVEL_BOUNDS[0])
    upper = np.minimum(np.concatenate([edge * 0 + LEVEL_BOUNDS[1], after[..., :-1]], axis=2), LEVEL_BOUNDS[1])
    return (after == (lower + upper) / 2).mean(axis=(0, 1))


def _share_by_rule(problem: Problem, levels: npt.NDArray[np.float64]) -> str:
    if problem.likelihood is not None or levels.shape[1] < 2:
        return ""
    share = middle_rule(levels)
    named = [f"{LETTERS[problem.levels[k]]} in {share[k]:.0%}" for k in np.flatnonzero(share >= 0.005)]
    return f"the original's rule for small masses decides {', '.join(named) or 'no level'} of the draws".replace(
        "no level of the draws", "no level"
    )


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _mean(runs: list[Summary]) -> Summary:
    return Summary(*(np.mean([getattr(run, k) for run in runs], axis=0) for k in ("mean", "sd", "probability")))


def _two_sample(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], int]:
    """Return Student's t for two samples with one variance, along the first axis, and its degrees of freedom."""
    a, b = np.asarray(a), np.asarray(b)
    freedom = len(a) + len(b) - 2
    squares = ((a - a.mean(axis=0)) ** 2).sum(axis=0) + ((b - b.mean(axis=0)) ** 2).sum(axis=0)
    error = np.sqrt(squares / freedom * (1 / len(a) + 1 / len(b)))
    return (a.mean(axis=0) - b.mean(axis=0)) / error, freedom


def _counts(originals: list[Summary], runs: list[Summary]) -> str:
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


def sample(problem: Problem, sampling: Sampling, seed: int) -> Summary:
    """Run the chains and summarise them."""
    return _sample(problem, sampling, seed)[0]


def _sample(problem: Problem, sampling: Sampling, seed: int) -> tuple[Summary, npt.NDArray[np.float64]]:
    run = Run(problem, sampling, seed)
    run.sample(lambda run: True, sampling.n_iterations)
    draws = run.csmf_draws[:, :, 0].reshape(-1, problem.n_causes)
    total = run.probability[problem.cell][:, : problem.n_causes]
    probability, levels = total / total.sum(axis=1, keepdims=True), run.level_draws
    logs = None
    if levels.size:
        logs = np.full(len(LETTERS), np.nan)
        logs[problem.levels] = np.log(levels).mean(axis=(0, 1))
    return Summary(draws.mean(axis=0), draws.std(axis=0, ddof=1), probability, logs), levels


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
