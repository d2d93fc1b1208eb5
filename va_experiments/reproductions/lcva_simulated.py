"""Name the causes of the simulated deaths of package ``LCVA``, beside the figures of an independent implementation.

``va-experiments reproduce lcva_simulated --data FOLDER``: a folder with ``simulated_train.csv.gz`` (2,500 deaths at
five sites) and ``simulated_test.csv.gz`` (1,000 with another cause mix). Five classes, 400 iterations (200 burn-in)
and 200 prediction sweeps (100 burn-in), means over two seeds.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, shown_path
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.models import LCVA, Prior
from va_experiments.models.base import Model, Prediction

__all__ = ["EXPECTED", "figures", "page", "simulated_deaths", "simulated_rows"]

EXPECTED = {"D": (0.937, 0.966), "N": (0.940, 0.964), "C": (0.920, 0.955)}
"""Top-1 and CSMF accuracy of an independent implementation, by target model."""

TEXT = """# LCVA on the simulated deaths of its package

Printed by `python -m va_experiments.reproductions lcva_simulated --data FOLDER`, with the package's simulated deaths as
`simulated_train.csv.gz` (2,500 at five sites) and `simulated_test.csv.gz` (1,000 at a site with another cause mix).
Five latent classes, 400 iterations (200 burn-in), 200 prediction sweeps (100 burn-in); means over two seeds. *Expected*
is top-1 and CSMF accuracy of an independent implementation; a correct one is within .01 of it. The seconds of the first
row include compilation, where it is not cached. [What the targets are](../models/lcva.md).
"""

SHORT = {"classes": 5, "n_iterations": 400, "burn_in": 200, "thin": 2, "n_prediction": 200, "prediction_burn_in": 100}

FILES = ("simulated_train.csv.gz", "simulated_test.csv.gz")


def simulated_deaths(folder: Path) -> tuple[Deaths, Deaths]:
    """Read the simulated training and test deaths.

    Raises
    ------
    InputError
        If a file is not there.
    """
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        needs = f"no such file; expected {' and '.join(FILES)}"
        raise InputError([f"{shown_path(folder / name)}: {needs}" for name in missing])
    tables = [pd.read_csv(folder / name, dtype=str, keep_default_na=False) for name in FILES]
    columns = [str(c) for c in tables[0]]
    names = tuple(c for c in columns if c.startswith("s") and c[1:].isdigit())
    causes = tuple(f"C{k}" for k in range(1, 11))
    sites = (*sorted(tables[0]["site"].unique()), "target")
    made = []
    for table in tables:
        codes = np.select([table[list(names)] == "1", table[list(names)] == "0"], [1, 0], -1).astype(np.int8)
        cause = np.array([causes.index(c if c.startswith("C") else f"C{c}") for c in table["cause"]], dtype=np.int16)
        site = table["site"] if "site" in table else ["target"] * len(table)
        place = np.array([sites.index(s) for s in site], dtype=np.int16)
        made.append(
            Deaths(
                symptoms=codes,
                symptom_names=names,
                causes=causes,
                cause=cause,
                sites=sites,
                site=place,
                id=np.array([f"{k:05d}" for k in range(len(table))]),
                name="LCVA's simulated deaths",
                simulated=True,
            )
        )
    return made[0], made[1]


def figures(model: Model, train: Deaths, test: Deaths, seed: int) -> tuple[Prediction, float, float, float]:
    """Fit and predict; return the prediction, top-1, CSMF accuracy and CPU seconds."""
    assert test.cause is not None
    start = time.process_time()
    prediction = model.fit(train, seed=seed).predict(test.without_causes(), seed=seed)
    seconds = time.process_time() - start
    assert prediction.top_cause is not None
    accuracy = float(csmf_accuracy(cause_fractions(test.cause, len(test.causes)), prediction.csmf))
    return prediction, float((prediction.top_cause == test.cause).mean()), accuracy, seconds


def simulated_rows(
    folder: Path, targets: tuple[str, ...], seeds: tuple[int, ...] = (1, 2)
) -> dict[str, tuple[float, float, float]]:
    """Return top-1, CSMF accuracy and CPU seconds for each target model, means over seeds."""
    train, test = simulated_deaths(folder)
    rows = {}
    for target in targets:
        runs = [figures(LCVA(target=target, **SHORT), train, test, seed)[1:] for seed in seeds]
        rows[target] = tuple(np.mean(runs, axis=0).tolist())
    rows["copy of the training mix"] = figures(Prior(), train, test, 1)[1:]
    return rows


def page(data: str | None) -> str:
    """Return the table of both implementations' figures.

    Parameters
    ----------
    data : str
        Folder of the simulated deaths.

    Raises
    ------
    InputError
        If no folder is named, or a file of it is not there.
    """
    if data is None:
        raise InputError(f"reproduce_lcva_simulated: name the folder of {' and '.join(FILES)} with --data FOLDER")
    lines = ["| target | top-1 | CSMF accuracy | expected | CPU s |", "|---|---:|---:|---|---:|"]
    with threadpool_limits(1):
        for target, (top, accuracy, seconds) in simulated_rows(Path(data), ("D", "DC", "N", "C")).items():
            expected = EXPECTED.get(target)
            beside = f"{expected[0]:.3f} / {expected[1]:.3f}" if expected else ""
            lines.append(f"| {target} | {top:.3f} | {accuracy:.3f} | {beside} | {seconds:.1f} |")
    return TEXT + "\n" + "\n".join(lines) + "\n"
