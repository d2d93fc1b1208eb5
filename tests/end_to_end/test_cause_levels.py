"""Models with different cause lists meet at a broad level: one run, every mapping listed."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from va_experiments.analysis.comparisons import paired_comparisons
from va_experiments.data.cause_lists import cause_list, map_causes
from va_experiments.data.probbase import read_probbase


def children(path: Path, theirs: Path, n: int = 120) -> None:
    """Write simulated children: InterVA-5's indicators with causes of PHMRC, and what EAVA's list would call them."""
    probbase, rng = read_probbase(), np.random.default_rng(4)
    causes = cause_list("va21").causes
    _, broad, _ = map_causes(causes, "broad_child", what="va21")
    backwards = {
        name: {t: s for s, t in map_causes(cause_list(name).causes, "broad_child", what=name)[1].items()}
        for name in ("interva5", "eava_child")
    }
    cause = [causes[k] for k in rng.integers(0, 21, n)]
    cells = np.full((n, len(probbase.indicators)), "n", dtype=object)
    for row, name in zip(cells, cause, strict=True):
        column = 3 + probbase.causes.index(backwards["interva5"][broad[name]])
        row[rng.random(len(row)) < np.maximum(0.6 * probbase.probability[:, column], 0.04)] = "y"
        for first, last in (("i019a", "i019b"), ("i022a", "i022g")):
            row[probbase.index(first) : probbase.index(last) + 1] = "n"
        row[probbase.index("i019a") + rng.integers(0, 2)] = row[probbase.index("i022e")] = "y"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "site", "cause", *probbase.indicators])
        table.writerows([f"c{k}", ("AP", "UP", "Dar")[k % 3], cause[k], *cells[k]] for k in range(n))
    with theirs.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "cause"])
        table.writerows([f"c{k}", backwards["eava_child"].get(broad[cause[k]], "")] for k in range(n))


@pytest.mark.slow
def test_trained_fixed_and_foreign_models_meet_at_the_broad_level() -> None:
    with elsewhere() as root:
        for folder in ("data", "model"):
            (root / "conf" / folder).mkdir(parents=True)
        children(root / "children.csv", root / "theirs.csv")
        options = 'id: id\nvalue_map: {"y": "Y", "n": "N"}\nmax_unknown: 1.0\n'
        leaks = f"allow_leaks: [{', '.join(read_probbase().indicators)}]\n"
        kids = f"name: csv\npath: {root / 'children.csv'}\n{options}{leaks}duplicates: keep\n"
        (root / "conf" / "data" / "kids.yaml").write_text(kids)
        yaml = f"defaults: [predictions]\npath: {root / 'theirs.csv'}\ncause_list: eava_child\n"
        (root / "conf" / "model" / "theirs.yaml").write_text(yaml)
        arguments = ("--config-dir", str(root / "conf"), "model=nbc,interva5,theirs", "data=kids", "-m")
        quick = ("n_bootstrap=5", *QUICK, f"paths.outputs={root}")
        code, out, err = output_here((*arguments, "score_at=[broad,gbd]", *quick))
        assert code == 0, err
        (run,) = root.glob("runs/*/*")
        cells, maps = pd.read_parquet(run / "cells.parquet"), pd.read_csv(run / "cause_maps.csv")
        refused, _, errors = output_here((*arguments, *quick))
    assert refused == 2
    assert "have other causes; name a level that both map to, such as score_at=broad" in errors
    assert "score_at= compares them at a common level of causes" in errors
    assert "causes of broad_child" in out.replace("\n", " ")
    assert cells.groupby(["cause_list", "model"]).size().to_dict() == {
        (level, model): 3 for level in ("broad_child", "gbd") for model in ("interva5", "nbc", "theirs")
    }
    theirs = cells[(cells["model"] == "theirs") & (cells["cause_list"] == "broad_child")]
    assert (theirs["top1"] > 0.7).all(), "it names the right group, but EAVA has no word for other causes"
    assert cells.groupby("test_site")["split_sha256"].nunique().tolist() == [1, 1, 1]
    pairs = paired_comparisons(cells, ("top1",))
    assert len(pairs) == 6
    assert (pairs["n"] == 3).all()
    listed = maps.groupby(["cause_list", "of"]).size().to_dict()
    assert listed == {
        (level, of): n
        for level in ("broad_child", "gbd")
        for of, n in (("data csv", 21), ("model interva5", 61), ("model theirs", 12))
    }
