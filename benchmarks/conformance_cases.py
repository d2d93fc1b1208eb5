"""Compare our algorithms with the originals, number by number: the rows that the conformance suite asserts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.reference import REFERENCE, csmf, fold, folds, matrix, text, who_deaths
from va_experiments.data.probbase import CAUSES, read_probbase
from va_experiments.models import tariff as tariff_module
from va_experiments.models.empirical import CONVERSIONS, LETTERS, empirical_probabilities, to_levels
from va_experiments.models.interva.datacheck import check_consistency
from va_experiments.models.interva.interva import InterVA, cause_fractions
from va_experiments.models.interva.interva5 import InterVA5
from va_experiments.models.nbc import NaiveBayes
from va_experiments.models.tariff import Tariff

__all__ = ["PYTHON_TIES", "PYTHON_UNCOUNTED", "interva5_rows", "interva_rows", "nbc_rows", "tariff_rows"]

Row = dict[str, Any]

PYTHON_TIES: dict[str, tuple[str, ...]] = {
    "py_vacheck_hh": ("d17", "d138", "d145", "d181"),
    "py_vacheck_ll": ("d102", "d144", "d145", "d151", "d181", "d195"),
    "py_vacheck_vv": ("d122", "d139", "d145", "d151", "d193"),
}
"""Deaths whose second cause has exactly half the first one's probability, so that the last bit decides if it is shown.

The Python port sums with NumPy, in another order than R; its table differs from R's for these deaths, and so from ours.
"""

PYTHON_UNCOUNTED: dict[str, tuple[tuple[str, str], ...]] = {
    "py_vacheck_hh": (("d145", "Diabetes mellitus"), ("d193", "Other and unspecified cardiac dis")),
    "py_vacheck_ll": (
        ("d17", "Diabetes mellitus"),
        ("d138", "Diabetes mellitus"),
        ("d145", "Diabetes mellitus"),
        ("d151", "Road traffic accident"),
    ),
    "py_vacheck_vv": (
        ("d17", "Diabetes mellitus"),
        ("d138", "Diabetes mellitus"),
        ("d181", "Other and unspecified infect dis"),
        ("d195", "Other and unspecified infect dis"),
    ),
}
"""Of such second causes, those that the port's CSMF leaves out by rounding; it counts the others, as ours does."""

_TIE_NOTE = "without the deaths whose second cause has exactly half the first one's probability, listed below"


def _row(algorithm: str, case: str, figure: str, ours: Any, original: Any, tolerance: float, note: str = "") -> Row:
    a, b = np.asarray(ours), np.asarray(original)
    if a.dtype.kind in "fc" or b.dtype.kind in "fc":
        same_gaps = np.array_equal(np.isnan(a), np.isnan(b))
        difference = float(np.nanmax(np.abs(a - b), initial=0.0)) if a.shape == b.shape and same_gaps else np.inf
    else:
        difference = float((a != b).sum()) if a.shape == b.shape else np.inf
    return {
        "algorithm": algorithm,
        "case": case,
        "figure": figure,
        "values": int(a.size),
        "kind": "largest difference" if a.dtype.kind == "f" else "mismatches",
        "difference": difference,
        "tolerance": tolerance,
        "holds": bool(difference <= tolerance),
        "note": note,
    }


