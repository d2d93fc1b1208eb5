"""Metrics by stratum are those of the stratum's deaths alone, over all cells of a setting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from va_experiments.cell import decode_prediction
from va_experiments.checkpoints import Store
from va_experiments.data import load
from va_experiments.data.strata import strata_of
from va_experiments.metrics.score import score
from va_experiments.models.base import Prediction


def test_a_stratum_is_scored_as_its_deaths_alone() -> None:
    with elsewhere() as root:
        strata = "strata=[age_group,site,i147o]"
        arguments = ("model=nbc", "data.n=240", "n_bootstrap=5", f"paths.outputs={root}", *QUICK)
        deaths = load("simulated", {"n": 240})
        column = deaths.symptom_names[3]
        code, _, err = output_here((*arguments, strata.replace("i147o", column)))
        assert code == 0, err
        (run,) = root.glob("runs/*/*")
        table, fractions = (pd.read_csv(run / name) for name in ("strata.csv", "strata_fractions.csv"))
        cells, store = pd.read_parquet(run / "cells.parquet"), Store(Path(root) / "checkpoints")
        parts = [decode_prediction(store.load(key).predictions()) for key in cells["cell_key"]]
    ids = np.concatenate([p[0] for p in parts])
    truth = np.concatenate([p[1] for p in parts])
    probability = np.concatenate([p[2].probability for p in parts])
    place = {i: k for k, i in enumerate(deaths.id.tolist())}
    rows = np.array([place[i] for i in ids.tolist()])
    of_nbc = table[table["model"] == "nbc"].set_index("stratum")
    assert set(of_nbc.index) > {"all", "site=AP", "age_group=15 to 49 years", f"{column}=yes"}
    for name in ("age_group", "site", column):
        masks = strata_of(deaths, name).masks(rows)
        assert sum(of_nbc.loc[s, "deaths"] for s in masks) == 240
        for stratum, mask in masks.items():
            prediction = Prediction(probability[mask], probability[mask].mean(axis=0))
            expected = score(truth[mask], prediction, deaths.causes, n_bootstrap=0).values
            for metric in ("top1", "mean_ccc", "csmf_accuracy_top", "csmf_accuracy_mean"):
                assert of_nbc.loc[stratum, metric] == pytest.approx(expected[metric]), (stratum, metric)
            few = mask.sum() < 10
            assert (of_nbc.loc[stratum, "note"] == "n too small") == few
            assert np.isnan(of_nbc.loc[stratum, "top1_low"]) == few
    sums = fractions[fractions["model"] == "nbc"].groupby("stratum")[["true", "fraction"]].sum()
    assert sums.to_numpy() == pytest.approx(1)
