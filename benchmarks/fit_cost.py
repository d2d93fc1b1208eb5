"""Print the CPU seconds of a fit of a model to five sites of the PHMRC files, with and without words.

``python -m benchmarks fit_cost [--data FOLDER] [--models quick_blend,blended] [--repeats 3]``

On one core, libraries imported before; the least of the repeats, since other processes of a shared machine only add.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

from va_experiments.data import read_phmrc
from va_experiments.models.ensembles.ensemble_members import make_member

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Print a table with a row for each model, file and features."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"))
    parser.add_argument("--models", default="quick_blend", help="names as in conf/model, with commas between")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    for library in ("xgboost", "sklearn.linear_model"):
        importlib.import_module(library)
    print("| model | deaths | features | training deaths | CPU s of a fit | of a prediction |")
    print("|---|---|---|---:|---:|---:|")
    for module in ("adult", "child"):
        for features in ("hce", "hce_words"):
            deaths = read_phmrc(module, options.data, durations=True, features=features)
            test = deaths.site == 0
            train, tested = deaths.take(~test), deaths.take(test).without_causes()
            for name in options.models.split(","):
                fits, predictions = [], []
                for seed in range(options.repeats):
                    with threadpool_limits(1):
                        start = time.process_time()
                        model = make_member(name).fit(train, seed=seed)
                        fitted = time.process_time()
                        model.predict(tested, seed=seed)
                        fits.append(fitted - start)
                        predictions.append(time.process_time() - fitted)
                print(
                    f"| {name} | {module} | {features} | {len(train):,} | {min(fits):.1f} | {min(predictions):.1f} |",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