def interva_rows(site: str) -> Iterator[Row]:
    """Compare InterVA in train mode on one fold: shares, levels, probabilities, top causes and CSMF of all variants."""
    name, folder = "InterVA train", f"interva_train/{site}"
    train, test = fold(site)
    assert train.cause is not None
    causes = np.array(train.causes)
    raw = empirical_probabilities(train.symptoms, train.cause, len(causes), impute=False, reference_compat=True)
    stored = matrix(f"{folder}/condprob_raw_noimpute.csv.gz")
    yield _row(name, site, "order of causes", causes[raw.causes], np.array(stored.columns, dtype=str), 0)
    yield _row(name, site, "shares before imputation", raw.probability, stored.to_numpy(float), 0.0)
    imputed = matrix(f"{folder}/condprob_raw_imputed.csv.gz").to_numpy(float)
    with_imputed = dataclasses.replace(raw, probability=imputed)
    trained = empirical_probabilities(
        train.symptoms, train.cause, len(causes), reference_compat=True, rng=np.random.default_rng(1)
    ).probability
    note = "cells of exactly 0 and 1 get noise of 1e-6 to 2e-6, drawn by different generators"
    yield _row(name, site, "shares with imputation", trained, imputed, 1e-6, note)
    for conversion in CONVERSIONS:
        if conversion != "empirical":
            levels = to_levels(imputed, conversion)
            letters = text(f"{folder}/condprob_{conversion}_letters.csv.gz").iloc[:, 1:].to_numpy(str)
            yield _row(name, f"{site} {conversion}", "letters", np.array(LETTERS)[levels.index], letters, 0)
            value = matrix(f"{folder}/levels_{conversion}.csv").iloc[:, -1].to_numpy(float)
            yield _row(name, f"{site} {conversion}", "level values", levels.value, value, 1e-15)
        for prior in ("uniform", "train"):
            case, tag = f"{site} {conversion} {prior}", f"{conversion}_{prior}"
            model = InterVA(conversion=conversion, prior=prior, reference_compat=True)
            model.fit(train).set_conditional(with_imputed)
            prediction = model.predict(test)
            probability = matrix(f"{folder}/probs_{tag}.csv.gz")
            columns = [train.causes.index(c) for c in probability.columns]
            yield _row(name, case, "probabilities", prediction.probability[:, columns], probability.to_numpy(), 1e-9)
            ours, top = model.table(test), text(f"{folder}/top3_{tag}.csv.gz")
            keep, note = _without_ties_at_zero(ours, top, prediction.probability, train.causes)
            a, b = ours.to_numpy(str)[keep], top[list(ours)].to_numpy(str)[keep]
            yield _row(name, case, "top causes, likelihoods", a, b, 0, note)
            yield _row(
                name, case, "CSMF, rule", prediction.csmf, csmf(f"{folder}/csmf_rule_{tag}.csv", train.causes), 1e-9
            )
            plain = cause_fractions(prediction.probability, rule=False, exact=True)[0]
            yield _row(name, case, "CSMF, no rule", plain, csmf(f"{folder}/csmf_norule_{tag}.csv", train.causes), 1e-9)


def _without_ties_at_zero(
    ours: pd.DataFrame, original: pd.DataFrame, probability: npt.NDArray[np.float64], causes: tuple[str, ...]
) -> tuple[npt.NDArray[np.bool_], str]:
    """Return which cells to compare, all but second and third causes that tie at 0%, and a list of those that differ.

    A cause tied with another at a probability that is printed as 0% is named by the last bit of both: such a pair is
    left out if both programs print 0% and our probabilities of the two causes differ by no more than 1e-12.
    """
    keep, listed = np.ones(ours.shape, dtype=bool), []
    for k in (2, 3):
        name, likelihood = f"CAUSE{k}", f"LIK{k}"
        printed_zero = (ours[likelihood] == "0") & (original[likelihood] == "0")
        for i in np.flatnonzero(printed_zero & (ours[name] != original[name])):
            a, b = str(ours[name].iloc[i]), str(original[name].iloc[i])
            if b in causes and abs(np.subtract(*probability[i, [causes.index(a), causes.index(b)]])) <= 1e-12:
                keep[i, list(ours).index(name)] = False
                listed.append(f"{ours['ID'].iloc[i]} {name} (ours {a}, the original's {b})")
    return keep, f"without {len(listed)} ties at 0%: {', '.join(listed)}" if listed else ""


_INTERVA5_SETS = (
    ("R", "RandomVA5.csv.gz", "probbaseV5_R.csv.gz", "", ("hh", "ll", "vv", "hl")),
    (
        "Python",
        "vacheck_example_input_letters.csv.gz",
        "vacheck_probbaseV5_v18.csv.gz",
        "py_vacheck_",
        ("hh", "ll", "vv"),
    ),
)


