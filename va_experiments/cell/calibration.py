"""Apply VA-calibration to a cell (``csmf=vacalibration``): check its options, choose the matrix, spread the result."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.cell.model_spec import ModelSpec
from va_experiments.config.calibration import CalibrationOptions
from va_experiments.data.deaths import Deaths
from va_experiments.data.safe_open import check_file
from va_experiments.errors import InputError, did_you_mean, shown, shown_path
from va_experiments.metrics.champs import BROAD_CAUSES, broad_cause, champs_shapes
from va_experiments.metrics.misclassification import confusion_counts, site_shapes
from va_experiments.metrics.quantification import OutOfFoldPredictions
from va_experiments.metrics.vacalibration import Calibration, calibrate
from va_experiments.models.base import Prediction
from va_experiments.seeds import generator

__all__ = ["VACALIBRATION", "calibrated", "calibration_content"]

VACALIBRATION = "vacalibration"

_PUBLISHED = {"EAVA": "eava", "InSilicoVAStandard": "insilicova", "InterVA5": "interva"}
"""Classes with published matrices -> the name of the program there."""

_SWEEPS_OF_RESAMPLES = 400  # of each of many resampled test sets: only their mean is used


def calibration_content(options: CalibrationOptions, model: ModelSpec, data: Deaths) -> dict[str, Any]:
    """Return all that the calibration of a cell depends on, as plain data; of a file its numbers.

    Raises
    ------
    InputError
        If the matrix does not fit the model, the data or their causes.
    """
    content: dict[str, Any] = {
        "matrix": options.matrix,
        "threshold": options.threshold,
        "path_correction": options.path_correction,
        "shrinkage": options.shrinkage,
    }
    if options.matrix == "champs":
        return content | _published(options, model, data)
    if options.matrix == "out_of_fold":
        if not model.trains:
            raise InputError(
                f"csmf=vacalibration: model '{model.name}' is not trained, so that no training site tells its errors: "
                "choose calibration.matrix=champs (neonates and children) or a file"
            )
        return content | {"level": options.level}
    names = data.causes if options.level == "cause" else _groups(data)
    shapes, fixed = _read_matrix(Path(options.matrix), names)
    return content | {"matrix": "file", "level": options.level, "shapes": shapes.tolist(), "fixed": fixed}


def _published(options: CalibrationOptions, model: ModelSpec, data: Deaths) -> dict[str, Any]:
    algorithm = _PUBLISHED.get(model.target.rpartition(".")[2])
    if algorithm is None:
        raise InputError(
            "calibration.matrix=champs: the published matrices are those of EAVA, InSilicoVA and InterVA-5 with expert "
            f"knowledge (model=eava, insilico_standard, interva5), not of '{model.name}'; choose "
            "calibration.matrix=out_of_fold, or a file with the matrix of this model"
        )
    if options.age_group is None:
        raise InputError("calibration.matrix=champs: name the age group with calibration.age_group=neonate or child")
    outside = _outside(data, options.age_group)
    if outside:
        span = "under 28 days" if options.age_group == "neonate" else "28 days to under 5 years"
        raise InputError(
            f"calibration.age_group={options.age_group}: {outside} of {len(data)} deaths are not of this age ({span}); "
            "the published matrices hold for no other: give a file with these deaths only"
        )
    champs_shapes(algorithm, options.age_group, options.country)
    return {"algorithm": algorithm, "age_group": options.age_group, "country": options.country}


def _outside(data: Deaths, age_group: str) -> int:
    """Count deaths that are known to be of another age: by their age, or by the WHO questionnaire's age groups."""
    if "age" in data.covariates:
        days = data.covariates["age"] * 365.25
        inside = days < 28 if age_group == "neonate" else (days >= 28) & (days < 5 * 365.25)
        return int((~inside & ~np.isnan(days)).sum())
    indicators = ("i022g",) if age_group == "neonate" else ("i022e", "i022f")
    columns = [data.symptom_names.index(name) for name in indicators if name in data.symptom_names]
    if not columns:
        return 0
    return int((~(data.symptoms[:, columns] == 1).any(axis=1)).sum())


