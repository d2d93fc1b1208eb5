"""Fixtures shared by all tests: where the real data and the reference outputs are, and a small simulated data set."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


@pytest.fixture(autouse=True)
def _the_level_of_the_root_logger() -> Iterator[None]:
    """Give the root logger its level back: a run with logging settings of its own changes it for the whole process."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)


SHARED = Path(os.environ.get("VA_SHARED_DIR", Path(__file__).resolve().parents[1].parent / "shared"))


def _folder(path: Path) -> Path:
    if not path.is_dir():
        pytest.skip(f"needs {path.name}/ of the folder shared/ beside the checkout (or VA_SHARED_DIR); it is not here")
    return path


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The read-only material beside the checkout."""
    return _folder(SHARED)


@pytest.fixture(scope="session")
def phmrc_dir(shared_dir: Path) -> Path:
    """The real PHMRC files."""
    return _folder(shared_dir / "data" / "phmrc")


@pytest.fixture(scope="session")
def reference_dir(shared_dir: Path) -> Path:
    """Inputs and outputs of the original programs."""
    return _folder(shared_dir / "reference")


@pytest.fixture(scope="session")
def small_deaths() -> Deaths:
    """300 simulated deaths, 12 symptoms, 4 causes (one of them rare), 3 sites, 10% missing, with ages."""
    rng = np.random.default_rng(20261123)
    n, n_symptoms, n_causes = 300, 12, 4
    cause = rng.choice(n_causes, size=n, p=[0.45, 0.3, 0.2, 0.05])
    probability = rng.beta(0.6, 0.9, size=(n_causes, n_symptoms))
    symptoms = (rng.random((n, n_symptoms)) < probability[cause]).astype(np.int8)
    symptoms[rng.random((n, n_symptoms)) < 0.1] = -1
    return Deaths(
        symptoms=symptoms,
        symptom_names=tuple(f"s{j:02d}" for j in range(n_symptoms)),
        causes=tuple(f"cause {c}" for c in "ABCD"),
        cause=cause.astype(np.int16),
        sites=("North", "South", "West"),
        site=rng.integers(0, 3, size=n).astype(np.int16),
        id=np.array([f"d{i:04d}" for i in range(n)]),
        covariates={"age": rng.uniform(15, 95, size=n).round(1)},
        name="small",
        simulated=True,
    )
