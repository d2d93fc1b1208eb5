"""Strata: by site, sex, age group, numbers with few values and symptoms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import read_probbase
from va_experiments.data.strata import strata_of
from va_experiments.errors import InputError


def test_ages_are_divided_at_28_days_and_5_15_50_and_65_years(small_deaths: Deaths) -> None:
    age = np.full(300, np.nan)
    age[:11] = [0, 27 / 365.25, 28 / 365.25, 4.9, 5, 14.9, 15, 49.9, 50, 64.9, 65]
    strata = strata_of(dataclasses.replace(small_deaths, covariates={"age": age}), "age_group")
    assert [strata.labels[k] for k in strata.code[:12].tolist()] == [
        *("neonate", "neonate", "28 days to 4 years", "28 days to 4 years", "5 to 14 years", "5 to 14 years"),
        *("15 to 49 years", "15 to 49 years", "50 to 64 years", "50 to 64 years", "65 years and over", "unknown"),
    ]


def test_indicators_of_interva5_say_age_and_sex() -> None:
    names = read_probbase().indicators
    symptoms = np.zeros((3, len(names)), dtype=np.int8)
    symptoms[0, [names.index("i019b"), names.index("i022g")]] = 1
    symptoms[1, [names.index("i019a"), names.index("i022a")]] = 1
    deaths = Deaths(
        symptoms, names, ("x",), None, ("s",), np.zeros(3, np.int16), np.array(["a", "b", "c"]), simulated=True
    )
    sex, age = strata_of(deaths, "sex"), strata_of(deaths, "age_group")
    assert [sex.labels[k] for k in sex.code.tolist()] == ["female", "male", "unknown"]
    assert [age.labels[k] for k in age.code.tolist()] == ["neonate", "65 years and over", "unknown"]


def test_symptoms_numbers_and_sites(small_deaths: Deaths) -> None:
    group = np.where(np.arange(300) % 2, 7.0, np.nan)
    deaths = dataclasses.replace(small_deaths, covariates={"group": group, "many": np.arange(300.0)})
    assert strata_of(deaths, "group").labels == ("7", "unknown")
    assert strata_of(deaths, "s00").labels == ("no", "yes", "unknown")
    masks = strata_of(deaths, "site").masks(np.arange(300))
    assert {k: int(v.sum()) for k, v in masks.items()} == {
        f"site={name}": int((deaths.site == k).sum()) for k, name in enumerate(deaths.sites)
    }
    with pytest.raises(InputError, match="'many' of data 'small' has 300 values; expected at most 12"):
        strata_of(deaths, "many")
    with pytest.raises(InputError, match="do not say the sex; name its column with"):
        strata_of(deaths, "sex")
    with pytest.raises(InputError, match="have no column 'sits'"):
        strata_of(deaths, "sits")
