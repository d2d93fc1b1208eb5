"""Choose the parameters of `quick_blend` inside the training sites, for adults and children together.

``python -m benchmarks nested_blend [--data FOLDER] [--bank FOLDER]``

For each left-out site, `largest_loss` and `posterior_share` are the values with the best mean over the other sites of
both files. Each of these is predicted without itself and without the left-out site, and the share of the counts that a
`largest_loss` gives is judged by regressions that saw neither of the two nor the site that they predict. The figures
are those of the left-out sites. The base predictions are stored in the bank folder: about 5 CPU minutes without it, a
few seconds with it.
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

__all__ = ["LOSSES", "POSTERIOR_SHARES", "Scores", "chosen", "main"]

Floats = npt.NDArray[np.float64]

LOSSES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03)
"""Candidates for `largest_loss`."""

POSTERIOR_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Candidates for `posterior_share`."""


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


def chosen(files: list[Scores]) -> npt.NDArray[np.intp]:
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
    found: dict[tuple[tuple[int, ...], int], Floats] = {}
    for held in itertools.combinations(range(bank.n_sites), 3):
        for s in held:
            found[held, s] = np.asarray(stored[f"{'_'.join(map(str, held))}@{s}"], dtype=np.float64)
    return found


def _blend(p: Floats, share: float) -> Floats:
    counts = np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
    return np.asarray((1 - share) * p.mean(axis=0) + share * counts)


def _fractions(p: Floats, truth: npt.NDArray[np.intp], shares: list[float]) -> list[float]:
    true = cause_fractions(truth, p.shape[1])
    return [float(csmf_accuracy(true, _blend(p, a))) for a in shares]


def _top1(p: Floats, truth: npt.NDArray[np.intp]) -> list[float]:
    return [float((reweigh(p, _blend(p, a)).argmax(axis=1) == truth).mean()) for a in POSTERIOR_SHARES]


def _shares(judge: Floats, cause: npt.NDArray[np.intp], fold: npt.NDArray[np.intp]) -> list[float]:
    return [largest_safe_share(judge, cause, fold, most=0.25, largest_loss=loss) for loss in LOSSES]


def _scores(bank: Bank, judged: dict[tuple[tuple[int, ...], int], Floats]) -> tuple[Scores, Scores]:
    """Return the scores of `largest_loss` (CSMF accuracy) and of `posterior_share` (top-1 accuracy)."""
    found: list[tuple[list[float], list[float], list[float], list[float], list[float]]] = []
    for left in range(bank.n_sites):
        outside = bank.site != left
        cause, place = bank.cause[outside], bank.site[outside]
        p = np.mean([bank.outer(name, left) for name in BLENDED], axis=0)
        truth = bank.cause[~outside]
        outer = _fractions(p, truth, _shares(bank.inner(BLENDED[0], left), cause, place))
        true = cause_fractions(truth, bank.n_causes)
        prior = float(csmf_accuracy(true, cause_fractions(cause, bank.n_causes)))
        seen = np.mean([bank.inner(name, left) for name in BLENDED], axis=0)
        fractions, top1 = [], []
        for tested in np.unique(place):
            rest = [int(s) for s in np.unique(place) if s != tested]
            held = [tuple(sorted((left, int(tested), s))) for s in rest]
            judge = np.concatenate([judged[three, s] for three, s in zip(held, rest, strict=True)])
            kept = np.concatenate([bank.cause[bank.site == s] for s in rest])
            fold = np.repeat(rest, [int((bank.site == s).sum()) for s in rest])
            own = place == tested
            fractions.append(_fractions(seen[own], cause[own], _shares(judge, kept, fold)))
            top1.append(_top1(seen[own], cause[own]))
        above = [value - prior for value in outer]
        found.append((outer, list(np.mean(fractions, axis=0)), above, _top1(p, truth), list(np.mean(top1, axis=0))))
    outer_f, inner_f, above_f, outer_t, inner_t = (np.array(column) for column in zip(*found, strict=True))
    return Scores(outer_f, inner_f, above_f), Scores(outer_t, inner_t, np.zeros_like(outer_t))


def _print(title: str, candidates: tuple[float, ...], files: dict[str, Scores], *, prior: bool) -> None:
    """Print the scores of each candidate and of the nested choice."""
    head = " | ".join(f"{m}: left-out sites" + (f" | {m}: lowest against prior" if prior else "") for m in files)
    print(f"| {title} | {head} |")
    print("|---|" + "---:|" * (len(files) * (1 + prior)))
    picked = chosen(list(files.values()))
    sites = np.arange(len(picked))
    rows = [(f"{value:g}", np.full(len(picked), k)) for k, value in enumerate(candidates)]
    rows.append((f"chosen without the site: {' '.join(f'{candidates[k]:g}' for k in picked)}", picked))
    for name, which in rows:
        cells = []
        for scores in files.values():
            cells.append(f"{scores.outer[sites, which].mean():.4f}")
            if prior:
                cells.append(f"{scores.above_prior[sites, which].min():+.4f}")
        print(f"| {name} | {' | '.join(cells)} |")
    print()


def main(arguments: list[str] | None = None) -> int:
    """Print a table for each parameter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--bank", type=Path, help="folder of stored predictions, with a folder for each module")
    options = parser.parse_args(arguments)
    fractions, top1 = {}, {}
    with threadpool_limits(1):
        for module in ("adult", "child"):
            folder = folder_of(options.bank, module)
            bank = Bank(read_phmrc(module, options.data, durations=True), folder)
            judged = _judged(bank, None if folder is None else folder / "bank3_inv.npz")
            fractions[module], top1[module] = _scores(bank, judged)
    _print("`largest_loss`: CSMF accuracy", LOSSES, fractions, prior=True)
    _print("`posterior_share`: top-1", POSTERIOR_SHARES, top1, prior=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
