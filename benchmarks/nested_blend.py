"""Choose the parameters of `quick_blend` inside the training sites, for adults and children together.

``python -m benchmarks nested_blend [--data FOLDER] [--bank FOLDER] [--words]``

For each left-out site, `largest_loss` for the fractions, and `neighbours`, `neighbour_share` and `posterior_share`
together for single deaths, are the values with the best mean over the other sites of both files. Each of these is
predicted without itself and without the left-out site, and the share of the counts that a `largest_loss` gives is
judged by regressions that saw neither of the two nor the site that they predict. The figures are those of the left-out
sites. ``--words``: single deaths with the words of the narratives as well. The base predictions are stored in the bank
folder: about 5 CPU minutes without it (with words 8), one with it.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.ensembles import Bank, makers
from benchmarks.interval_coverage import folder_of
from benchmarks.quantifiers import BLENDED
from va_experiments.data import read_phmrc
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.models.adaptive_count import reweigh
from va_experiments.models.ensembles.bounded_blend import largest_safe_share
from va_experiments.models.ensembles.neighbours import average_with_neighbours, similarity_weights

__all__ = ["LOSSES", "NEIGHBOURS", "POSTERIOR_SHARES", "Scores", "candidate_by_site", "main", "single_death_accuracy"]

Floats = npt.NDArray[np.float64]

LOSSES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03)
"""Candidates for `largest_loss`."""

WITH_WORDS = ("inv", "xgb_w")
"""Members of `quick_blend` for single deaths with words."""

POSTERIOR_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Candidates for `posterior_share`."""

NEIGHBOURS = ((0, 0.0), *itertools.product((5, 10, 20), (0.2, 0.3, 0.4)))
"""Candidates for `neighbours` and `neighbour_share`; each is tried with every one of `POSTERIOR_SHARES`."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of every candidate of one parameter on one file.

    Parameters
    ----------
    outer : float array, shape (n_sites, n_candidates)
        At each left-out site.
    inner : float array, shape (n_sites, n_candidates)
        Means over the other sites, each predicted without itself and without the left-out site.
    above_prior : float array, shape (n_sites, n_candidates)
        CSMF accuracy at the left-out site less that of the training fractions; zeros for another score.
    """

    outer: Floats
    inner: Floats
    above_prior: Floats


def candidate_by_site(files: list[Scores]) -> npt.NDArray[np.intp]:
    """Return for each left-out site the candidate with the best sum of the files' inner means; of equals the first."""
    return np.asarray(np.sum([scores.inner for scores in files], axis=0).argmax(axis=1))


def _judged(bank: Bank, file: Path | None) -> dict[tuple[tuple[int, ...], int], Floats]:
    """Return the regression's predictions of each site of three, fitted without all three: (three, site) -> them."""
    if file is not None and file.exists():
        stored = np.load(file)
    else:
        stored = {}
        for held in itertools.combinations(range(bank.n_sites), 3):
            seed = 1000 + sum(7**s for s in held)
            model = makers(())[BLENDED[0]]().fit(bank.deaths.take(~np.isin(bank.site, held)), seed=seed)
            for s in held:
                test = bank.deaths.take(bank.site == s).without_causes()
                stored[f"{'_'.join(map(str, held))}@{s}"] = model.predict(test, seed=2).probability.astype(np.float32)
        if file is not None:
            np.savez(file, **stored)
    predictions: dict[tuple[tuple[int, ...], int], Floats] = {}
    for held in itertools.combinations(range(bank.n_sites), 3):
        for s in held:
            predictions[held, s] = np.asarray(stored[f"{'_'.join(map(str, held))}@{s}"], dtype=np.float64)
    return predictions


def _blend(p: Floats, share: float) -> Floats:
    counts = np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
    return np.asarray((1 - share) * p.mean(axis=0) + share * counts)


def _fractions(p: Floats, truth: npt.NDArray[np.intp], shares: list[float]) -> list[float]:
    true = cause_fractions(truth, p.shape[1])
    return [float(csmf_accuracy(true, _blend(p, a))) for a in shares]


def single_death_accuracy(
    p: Floats, truth: npt.NDArray[np.intp], present: npt.NDArray[np.bool_], weights: Floats
) -> list[float]:
    """Return the top-1 accuracy of every candidate: for each of `NEIGHBOURS`, each of `POSTERIOR_SHARES`."""
    means = {0: p}
    for count in {count for count, _ in NEIGHBOURS if count}:
        means[count] = average_with_neighbours(p, present, weights, neighbours=count, share=1.0)
    averaged = [(1 - share) * p + share * means[count] for count, share in NEIGHBOURS]
    return [
        float((reweigh(q, _blend(q, a)).argmax(axis=1) == truth).mean()) for q in averaged for a in POSTERIOR_SHARES
    ]


def _shares(judge: Floats, cause: npt.NDArray[np.intp], fold: npt.NDArray[np.intp]) -> list[float]:
    return [largest_safe_share(judge, cause, fold, most=0.25, largest_loss=loss) for loss in LOSSES]


