"""The configuration of a small job that runs in its own process."""

from __future__ import annotations

from typing import Any


def small_job(**changes: Any) -> dict[str, Any]:
    """Return naive Bayes on 240 simulated deaths of three sites, run inline; ``changes`` replace top-level keys."""
    return {
        "model": {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"},
        "data": {"name": "simulated", "n": 240, "sites": ["A", "B", "C"], "n_symptoms": 20},
        "site": {"name": "all", "test_sites": "all"},
        "features": {"name": "hce"},
        "protocol": {"name": "leave_one_site_out"},
        "testset": {"name": "natural"},
        "execution": {"backend": "inline"},
    } | changes