def interva5_rows() -> Iterator[Row]:
    """Compare InterVA-5: data check, all probabilities, every field of the table, CSMF with and without the rule."""
    name = "InterVA-5"
    for program, file, probbase, tag, prevalences in _INTERVA5_SETS:
        base = read_probbase(REFERENCE / "interva5" / probbase)
        deaths = who_deaths(file, probbase)
        if program == "R":
            checked = matrix("interva5/checkedData.csv.gz").to_numpy(float)
            results = check_consistency(deaths.symptoms, base).symptoms
            yield _row(
                name, f"{program} {file}", "checked answers", results, np.nan_to_num(checked, nan=-1).astype(int), 0
            )
        for hl in prevalences:
            case = f"{program} {file.split('.')[0]} {hl}"
            path = str(REFERENCE / "interva5" / probbase)
            model = InterVA5(hiv=hl[0], malaria=hl[1], probbase=path, reference_compat=True).fit()
            whole = model.whole_probability(deaths).probability
            stored = matrix(f"interva5/{tag}wholeprob_{hl}.csv.gz").to_numpy(float)
            yield _row(name, case, "70 probabilities", whole, stored, 1e-9)
            yield from _interva5_table(case, model.table(deaths), text(f"interva5/{tag}summary_{hl}.csv"), f"{tag}{hl}")
            for rule in (True, False):
                ours = cause_fractions(whole[:, CAUSES], rule=rule, exact=program == "R")[0]
                note = ""
                if rule and (uncounted := PYTHON_UNCOUNTED.get(f"{tag}{hl}", ())):
                    note = f"less {len(uncounted)} ties that the port does not count, listed below"
                    for death, cause in uncounted:
                        i, k = deaths.id.tolist().index(death), base.causes.index(cause)
                        ours[k] -= whole[i, CAUSES][k] / len(deaths)
                original = csmf(f"interva5/{tag}csmf_{'rule' if rule else 'norule'}_{hl}.csv", base.causes)
                yield _row(name, case, "CSMF, rule" if rule else "CSMF, no rule", ours, original, 1e-9, note)


def _interva5_table(case: str, ours: Any, original: Any, key: str) -> Iterator[Row]:
    ties = PYTHON_TIES.get(key, ())
    keep = ~ours["ID"].isin(ties).to_numpy()
    for field in original.columns:
        a, b = ours[field].astype(str).to_numpy(str), original[field].to_numpy(str)
        note = ""
        if ties and field in ("CAUSE2", "LIK2", "CAUSE3", "LIK3", "INDET"):
            a, b, note = a[keep], b[keep], _TIE_NOTE
        yield _row("InterVA-5", case, field, a, b, 0, note)


def nbc_rows(site: str) -> Iterator[Row]:
    """Compare naive Bayes on one fold: probabilities, top causes, CSMF."""
    name, folder = "NBC", f"nbc/{site}"
    train, test = fold(site)
    prediction = NaiveBayes(reference_compat=True).fit(train).predict(test)
    stored = matrix(f"{folder}/probs_normalised.csv.gz")
    columns = [train.causes.index(c) for c in stored.columns]
    yield _row(name, site, "probabilities", prediction.probability[:, columns], stored.to_numpy(float), 1e-9)
    assert prediction.top_cause is not None
    named = np.array([*train.causes, "Undetermined"])[prediction.top_cause]
    top = text(f"{folder}/topcod_openva.csv.gz").iloc[:, 1].to_numpy(str)
    yield _row(name, site, "top cause (openVA)", named, top, 0)
    order = np.argsort(-prediction.probability, axis=1, kind="stable")[:, :3]
    three = text(f"{folder}/pred_top3_nbc4va.csv.gz").iloc[:, 1:].to_numpy(str)
    yield _row(name, site, "three causes (nbc4va)", np.array(train.causes)[order], three, 0)
    yield _row(name, site, "CSMF (nbc4va)", prediction.csmf, csmf(f"{folder}/csmf.csv", train.causes), 1e-9)


