"""Compare InSilicoVA with the original: CPU seconds, effective samples, cost by size, resampled test sets.

``python -m benchmarks.insilico [--json FILE] [--resamples 4] [--conversions] [--cuda]``

- *Folds*: 4,000 iterations (4 chains of 1,000, or one of 4,000 for the original's sampler), fit and predict together,
  convergence diagnostics included, on one core. The original's figures are those of ``reference/timings.csv``. Its
  effective sample size is that of its stored draws if there are any (Pemba, Bohol, AP), else that of our run of the
  same sampler; the smallest over the causes counts.
- *Resampled*: test sets of 1,960 deaths, with CSMFs from a flat Dirichlet, out of the Dar fold's test deaths, as in
  Li et al. (2020); 10,000 iterations each; a few are measured and 500 on two cores are projected.
- ``--cuda`` runs all 500 as one batch on a GPU.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.reference import REFERENCE, fold
from va_experiments.data.deaths import Deaths
from va_experiments.models.insilico.chain import Run, Sampling
from va_experiments.models.insilico.convergence import assess
from va_experiments.models.insilico.insilico import InSilicoVA

__all__ = ["conversions", "cost_by_size", "folds", "main", "resampled", "rows"]

_FOLDS = ("Pemba", "Bohol", "UP", "AP", "Mexico", "Dar")
_DRAWS = {"Pemba": (1, 2, 3), "Bohol": (1, 2), "AP": (1,)}


def rows() -> list[dict[str, Any]]:
    """Measure the CPU seconds of each fold as ``benchmarks.algorithms`` lists them."""
    return [
        {
            "algorithm": "InSilicoVA train, 4,000 iterations",
            "data": row["data"],
            "n_train": row["n_train"],
            "n_test": row["n_test"],
            "cpu_s": row["ours_cpu_s"],
            "original_cpu_s": row["original_cpu_s"],
            "times_less": row["times_less"],
            "original": "InSilicoVA (R, Java)",
        }
        for row in folds()
    ]


def folds() -> list[dict[str, Any]]:
    """Compare CPU seconds and effective samples of ours and the original, one row for each fold."""
    timings = pd.read_csv(REFERENCE / "timings.csv")
    _warm_up()
    table = []
    for site in _FOLDS:
        train, test = fold(site)
        ours, prediction = _timed(InSilicoVA(auto_length=False, n_iterations=1000, burn_in=250), train, test)
        slow = InSilicoVA(
            auto_length=False,
            n_iterations=4000,
            burn_in=2000,
            thin=10,
            n_chains=1,
            sampler="original",
            reference_compat=True,
        )
        same, replica = _timed(slow, train, test)
        theirs = timings.query(
            "algorithm == 'InSilicoVA_train' and data == @site and "
            "variant.str.startswith('quantile_update') and variant.str.contains('N4000')"
        )["cpu_s"].median()
        stored = [_stored_ess(site, seed) for seed in _DRAWS.get(site, ())]
        ess = float(np.median(stored)) if stored else float(replica.diagnostics["ess_min"])
        table.append(
            {
                "data": site,
                "n_train": len(train),
                "n_test": len(test),
                "ours_cpu_s": round(ours, 3),
                "original_cpu_s": round(float(theirs), 3),
                "times_less": round(float(theirs) / ours, 1),
                "ours_ess_min": round(prediction.diagnostics["ess_min"], 1),
                "original_ess_min": round(ess, 1),
                "original_ess_from": "its draws" if stored else "our run of its sampler",
                "ess_per_s_ratio": round(prediction.diagnostics["ess_min"] / ours / (ess / float(theirs)), 0),
                "rhat_max": prediction.diagnostics["rhat_max"],
                "original_sampler_ours_cpu_s": round(same, 3),
                "original_sampler_acceptance": replica.diagnostics["acceptance"][0],
            }
        )
    return table


def _warm_up() -> None:
    train, test = fold("Pemba")
    InSilicoVA(n_iterations=20, burn_in=5, auto_length=False).fit(train).predict(test.take(np.arange(20)))


def _timed(model: InSilicoVA, train: Deaths, test: Deaths) -> tuple[float, Any]:
    """Measure the CPU seconds of fit and predict (the fastest of three runs), and return the prediction."""
    times = []
    for _ in range(3):
        start = time.process_time()
        prediction = model.fit(train, seed=1).predict(test.without_causes(), seed=1)
        times.append(time.process_time() - start)
    return min(times), prediction


def _stored_ess(site: str, seed: int) -> float:
    path = REFERENCE / f"insilico_train/{site}/csmf_draws_quantile_update_seed{seed}_N4000.csv.gz"
    with gzip.open(path, "rt") as file:
        draws = pd.read_csv(file, index_col=0).to_numpy()
    return float(assess(draws[None]).ess.min())


def cost_by_size() -> list[dict[str, Any]]:
    """Measure CPU seconds by number of deaths and of iterations; twice as many should cost twice as much."""
    train, test = fold("Dar")
    _warm_up()
    results = []
    for copies, n_iterations in ((0.25, 800), (0.5, 800), (1, 800), (1, 400), (1, 1600), (1, 3200)):
        model = InSilicoVA(n_iterations=n_iterations, burn_in=100, n_chains=1, auto_length=False).fit(train, seed=1)
        part = test.take(np.arange(int(copies * len(test))))
        problem = model.problem(part)
        run = Run(problem, Sampling(n_iterations, 100), seed=1)
        start = time.process_time()
        run.sample(lambda run: True, n_iterations)
        cpu = time.process_time() - start
        results.append(
            {
                "n_deaths": len(part),
                "n_iterations": n_iterations,
                "cpu_s": round(cpu, 3),
                "microseconds_per_iteration_and_death": round(cpu / n_iterations / len(part) * 1e6, 4),
                "additions_per_death": round(len(problem.arrays.left) / len(part), 2),
            }
        )
    return results


def plot(table: list[dict[str, Any]], file: str) -> None:
    """Draw CPU seconds against deaths and against iterations, each with a line proportional to it."""
    import altair as alt

    panels = []
    for column, other in (("n_deaths", "n_iterations"), ("n_iterations", "n_deaths")):
        frame = pd.DataFrame(table)
        frame = frame[frame[other] == frame[other].mode()[0]].sort_values(column)
        slope = float((frame["cpu_s"] * frame[column]).sum() / (frame[column] ** 2).sum())
        frame["linear"] = slope * frame[column]
        x = alt.X(f"{column}:Q", title=column.removeprefix("n_")).scale(zero=True)
        points = alt.Chart(frame).mark_point(filled=True, size=60).encode(x=x, y=alt.Y("cpu_s:Q", title="CPU seconds"))
        line = alt.Chart(frame).mark_line(strokeDash=[4, 3]).encode(x=x, y="linear:Q")
        fixed = f"{other.removeprefix('n_')}: {frame[other].iloc[0]:,}"
        panels.append((points + line).properties(width=300, height=220, title=f"{fixed} (dashed: proportional)"))
    alt.hconcat(*panels).save(file, scale_factor=2)


def resampled_rows(test: Deaths, n_sets: int, size: int = 1960) -> list[npt.NDArray[np.intp]]:
    """Draw the rows of test sets whose CSMF comes from a flat Dirichlet over the causes of `test`."""
    assert test.cause is not None
    causes = np.unique(test.cause)
    rng = np.random.default_rng(2020)
    sets = []
    for _ in range(n_sets):
        counts = rng.multinomial(size, rng.dirichlet(np.ones(len(causes))))
        parts = [rng.choice(np.flatnonzero(test.cause == c), k) for c, k in zip(causes, counts, strict=True)]
        sets.append(np.concatenate(parts))
    return sets


def resampled(n_sets: int = 20, n_iterations: int = 10_000, *, cuda: bool = False) -> dict[str, Any]:
    """Measure CPU seconds of a few resampled test sets and project them to 500; or measure 500 on a GPU."""
    train, test = fold("Dar")
    _warm_up()
    model = InSilicoVA(n_iterations=n_iterations, burn_in=n_iterations // 2, auto_length=False).fit(train, seed=1)
    sampling = Sampling(n_iterations, n_iterations // 2, 10)
    if cuda:
        from va_experiments.models.insilico.batch import sample_batch

        problems = [model.problem(test.take(rows)) for rows in resampled_rows(test, 500)]
        levels = set.intersection(*(set(p.levels) for p in problems))
        assert all(set(p.levels) == levels for p in problems)
        start = time.perf_counter()
        batch = sample_batch(problems, sampling, seed=1)
        return {"sets": 500, "gpu_seconds": round(time.perf_counter() - start, 1), "acceptance": batch.acceptance}
    seconds, distinct = [], []
    for rows in resampled_rows(test, n_sets):
        start = time.process_time()
        problem = model.problem(test.take(rows))
        Run(problem, sampling, seed=1).sample(lambda run: True, n_iterations)
        seconds.append(time.process_time() - start)
        distinct.append(len(problem.arrays.symptoms))
    return {
        "sets_measured": n_sets,
        "n_iterations": n_iterations,
        "distinct_deaths_of_1960": int(np.mean(distinct)),
        "cpu_s_per_set": round(float(np.mean(seconds)), 3),
        "projected_minutes_500_sets_2_cores": round(float(np.mean(seconds)) * 500 / 2 / 60, 2),
    }


def conversions() -> list[dict[str, Any]]:
    """Measure the accuracy at each of the six sites, trained on the other five, by conversion of the shares."""
    results = []
    for name, how in {
        "quantile, mirrored (default)": {},
        "quantile, not mirrored": {"mirrored": False},
        "quantile, fixed probabilities": {"update_cond_prob": False},
        "fixed": {"conversion": "fixed"},
    }.items():
        scores = []
        for site in _FOLDS:
            train, test = fold(site)
            assert test.cause is not None
            prediction = InSilicoVA(**how).fit(train, seed=1).predict(test.without_causes(), seed=1)  # type: ignore[arg-type]
            truth = np.bincount(test.cause, minlength=len(test.causes)) / len(test)
            accuracy = 1 - np.abs(prediction.csmf - truth).sum() / (2 * (1 - truth.min()))
            hit = prediction.top_cause == test.cause
            chance = 1 / len(np.unique(train.cause))
            sensitivity = np.array([hit[test.cause == c].mean() for c in np.unique(test.cause)])
            concordance = ((sensitivity - chance) / (1 - chance)).mean()
            scores.append([accuracy, hit.mean(), concordance, prediction.diagnostics["rhat_max"]])
        mean = np.mean(scores, axis=0)
        results.append(
            {
                "levels": name,
                "csmf_accuracy": round(mean[0], 3),
                "top1": round(mean[1], 3),
                "ccc": round(mean[2], 3),
                "largest_rhat": round(max(s[3] for s in scores), 3),
            }
        )
    return results


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="also write the figures to this file")
    parser.add_argument("--resamples", type=int, default=20, help="resampled test sets to measure")
    parser.add_argument("--plot", metavar="FILE", help="draw the cost by deaths and iterations there, and nothing else")
    parser.add_argument("--cuda", action="store_true", help="run the 500 resampled test sets on a GPU instead")
    parser.add_argument("--conversions", action="store_true", help="accuracy by conversion instead")
    options = parser.parse_args(arguments)
    if not REFERENCE.is_dir():
        print("needs the reference outputs in the folder shared/ beside the checkout", file=sys.stderr)
        return 2
    if options.conversions:
        print(pd.DataFrame(conversions()).to_string(index=False))
        return 0
    if options.plot:
        table = cost_by_size()
        print(pd.DataFrame(table).to_string(index=False))
        plot(table, options.plot)
        return 0
    if options.cuda:
        print(json.dumps(resampled(cuda=True), indent=1))
        return 0
    results = {
        "folds": folds(),
        "cost_by_size": cost_by_size(),
        "resampled": resampled(options.resamples),
    }
    print(pd.DataFrame(results["folds"]).set_index("data").T.to_string())
    print(pd.DataFrame(results["cost_by_size"]).to_string(index=False))
    print(json.dumps({"resampled": results["resampled"]}, indent=1))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
