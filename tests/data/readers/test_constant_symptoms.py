"""No symptom of the child and neonate questionnaires is the same for every death unless the ledger counts it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.data.readers.test_immcmc import simulated
from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.immcmc import read_immcmc
from va_experiments.data.readers.phmrc import SITES, read_phmrc
from va_experiments.data.readers.phmrc_modules import module_of

NOTED = "symptoms are the same for every death"
ALWAYS_NO = ("c1_12", "c5_02_1")
"""Two questions that every death of the simulated files answers with no."""


def constant(deaths: Deaths, module: str) -> set[str]:
    """Return the symptoms with at most one known answer, apart from those whose cut-off is learned in training."""
    learned = {r.symptom for r in module_of(module).rules if r.learned}
    columns = zip(deaths.symptom_names, deaths.symptoms.T, strict=True)
    return {name for name, answers in columns if len(set(answers.tolist()) - {-1}) < 2} - learned


def counted(deaths: Deaths) -> int:
    """Return how many constant symptoms the ledger counts."""
    return sum(e.count for e in deaths.ledger if e.reason == NOTED)


def check(whole: Deaths, without: Deaths, module: str, boxes: int) -> set[str]:
    """Assert that all constant symptoms are counted, and left out with the boxes of refused and not known if asked."""
    constant_symptoms = constant(whole, module)
    assert counted(whole) == len(constant_symptoms)
    assert constant(without, module) == set()
    assert counted(without) == 0
    silent = set(module_of(module).no_answer)
    assert len(silent) == boxes
    assert set(whole.symptom_names) - set(without.symptom_names) == constant_symptoms | silent
    left_out = {e.reason: e.count for e in without.ledger if e.action == "left out"}
    assert left_out["symptoms: say only that the answer was refused or not known"] == boxes
    assert left_out["symptoms: the same for every death"] == len(constant_symptoms - silent)
    return constant_symptoms


@pytest.mark.parametrize(("module", "boxes"), [("child", 6), ("neonate", 8)])
@pytest.mark.parametrize("study", ["phmrc", "immcmc"])
def test_no_symptom_is_constant_unless_the_ledger_counts_it(
    module: str, boxes: int, study: str, tmp_path: Path
) -> None:
    path = simulated(tmp_path, module, n=240)
    with open(path, encoding="latin-1", newline="") as file:
        header, *rows = csv.reader(file)
    site = header.index("site")
    for k, row in enumerate(rows):
        for name in (*ALWAYS_NO, *module_of(module).no_answer[:2]):
            row[header.index(name)] = "No"
        row[site] = SITES[k % 6] if study == "phmrc" else row[site]
    if study == "phmrc":  # has two more columns
        header += ["module", *({"g1_07c"} - set(header))]
        rows = [[*row, module.capitalize(), "3"][: len(header)] for row in rows]
    with open(path, "w", encoding="latin-1", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    reader = read_phmrc if study == "phmrc" else read_immcmc
    whole, without = (reader(module, path, max_unknown=1.0, drop_empty_symptoms=drop) for drop in (False, True))
    constant_symptoms = check(whole, without, module, boxes)
    assert constant_symptoms >= {*ALWAYS_NO, *module_of(module).no_answer[:2]}


@pytest.mark.real_data
def test_the_ledger_counts_the_fourteen_constant_symptoms_of_the_child_file(phmrc_dir: Path) -> None:
    whole, without = (read_phmrc("child", phmrc_dir, drop_empty_symptoms=drop) for drop in (False, True))
    constant_symptoms = check(whole, without, "child", 6)
    assert len(constant_symptoms) == 14
    assert np.isin(["c1_19_5", "c1_19_6", "c5_02_13", "c5_02_14"], sorted(constant_symptoms)).all()
