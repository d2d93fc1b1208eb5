"""Labelled deaths and intervals that do not go with the rest of a job are refused before anything runs."""

from __future__ import annotations

import dataclasses

import pytest

from tests.test_plan import config, planned
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError

LABELS = {"name": "leave_one_site_out", "target_labels": {"n": [2], "replicates": 1}}
TRAINED_ON = {"name": "leave_one_site_out", "target_labels": {"n": [2], "replicates": 1, "copies": 1}}


def test_labels_that_go_with_the_job_are_planned(small_deaths: Deaths) -> None:
    assert len(planned(small_deaths, config(protocol=LABELS))) == len(small_deaths.sites)
    grouped = dataclasses.replace(small_deaths, groups=tuple(f"g{k % 2}" for k in range(len(small_deaths.causes))))
    assert len(planned(grouped, config(protocol=LABELS, csmf="gbql"))) == len(grouped.sites)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": LABELS, "testset": {"name": "dirichlet"}}, "needs testset=natural; got testset=dirichlet"),
        ({"csmf": "gbql"}, "name them with protocol.target_labels.n=100"),
        ({"protocol": TRAINED_ON, "csmf": "gbql"}, "leave protocol.target_labels.copies at 0"),
        ({"protocol": LABELS, "csmf": "gbql"}, "choose calibration.level=cause"),
    ],
)
def test_labels_that_do_not_are_refused(small_deaths: Deaths, options: dict, message: str) -> None:
    alike = dataclasses.replace(small_deaths, groups=("all",) * len(small_deaths.causes))
    with pytest.raises(InputError, match=message):
        planned(alike, config(**options))


def test_conformal_intervals_need_known_causes(small_deaths: Deaths) -> None:
    assert len(planned(small_deaths, config(csmf_interval="conformal"))) == len(small_deaths.sites)
    with pytest.raises(InputError, match=r"csmf_interval=conformal|has to be trained"):
        planned(small_deaths, config(protocol={"name": "assign"}, csmf_interval="conformal"))