def _groups(data: Deaths) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(data.groups))
    if len(names) < 2:
        raise InputError(
            f"csmf=vacalibration: the causes of data '{data.name}' have no groups to calibrate; declare them "
            "(data.groups), or choose calibration.level=cause"
        )
    return names


def _read_matrix(path: Path, names: Sequence[str]) -> tuple[npt.NDArray[np.float64], bool]:
    """Read a matrix: first column the true cause, then one column for each named cause; say whether it is fixed."""
    if path.exists():
        check_file(path, 64 << 20)
    else:
        raise InputError(
            f"calibration.matrix is {shown(str(path))}; expected out_of_fold, champs or a CSV file"
            f"{did_you_mean(str(path), ('out_of_fold', 'champs'))}"
        )
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            lines = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{shown_path(path)}: no CSV file in UTF-8 ({error})") from None
    if not lines:
        raise InputError(f"{shown_path(path)}: is empty; expected a row and a column for each cause")
    head, body = [cell.strip() for cell in lines[0][1:]], {row[0].strip(): row[1:] for row in lines[1:]}
    problems = [
        f"{shown_path(path)}: {what} {shown(name)} is missing{did_you_mean(name, known)}"
        for what, known in (("column", head), ("row", list(body)))
        for name in names
        if name not in known
    ]
    problems += [
        f"{shown_path(path)}: {what} {shown(name)} is no cause here{did_you_mean(name, names)}"
        for what, known in (("column", head), ("row", list(body)))
        for name in known
        if name not in names
    ]
    if problems:
        raise InputError(problems)
    shapes = np.zeros((len(names), len(names)))
    for i, true in enumerate(names):
        for j, named in enumerate(names):
            cell = body[true][head.index(named)] if head.index(named) < len(body[true]) else ""
            try:
                shapes[i, j] = float(cell)
            except ValueError:
                shapes[i, j] = math.nan
            if not (0 <= shapes[i, j] < math.inf):
                where = f"row {shown(true)}, column {shown(named)}"
                problems.append(f"{shown_path(path)}: {where} is {shown(cell)}; expected a number of 0 or more")
    fixed = bool(np.allclose(shapes.sum(axis=1), 1, atol=1e-3))
    if not problems and not fixed and (shapes <= 0).any():
        problems.append(
            f"{shown_path(path)}: rows do not sum to 1, so they are Dirichlet shapes, and these must be above 0; add a "
            "small number such as 0.1 to counts of 0"
        )
    if problems:
        raise InputError(problems)
    return shapes, fixed


def calibrated(
    prediction: Prediction,
    content: Mapping[str, Any],
    training: OutOfFoldPredictions | None,
    data: Deaths,
    *,
    seed: int,
    resampled: bool = False,
) -> tuple[Prediction, dict[str, Any]]:
    """Return the prediction with calibrated fractions, and what there is to say about them.

    Named causes are counted at the level of the matrix; a group's fraction is divided among its causes as they were
    named. Undetermined deaths stay in the denominator. Draws are kept where each cause is calibrated by
    itself and has an interval.

    Parameters
    ----------
    prediction : Prediction
    content : mapping
        From `calibration_content`.
    training : OutOfFoldPredictions, optional
        Where the matrix is learned.
    data : Deaths
        Whose cause list and groups are used.
    seed : int
    resampled : bool
        One of many resampled test sets: fewer sweeps.
    """
    names, level = _levels(content, data)
    named = np.asarray(prediction.top_cause)
    counts = np.bincount(level[named[named >= 0]], minlength=len(names))
    undetermined = int((named < 0).sum())
    if counts.sum() == 0:
        return prediction, {"csmf_estimator": VACALIBRATION, "csmf_abstained": "every test death is undetermined"}
    calibration = calibrate(
        counts,
        _shapes(content, training, level, len(names)),
        undetermined=undetermined,
        keep=np.array([name == "other" for name in names]) if content["matrix"] == "champs" else None,
        threshold=content["threshold"],
        path_correction=content["path_correction"],
        shrinkage=content["shrinkage"],
        fixed=bool(content.get("fixed", False)),
        sweeps=_SWEEPS_OF_RESAMPLES if resampled else 20_000,
        rng=generator(seed, "calibration"),
    )
    inside = _inside(prediction, level, len(names))
    whole = len(names) == len(data.causes) and bool(np.isfinite(calibration.low).all())
    result = dataclasses.replace(
        prediction,
        csmf=np.clip(calibration.mean[level] * inside, 0, 1),
        csmf_draws=calibration.draws[:, level] * inside if whole else None,
    )
    return result, _facts(calibration, names)