_TARIFF_VARIANTS: dict[str, dict[str, Any]] = {
    "nosig_norank": {"n_bootstrap": 0, "rank": False},
    "nosig_trainrank": {"n_bootstrap": 0, "n_resample": 0},
    "nosig_top40_trainrank": {"n_bootstrap": 0, "n_resample": 0, "top": 40},
}


def tariff_rows(site: str) -> Iterator[Row]:
    """Compare Tariff on one fold: the deterministic variants completely, the default one given R's draws."""
    train, test = fold(site)
    present = test.symptoms == 1
    for variant, options in _TARIFF_VARIANTS.items():
        model = Tariff(reference_compat=True, **options).fit(train)
        yield from _tariff_variant(site, variant, model, present, model.predict(test), "")
    model = Tariff(reference_compat=True).fit(train, seed=1)
    names = np.array(train.causes)[model.order_]
    mask = matrix(f"tariff/{site}/sigmask_default.csv.gz").loc[names, list(train.symptom_names)].to_numpy() == 1
    share = float(mask.mean())
    note = "R's bootstrap samples are not ours; the share of tariffs kept must agree"
    yield _row("Tariff", f"{site} default", "share significant", float(model.significant_.mean()), share, 0.01, note)
    note = "the same cells kept; 500 bootstrap samples each, drawn by different generators"
    agree = float((mask == model.significant_).mean())
    yield _row("Tariff", f"{site} default", "significance, agreement", agree, 1.0, 0.05, note)
    place = {c: k for k, c in enumerate(names)}
    labels = np.array([place[train.causes[c]] for c in train.cause])  # type: ignore[union-attr]
    shares = tariff_module.endorsement((train.symptoms == 1).astype(np.float32), labels)
    model.tariff_ = np.where(mask, tariff_module.tariffs(shares), 0.0)
    baseline = matrix(f"tariff/{site}/baseline_scores_default.csv.gz")[list(names)].to_numpy(float)
    model.baseline_ = np.sort(baseline.T, axis=1)
    note = "given R's significance mask and baseline scores"
    yield from _tariff_variant(site, "default", model, present, model.predict(test), note)


def _tariff_variant(site: str, variant: str, model: Tariff, present: Any, prediction: Any, note: str) -> Iterator[Row]:
    folder, causes = f"tariff/{site}", np.array(model.causes_)
    names = causes[model.order_]
    case = f"{site} {variant}"
    stored = matrix(f"{folder}/tariff_{variant}.csv.gz").loc[names, list(model.symptom_names_)].to_numpy(float)
    yield _row("Tariff", case, "tariffs", model.tariff_, stored, 0.0, note)
    score = tariff_module.scores(present, model.tariff_)
    raw = matrix(f"{folder}/rawscore_{variant}.csv.gz")[list(names)].to_numpy(float)
    yield _row("Tariff", case, "scores", score, raw, 0.0, note)
    if model.rank:
        ranks = matrix(f"{folder}/score_{variant}.csv.gz")[list(names)].to_numpy(float)
        yield _row("Tariff", case, "ranks", tariff_module.ranks(score, model.baseline_), ranks, 0.0, note)
    top = text(f"{folder}/topcod_{variant}.csv.gz").iloc[:, -1].to_numpy(str)
    yield _row("Tariff", case, "top causes", causes[prediction.top_cause], top, 0, note)
    yield _row(
        "Tariff", case, "CSMF", prediction.csmf, csmf(f"{folder}/csmf_{variant}.csv", model.causes_), 1e-12, note
    )


ROWS = {
    "interva": lambda: (row for site in folds("interva_train") for row in interva_rows(site)),
    "interva5": interva5_rows,
    "nbc": lambda: (row for site in folds("nbc") for row in nbc_rows(site)),
    "tariff": lambda: (row for site in folds("tariff") for row in tariff_rows(site)),
}
"""Section -> its rows."""