def _fraction_scores(bank: Bank, judged: dict[tuple[tuple[int, ...], int], Floats]) -> Scores:
    """Return the CSMF accuracy of every `largest_loss`."""
    scores: list[tuple[list[float], list[float], list[float]]] = []
    for left in range(bank.n_sites):
        outside = bank.site != left
        cause, place = bank.cause[outside], bank.site[outside]
        p = np.mean([bank.outer(name, left) for name in BLENDED], axis=0)
        truth = bank.cause[~outside]
        outer = _fractions(p, truth, _shares(bank.inner(BLENDED[0], left), cause, place))
        true = cause_fractions(truth, bank.n_causes)
        prior = float(csmf_accuracy(true, cause_fractions(cause, bank.n_causes)))
        seen = np.mean([bank.inner(name, left) for name in BLENDED], axis=0)
        inner = []
        for tested in np.unique(place):
            rest = [int(s) for s in np.unique(place) if s != tested]
            held = [tuple(sorted((left, int(tested), s))) for s in rest]
            judge = np.concatenate([judged[three, s] for three, s in zip(held, rest, strict=True)])
            trained_cause = np.concatenate([bank.cause[bank.site == s] for s in rest])
            fold = np.repeat(rest, [int((bank.site == s).sum()) for s in rest])
            of_tested = place == tested
            inner.append(_fractions(seen[of_tested], cause[of_tested], _shares(judge, trained_cause, fold)))
        scores.append((outer, list(np.mean(inner, axis=0)), [value - prior for value in outer]))
    return Scores(*(np.array(column) for column in zip(*scores, strict=True)))


def _top1_scores(bank: Bank, members: tuple[str, ...]) -> Scores:
    """Return the top-1 accuracy of every candidate for single deaths, by these members."""

    def scored(p: Floats, site: int, held: tuple[int, ...]) -> list[float]:
        of_site = bank.site == site
        weights = similarity_weights(bank.deaths.take(~np.isin(bank.site, held)))
        return single_death_accuracy(p, bank.cause[of_site], bank.deaths.symptoms[of_site] == 1, weights)

    outer, inner = [], []
    for left in range(bank.n_sites):
        outer.append(scored(np.mean([bank.outer(name, left) for name in members], axis=0), left, (left,)))
        seen = np.mean([bank.inner(name, left) for name in members], axis=0)
        place = bank.site[bank.site != left]
        inner.append(np.mean([scored(seen[place == s], int(s), (left, int(s))) for s in np.unique(place)], axis=0))
    return Scores(np.array(outer), np.array(inner), np.zeros((bank.n_sites, len(outer[0]))))


def _print(title: str, candidates: tuple[float, ...], files: dict[str, Scores]) -> None:
    """Print the scores of each candidate and of the nested choice."""
    head = " | ".join(f"{m}: left-out sites" + f" | {m}: lowest against prior" for m in files)
    print(f"| {title} | {head} |")
    print("|---|" + "---:|" * (2 * len(files)))
    picked = candidate_by_site(list(files.values()))
    sites = np.arange(len(picked))
    rows = [(f"{value:g}", np.full(len(picked), k)) for k, value in enumerate(candidates)]
    rows.append((f"chosen without the site: {' '.join(f'{candidates[k]:g}' for k in picked)}", picked))
    for name, which in rows:
        cells = []
        for scores in files.values():
            cells.append(f"{scores.outer[sites, which].mean():.4f}")
            cells.append(f"{scores.above_prior[sites, which].min():+.4f}")
        print(f"| {name} | {' | '.join(cells)} |")
    print()


def _print_top1(title: str, files: dict[str, Scores]) -> None:
    """Print top-1 accuracy by neighbours and share, and that of the nested choice."""
    heads = [f"{m}, {a:g}" for m in files for a in POSTERIOR_SHARES]
    print(f"| {title}: neighbours, their share | {' | '.join(heads)} |")
    print("|---|" + "---:|" * len(heads))
    n = len(POSTERIOR_SHARES)
    for k, (count, share) in enumerate(NEIGHBOURS):
        cells = [f"{v:.4f}" for scores in files.values() for v in scores.outer[:, k * n : (k + 1) * n].mean(axis=0)]
        print(f"| {f'{count}, {share:g}' if count else 'none'} | {' | '.join(cells)} |")
    print()
    print(f"| {title}: chosen without the site | {' | '.join(files)} | neighbours, their share, share of the counts |")
    print("|---|" + "---:|" * len(files) + "---|")
    every = [(*pair, a) for pair in NEIGHBOURS for a in POSTERIOR_SHARES]
    ways = {"by both files": list(files.values())}
    for name, used in (ways | {f"by the {m} file": [scores] for m, scores in files.items()}).items():
        picked = candidate_by_site(used)
        cells = [f"{scores.outer[np.arange(len(picked)), picked].mean():.4f}" for scores in files.values()]
        text = ", ".join("/".join(f"{value:g}" for value in every[k]) for k in picked)
        print(f"| {name} | {' | '.join(cells)} | {text} |")
    print()


def main(arguments: list[str] | None = None) -> int:
    """Print a table for each parameter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--bank", type=Path, help="folder of stored predictions, with a folder for each module")
    parser.add_argument("--words", action="store_true", help="single deaths with the words of the narratives as well")
    options = parser.parse_args(arguments)
    fractions: dict[str, Scores] = {}
    single: dict[str, dict[str, Scores]] = {"top-1": {}}
    with threadpool_limits(1):
        for module in ("adult", "child"):
            folder = folder_of(options.bank, module)
            bank = Bank(read_phmrc(module, options.data, durations=True), folder)
            fractions[module] = _fraction_scores(
                bank, _judged(bank, None if folder is None else folder / "bank3_inv.npz")
            )
            single["top-1"][module] = _top1_scores(bank, BLENDED)
            if options.words:
                deaths = read_phmrc(module, options.data, durations=True, features="hce_words")
                scores = _top1_scores(Bank(deaths, folder_of(options.bank, f"{module}_words")), WITH_WORDS)
                single.setdefault("top-1 with words", {})[module] = scores
    _print("`largest_loss`: CSMF accuracy", LOSSES, fractions)
    for title, files in single.items():
        _print_top1(title, files)
    return 0


if __name__ == "__main__":
    sys.exit(main())