def _levels(content: Mapping[str, Any], data: Deaths) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Return the names of what is calibrated, and the place of each cause among them."""
    if content["matrix"] == "champs":
        names = BROAD_CAUSES[content["age_group"]]
        return names, np.array([names.index(broad_cause(content["age_group"], cause)) for cause in data.causes])
    if content["level"] == "cause":
        return data.causes, np.arange(len(data.causes))
    names = _groups(data)
    return names, np.array([names.index(group) for group in data.groups])


def _shapes(
    content: Mapping[str, Any], training: OutOfFoldPredictions | None, level: npt.NDArray[np.intp], size: int
) -> npt.NDArray[np.float64]:
    if content["matrix"] == "champs":
        return champs_shapes(content["algorithm"], content["age_group"], content["country"])
    if content["matrix"] == "file":
        return np.array(content["shapes"])
    assert training is not None
    p = np.asarray(training.probability)
    truth = np.asarray(training.truth)
    named = np.where(p.any(axis=1) & (truth >= 0), level[p.argmax(axis=1)], -1)
    site = np.zeros(len(p), dtype=np.intp) if training.site is None else np.asarray(training.site)
    return site_shapes(confusion_counts(named, level[np.maximum(truth, 0)], site, size))


def _inside(prediction: Prediction, level: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.float64]:
    """Return each cause's share of its group: as named; else by mean probability; else the same for all."""
    named = np.asarray(prediction.top_cause)
    weights = [np.bincount(named[named >= 0], minlength=len(level)).astype(float), prediction.probability.sum(axis=0)]
    share = np.zeros(len(level))
    for group in range(size):
        members = np.flatnonzero(level == group)
        weight = next((w[members] for w in weights if w[members].sum() > 0), np.ones(len(members)))
        share[members] = weight / max(weight.sum(), 1e-300)
    return share


def _facts(calibration: Calibration, names: tuple[str, ...]) -> dict[str, Any]:
    """Return lambda, what is not calibrated and why, and both sets of fractions with their intervals."""
    weight = calibration.weights[0]
    left = [name for name, known in zip(names, calibration.calibrated, strict=True) if not known]
    return {
        "csmf_estimator": VACALIBRATION,
        "csmf_lambda": weight,
        "csmf_not_calibrated": ", ".join(left),
        "calibration": {
            "causes": list(names),
            "uncalibrated": calibration.uncalibrated.tolist(),
            "calibrated": calibration.mean.tolist(),
            "low": [None if math.isnan(v) else v for v in calibration.low.tolist()],
            "high": [None if math.isnan(v) else v for v in calibration.high.tolist()],
            "lambda": weight,
            "not_calibrated": left,
            "no_deaths": [name for name, nobody in zip(names, calibration.without_deaths, strict=True) if nobody],
            "interval": not calibration.stalled and bool(calibration.calibrated.any()),
            "matrix": calibration.matrix[0].tolist(),
            "matrix_used": calibration.matrix_used[0].tolist(),
            "rhat": None if math.isnan(calibration.rhat) else calibration.rhat,
        },
    }
