"""Read the runs of the original InSilicoVA in train mode: one folder for each fold, whatever folds are there.

A fold is a folder ``insilico_train/SITE`` of the reference outputs. Its files name the run: ``probs_TAG`` and
``csmf_TAG`` with ``TAG = [cpp_]TYPE_(update|noupdate)_(seedK|defaultrng)_N<iterations>``, and ``levels_draws_TAG``
where the run updated the levels; ``condprob_letters_TYPE`` and ``levels_prior_a_TYPE`` hold what the fold's training
gave. A new fold needs only its folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.reference import REFERENCE, fold, matrix
from va_experiments.models.empirical import INTERVA_VALUES, LETTERS, empirical_probabilities
from va_experiments.models.insilico.problem import Problem, build_problem

__all__ = ["FIXED", "OriginalRun", "Summary", "Truth", "fold_problem", "original_runs", "prior_of_levels", "truth"]

FIXED = "fixed probabilities"
"""Runs that did not update the probabilities of the levels: the training shares stayed as they were."""

_TAG = re.compile(r"(?:cpp_)?(quantile|fixed|empirical)_(update|noupdate)_(?:seed\d+|defaultrng)_N(\d+)")
_STRENGTH = {"quantile": 0.01, "fixed": 1.0}


@dataclass(frozen=True, eq=False)
class Summary:
    """What is compared of a run.

    Parameters
    ----------
    mean, sd : float64 array, shape (n_causes,)
        Of the CSMF.
    probability : float64 array, shape (n_deaths, n_causes)
    log_levels : float64 array, shape (15,), or None
        Mean logarithm of each level's probability, NaN for a level that does not occur; None where the run did not
        keep them.
    """

    mean: npt.NDArray[np.float64]
    sd: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    log_levels: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class OriginalRun:
    """A stored run of the original: its name and its summary."""

    tag: str
    summary: Summary


@dataclass(frozen=True, eq=False)
class Truth:
    """Causes of the test deaths, by their place in the order of the stored causes."""

    cause: npt.NDArray[np.intp]
    fraction: npt.NDArray[np.float64]


def original_runs(site: str) -> dict[tuple[str, int], list[OriginalRun]]:
    """Return the stored runs of a fold, by (conversion, iterations): the shortest runs and quantile first."""
    runs: dict[tuple[str, int], list[OriginalRun]] = {}
    for path in sorted((REFERENCE / "insilico_train" / site).glob("probs_*.csv.gz")):
        tag = path.name.removeprefix("probs_").removesuffix(".csv.gz")
        parts = _TAG.fullmatch(tag)
        if parts is None:
            raise ValueError(f"{path.name}: expected a name such as probs_quantile_update_seed1_N4000.csv.gz")
        conversion = parts[1] if parts[2] == "update" else FIXED
        runs.setdefault((conversion, int(parts[3])), []).append(OriginalRun(tag, _read(site, tag)))
    order = ("quantile", "fixed", FIXED)
    return dict(sorted(runs.items(), key=lambda item: (item[0][1], order.index(item[0][0]))))


def _causes(site: str) -> list[str]:
    path = REFERENCE / "insilico_train" / site / "condprob_letters_quantile.csv.gz"
    return list(pd.read_csv(path, index_col=0, nrows=1).columns)


def _read(site: str, tag: str) -> Summary:
    folder, order = f"insilico_train/{site}", _causes(site)
    table = matrix(f"{folder}/csmf_{tag}.csv").loc[order]
    probability = matrix(f"{folder}/probs_{tag}.csv.gz")[order].to_numpy()
    levels = f"{folder}/levels_draws_{tag}.csv.gz"
    logs = None
    if (REFERENCE / levels).exists():
        logs = np.log(matrix(levels).reindex(columns=list(LETTERS)).to_numpy()).mean(axis=0)
    return Summary(table["mean"].to_numpy(), table["sd"].to_numpy(), probability, logs)


def fold_problem(site: str, conversion: str) -> tuple[Problem, str]:
    """Return the posterior that the original sampled, from its stored levels, and a note on what is not stored."""
    train, test = fold(site)
    kind = "quantile" if conversion == FIXED else conversion
    folder = REFERENCE / "insilico_train" / site
    letters = pd.read_csv(folder / f"condprob_letters_{kind}.csv.gz", index_col=0, keep_default_na=False)
    symptoms = test.select([str(s) for s in letters.index]).symptoms
    if conversion != FIXED:
        level = np.vectorize(LETTERS.index)(letters.to_numpy())
        strength = _STRENGTH[conversion]
        return build_problem(symptoms, level=level, start=INTERVA_VALUES, levels_strength=strength), ""
    stored = REFERENCE / "interva_train" / site / "condprob_raw_imputed.csv.gz"
    if stored.exists():
        shares = matrix(f"interva_train/{site}/condprob_raw_imputed.csv.gz")
        return build_problem(symptoms, probability=shares.loc[letters.index, letters.columns].to_numpy()), ""
    assert train.cause is not None
    trained = empirical_probabilities(
        train.symptoms, train.cause, len(train.causes), reference_compat=True, rng=np.random.default_rng(1)
    )
    names = np.array(train.causes)[trained.causes]
    shares = pd.DataFrame(trained.probability, np.array(train.symptom_names)[trained.keep], names)
    note = "the fold's imputed shares are not stored: ours, with other noise of 1e-6 on cells of 0 and 1"
    return build_problem(symptoms, probability=shares.loc[letters.index, letters.columns].to_numpy()), note


def prior_of_levels(site: str, conversion: str) -> npt.NDArray[np.float64] | None:
    """Return the first parameter of each of the 15 levels' Beta prior, NaN for a level that does not occur.

    None where the fold does not store them.
    """
    path = REFERENCE / "insilico_train" / site / f"levels_prior_a_{conversion}.csv"
    if not path.exists():
        return None
    return pd.read_csv(path, index_col=0, keep_default_na=False)["prior_a"].reindex(list(LETTERS)).to_numpy(float)


def truth(site: str) -> Truth:
    """Return the causes of the fold's test deaths."""
    _, test = fold(site)
    assert test.cause is not None
    order = _causes(site)
    cause = np.array([order.index(test.causes[c]) for c in test.cause], dtype=np.intp)
    return Truth(cause, np.bincount(cause, minlength=len(order)) / len(cause))
