"""``csmf=vacalibration`` in a cell: the matrix by its source, what is refused, and keys of other cells."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from va_experiments.cell import Cell, Fit, ModelSpec, Setting, run_fit
from va_experiments.cell.calibration import calibrated, calibration_content
from va_experiments.config.calibration import CalibrationOptions
from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import read_probbase
from va_experiments.errors import InputError
from va_experiments.models.base import Prediction
from va_experiments.protocols import splits

NBC = ModelSpec.from_config({"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"})
INTERVA5 = ModelSpec.from_config({"name": "interva5", "_target_": "va_experiments.models.interva.interva5.InterVA5"})


def options(**changed: object) -> CalibrationOptions:
    return CalibrationOptions.model_validate(changed)


def neonates(n: int = 40, *, neonate: bool = True) -> Deaths:
    probbase = read_probbase()
    symptoms = np.zeros((n, len(probbase.indicators)), dtype=np.int8)
    symptoms[:, probbase.indicators.index("i022g")] = neonate
    return Deaths(
        symptoms=symptoms,
        symptom_names=probbase.indicators,
        causes=probbase.causes,
        cause=None,
        sites=("all",),
        site=np.zeros(n, dtype=np.int16),
        id=np.array([f"n{k:03d}" for k in range(n)]),
        name="neonates",
        simulated=True,
    )


@pytest.mark.slow
def test_a_cell_is_calibrated_by_its_training_sites(small_deaths: Deaths) -> None:
    split = splits({"name": "leave_one_site_out", "seed": 1}, small_deaths, "all")[0]
    content = calibration_content(options(level="cause"), NBC, small_deaths)
    setting = Setting(
        "small", small_deaths.fingerprint, "hce", {"name": "natural"}, "vacalibration", 20, 1, calibration=content
    )
    cell = Cell(NBC, split, setting)
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    assert result.failure is None, result.failure
    facts = result.facts["calibration"]
    assert sum(facts["calibrated"]) == pytest.approx(1)
    assert facts["lambda"] == result.facts["csmf_lambda"]
    assert len(facts["matrix"]) == len(small_deaths.causes)
    assert 0 <= result.metrics["csmf_accuracy_model"] <= 1
    (again,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    assert again.prediction_sha256 == result.prediction_sha256


def test_keys_of_other_estimators_do_not_know_the_calibration() -> None:
    setting = Setting("small", "f" * 64, "hce", {"name": "natural"}, "model", 20, 1)
    assert "calibration" not in setting.content
    other = dataclasses.replace(setting, csmf="vacalibration", calibration={"matrix": "out_of_fold"})
    assert other.digest != setting.digest


def test_published_matrices_are_for_expert_algorithms_in_children(small_deaths: Deaths) -> None:
    young = options(matrix="champs", age_group="neonate", country="Kenya")
    content = calibration_content(young, INTERVA5, neonates())
    assert content["algorithm"] == "interva"
    with pytest.raises(InputError, match="EAVA, InSilicoVA and InterVA-5"):
        calibration_content(young, NBC, neonates())
    with pytest.raises(InputError, match="age_group=neonate or child"):
        calibration_content(options(matrix="champs"), INTERVA5, neonates())
    with pytest.raises(InputError, match="40 of 40 deaths are not of this age"):
        calibration_content(young, INTERVA5, neonates(neonate=False))
    with pytest.raises(InputError, match="known: Bangladesh"):
        calibration_content(options(matrix="champs", age_group="neonate", country="Peru"), INTERVA5, neonates())
    with pytest.raises(InputError, match="is not trained"):
        calibration_content(options(), INTERVA5, neonates())


@pytest.mark.slow
def test_broad_causes_are_divided_as_they_were_named() -> None:
    deaths = neonates(100)
    names = (
        "Birth asphyxia",
        "Prematurity",
        "Neonatal sepsis",
        "Tetanus",
        "Neonatal pneumonia",
        "Congenital malformation",
    )
    top = np.repeat([deaths.causes.index(name) for name in names], [30, 25, 15, 5, 12, 8]).astype(np.int16)
    top = np.append(top, np.full(5, -1, np.int16))
    probability = np.zeros((100, len(deaths.causes)))
    probability[np.arange(95), top[:95]] = 1
    prediction = Prediction(probability, probability.mean(axis=0), top_cause=top)
    content = calibration_content(options(matrix="champs", age_group="neonate", country="Mozambique"), INTERVA5, deaths)
    result, facts = calibrated(prediction, content, None, deaths, seed=3)
    assert result.csmf.sum() == pytest.approx(0.95), "undetermined deaths stay in the denominator"
    sepsis, tetanus = (result.csmf[deaths.causes.index(name)] for name in ("Neonatal sepsis", "Tetanus"))
    assert sepsis == pytest.approx(3 * tetanus)
    assert facts["csmf_not_calibrated"] == "other"
    assert facts["calibration"]["low"][4] is None, "no interval for a cause that is not calibrated"
    assert result.csmf_draws is None
    again, _ = calibrated(prediction, content, None, deaths, seed=3)
    assert again.csmf.tobytes() == result.csmf.tobytes()


def test_a_matrix_of_ones_own(small_deaths: Deaths, tmp_path) -> None:
    path = tmp_path / "matrix.csv"
    causes = small_deaths.causes

    def write(rows: list[list[object]], names=causes) -> CalibrationOptions:
        lines = [",".join(["true", *names]), *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return options(matrix=str(path), level="cause")

    n = len(causes)
    fixed = np.full((n, n), 0.2 / (n - 1)) + np.eye(n) * (0.8 - 0.2 / (n - 1))
    content = calibration_content(write([[c, *row] for c, row in zip(causes, fixed, strict=True)]), NBC, small_deaths)
    assert content["fixed"]
    assert str(path) not in str(content), "a key knows the numbers, not the path"
    shapes = calibration_content(
        write([[c, *(row * 50)] for c, row in zip(causes, fixed, strict=True)]), NBC, small_deaths
    )
    assert not shapes["fixed"]
    with pytest.raises(InputError, match="is missing"):
        calibration_content(write([[c, *row] for c, row in zip(causes[1:], fixed, strict=False)]), NBC, small_deaths)
    with pytest.raises(InputError, match="expected a number of 0 or more"):
        calibration_content(write([[c, *(["x"] * n)] for c in causes]), NBC, small_deaths)
    with pytest.raises(InputError, match="must be above 0"):
        calibration_content(
            write([[c, *(row * 9)] for c, row in zip(causes, np.eye(n), strict=True)]), NBC, small_deaths
        )
    with pytest.raises(InputError, match="did you mean 'champs'"):
        calibration_content(options(matrix="champ", level="cause"), NBC, small_deaths)
