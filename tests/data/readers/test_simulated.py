"""Simulated deaths: deterministic, plausible, and as hard as real ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.phmrc_adult import ADULT
from va_experiments.data.readers.simulated import simulate_deaths
from va_experiments.data.readers.simulated_causes import CAUSES
from va_experiments.errors import InputError

LeaveOneSiteOut = Callable[[Deaths], dict[str, tuple[float, float]]]


@pytest.fixture(scope="module")
def deaths() -> Deaths:
    return simulate_deaths()


def test_shape_sites_and_causes(deaths: Deaths) -> None:
    assert deaths.simulated
    assert len(deaths) == 7841
    assert dict(zip(deaths.sites, np.bincount(deaths.site).tolist(), strict=True)) == {
        "AP": 1554, "Bohol": 1259, "Dar": 1726, "Mexico": 1586, "Pemba": 297, "UP": 1419
    }  # fmt: skip
    assert deaths.causes == ADULT.causes
    assert deaths.groups == ADULT.groups
    assert deaths.n_symptoms == 168
    assert deaths.blocks.count("hce") == 15
    assert "simulated" in repr(deaths)
    assert deaths.ledger[0].action == "simulated"


def test_the_same_seed_gives_the_same_deaths_whichever_other_sites_are_drawn(deaths: Deaths) -> None:
    assert simulate_deaths().fingerprint == deaths.fingerprint
    assert simulate_deaths(seed=1).fingerprint != deaths.fingerprint
    pemba = simulate_deaths(sites={"Pemba": 297})
    assert np.array_equal(pemba.symptoms, deaths.symptoms[deaths.site == deaths.sites.index("Pemba")])


def test_sites_differ_in_causes_and_missingness(deaths: Deaths) -> None:
    assert deaths.cause is not None
    mixes, missing = [], []
    for k in range(6):
        rows = deaths.site == k
        mixes.append(np.bincount(deaths.cause[rows], minlength=34) / rows.sum())
        missing.append((deaths.symptoms[rows] < 0).mean())
    assert (mixes[deaths.sites.index("Pemba")] > 0).sum() <= 17
    distance = [np.abs(a - b).sum() / 2 for i, a in enumerate(mixes) for b in mixes[:i]]
    assert 0.2 < np.mean(distance) < 0.6
    assert 0.08 < min(missing) < max(missing) < 0.2


def test_age_and_sex_are_consistent(deaths: Deaths) -> None:
    assert deaths.cause is not None
    column = {s: deaths.symptoms[:, j] for j, s in enumerate(deaths.symptom_names)}
    assert np.array_equal(column["i019a"] + column["i019b"], np.ones(len(deaths)))
    age = deaths.covariates["age"]
    known = ~np.isnan(age)
    assert 0.005 < (~known).mean() < 0.03
    assert np.array_equal(column["i022a"][known] == 1, age[known] >= 65)
    maternal = deaths.cause == deaths.causes.index("Maternal")
    assert (column["i019b"][maternal] == 1).all()
    assert np.nanmax(age[maternal]) < 65
    prostate = deaths.cause == deaths.causes.index("Prostate Cancer")
    assert (column["i019a"][prostate] == 1).all()


def test_as_hard_as_real_deaths(deaths: Deaths, leave_one_site_out: LeaveOneSiteOut) -> None:
    """On the real adult file the same figures are .710 and .354."""
    accuracy, top = np.mean(list(leave_one_site_out(deaths).values()), axis=0)
    assert 0.6 < accuracy < 0.8
    assert 0.3 < top < 0.5


def test_other_sizes_and_sites() -> None:
    small = simulate_deaths(100, sites=["North", "South"], n_symptoms=20)
    assert np.bincount(small.site).tolist() == [50, 50]
    assert small.n_symptoms == 20
    assert len(set(small.id.tolist())) == 100
    for n in (6, 7, 50, 7840, 7842, 20_001):
        assert len(simulate_deaths(n, n_symptoms=5)) == n
    assert simulate_deaths(6, n_symptoms=251).n_symptoms == 251


def test_blocks_do_not_show() -> None:
    """A site larger than one block begins with the deaths of the same site drawn smaller than it, block by block."""
    large = simulate_deaths(sites={"AP": 45_000}, n_symptoms=10)
    assert len(large) == 45_000
    assert large.cause is not None
    first, second = (
        np.bincount(large.cause[:20_000], minlength=34),
        np.bincount(large.cause[20_000:40_000], minlength=34),
    )
    np.testing.assert_allclose(first / 20_000, second / 20_000, atol=0.012)
    assert not np.array_equal(large.symptoms[:20_000], large.symptoms[20_000:40_000])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 3}, r"n must be a whole number from 6"),
        ({"n": True}, r"n must be a whole number"),
        ({"n_symptoms": 4}, r"n_symptoms must be a whole number from 5 to 251; got 4"),
        ({"n_symptoms": 400}, r"n_symptoms must be a whole number from 5 to 251; got 400"),
        ({"sites": "AP"}, r"sites must be a list of names; got 'AP'"),
        ({"sites": []}, r"give at least one site"),
        ({"sites": {"AP": 0}}, r"number of deaths must be a whole number from 1 to 100,000,000"),
    ],
)
def test_refusals(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate_deaths(**options)


def test_every_cause_is_drawn_from_the_probbase() -> None:
    assert len(CAUSES) == 34
    assert all(o.startswith("b_") for c in CAUSES.values() for o in c.outputs)
