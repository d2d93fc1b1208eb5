"""Compare converged and short chains of InSilicoVA, in the design of Flaxman et al. 2018.

``python -m benchmarks.unconverged [--data FILE] [--divisions N]``

Random divisions 75/25, each with one Dirichlet(1) test set, as in ``reproduce_flaxman_2018``. The same divisions are
given to the default, which runs until it has converged, and to single chains of the original's sampler with its rules
(``reference_compat``) of different length. The table has medians over the divisions, and differences from the default
on the same divisions with 95% t intervals. About 4 CPU minutes for 30 divisions.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from va_experiments.data import read_phmrc
from va_experiments.metrics.comparison import t_interval
from va_experiments.models import InSilicoVA
from va_experiments.reproductions.fitting import divisions
from va_experiments.reproductions.table import ReproductionOptions

__all__ = ["LENGTHS", "main"]

LENGTHS = (4000, 1000, 250)
"""Iterations of a chain, half of them burn-in."""


def _original(length: int) -> Callable[[], InSilicoVA]:
    return lambda: InSilicoVA(
        n_iterations=length,
        burn_in=length // 2,
        thin=max(length // 400, 1),
        n_chains=1,
        sampler="original",
        auto_length=False,
        reference_compat=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="the adult file; by default VA_PHMRC_DIR, or shared/data/phmrc")
    parser.add_argument("--divisions", type=int, default=30)
    options = parser.parse_args(arguments)
    shared = Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"
    folder = options.data or os.environ.get("VA_PHMRC_DIR") or (shared if shared.is_dir() else None)
    deaths = read_phmrc("adult", folder)
    makers: dict[str, Callable[[], InSilicoVA]] = {"default, converged": lambda: InSilicoVA()}
    makers |= {f"original's sampler, {n:,} iterations": _original(n) for n in LENGTHS}
    print("| symptoms | chains | CSMF accuracy | difference (95% interval) | mean CCC | difference (95% interval) |")
    print("|---|---|---:|---|---:|---|")
    for level, shown in (("no_hce", "no HCE"), ("hce", "HCE: a1_01 only")):
        scores = divisions(
            makers,  # type: ignore[arg-type]
            deaths.with_features(level),
            ReproductionOptions(options.divisions),
            stratified=True,
            metrics=("csmf_accuracy_model", "mean_ccc"),
        )
        first = scores["default, converged"]
        for name, values in scores.items():
            cells = []
            for metric in ("csmf_accuracy_model", "mean_ccc"):
                cells.append(f"{np.median(values[metric]):.3f}")
                mean, low, high = t_interval(values[metric] - first[metric])
                cells.append("" if values is first else f"{mean:+.3f} ({low:+.3f} to {high:+.3f})")
            print(f"| {shown} | {name} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
