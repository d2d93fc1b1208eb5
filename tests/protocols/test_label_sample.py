"""Labelled deaths of a test site: which they are, that samples are nested, and what the splits make of them."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.protocols import Split, most_splits, splits
from va_experiments.protocols.label_sample import LabelSample, draw_labelled, label_sample

CAUSE = np.repeat(np.arange(4), [40, 30, 20, 10])
LABELS = {"name": "leave_one_site_out", "target_labels": {"n": [3, 6], "replicates": 2, "copies": 2}}


@pytest.mark.parametrize("mix", ["random", "dirichlet"])
def test_a_smaller_sample_is_part_of_a_larger_one(mix: str):
    samples = [draw_labelled(CAUSE, n, mix, np.random.default_rng(1)) for n in (10, 25, 60)]
    assert [len(set(s.tolist())) for s in samples] == [10, 25, 60]
    assert set(samples[0]) < set(samples[1]) < set(samples[2])


def test_a_random_sample_has_the_cause_mix_of_the_site_and_a_biased_one_has_not():
    # the mean of a random sample's fractions is the site's; the standard deviation of one of 20 of 100 with share
    # 1/4 is sqrt(.25 * .75 / 20 * 80 / 99) = .087, of a Dirichlet(1) share of 4 causes sqrt(3/80) = .19 and more
    shares = {}
    for mix in ("random", "dirichlet"):
        drawn = [CAUSE[draw_labelled(CAUSE, 20, mix, np.random.default_rng(k))] for k in range(400)]
        shares[mix] = np.array([np.bincount(d, minlength=4) / 20 for d in drawn])
    assert shares["random"].mean(axis=0) == pytest.approx([0.4, 0.3, 0.2, 0.1], abs=0.015)
    assert shares["random"].std(axis=0).max() < 0.12
    assert shares["dirichlet"].std(axis=0).min() > 0.12


def test_the_text_of_a_sample_is_read_back_and_other_texts_are_refused():
    assert label_sample("n=100 dirichlet copies=5") == LabelSample(100, "dirichlet", 5)
    with pytest.raises(InputError, match="expected a text such as"):
        label_sample("100")


def test_labelled_deaths_leave_the_test_set_and_count_in_training(small_deaths: Deaths):
    plain = {s.test_site: s for s in splits({"name": "leave_one_site_out"}, small_deaths)}
    all_splits = splits(LABELS, small_deaths)
    assert len(all_splits) == most_splits(LABELS, small_deaths) == len(plain) * 2 * 2
    for split in all_splits:
        train, test = split.indices(small_deaths)
        before_train, before_test = plain[split.test_site].indices(small_deaths)
        labelled = split.labelled(small_deaths)
        assert len(labelled) == label_sample(split.target_labels).n
        assert sorted([*test, *labelled]) == sorted(before_test)
        assert sorted(train) == sorted([*before_train, *labelled, *labelled])
    by_size = {
        (s.test_site, s.replicate, label_sample(s.target_labels).n): s.labelled(small_deaths) for s in all_splits
    }
    site = all_splits[0].test_site
    assert set(by_size[site, 0, 3]) < set(by_size[site, 0, 6])
    assert set(by_size[site, 0, 6]) != set(by_size[site, 1, 6])


def test_models_that_do_not_see_the_labels_are_fitted_once(small_deaths: Deaths):
    unseen = splits({"name": "leave_one_site_out", "target_labels": {"n": [3, 6], "replicates": 2}}, small_deaths)
    plain = splits({"name": "leave_one_site_out"}, small_deaths)
    assert {s.train_key() for s in unseen} == {s.train_key() for s in plain}
    assert len({s.train_key() for s in splits(LABELS, small_deaths)}) == len(plain) * 2 * 2


def test_splits_without_labels_have_the_keys_that_they_had(small_deaths: Deaths):
    split = splits({"name": "leave_one_site_out"}, small_deaths)[0]
    assert "target_labels" not in split.spec()
    assert Split.from_spec(split.spec()) == split
    labelled = splits(LABELS, small_deaths)[0]
    assert Split.from_spec(labelled.spec()) == labelled


def test_more_labels_than_deaths_are_refused_or_left_out(small_deaths: Deaths):
    most = int(np.bincount(small_deaths.site).max())
    options = {"name": "leave_one_site_out", "target_labels": {"n": [2, most], "replicates": 1}}
    with pytest.raises(InputError, match=f"target_labels.n {most} leaves none of the"):
        splits(options, small_deaths)
    left = splits(options | {"too_large": "skip"}, small_deaths)
    assert {label_sample(s.target_labels).n for s in left} == {2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_labels": {"n": 0}}, "expected a whole number of deaths of 1 or more"),
        ({"target_labels": {"n": [25, 0.5]}}, "n is '?0.5'?"),
        ({"target_labels": {"mix": "biased"}}, "mix is 'biased'; known: random, dirichlet"),
        ({"target_labels": {"number": 25}}, "target_labels"),
        ({"target_labels": {"n": 25}, "train_size": 100}, "one learning curve at a time"),
    ],
)
def test_options_that_cannot_work_are_refused(small_deaths: Deaths, options: dict, message: str):
    with pytest.raises(InputError, match=message):
        splits({"name": "leave_one_site_out"} | options, small_deaths)


def test_nothing_is_labelled_where_no_cause_is_known(small_deaths: Deaths):
    with pytest.raises(InputError, match="protocol=assign has none"):
        splits({"name": "assign", "target_labels": {"n": 5}}, small_deaths)


def test_folds_and_combined_protocols_label_too(small_deaths: Deaths):
    options = {"name": "in_domain", "folds": 2, "target_labels": {"n": 2, "replicates": 1}}
    for split in splits(options, small_deaths):
        train, test = split.indices(small_deaths)
        assert not set(train) & set(test)
        assert not set(split.labelled(small_deaths)) & set(test)
    parts = {"a": {"name": "in_domain", "folds": 2}}
    both = {"name": "combined", "target_labels": {"n": 2, "replicates": 1}, "parts": parts}
    assert all(s.target_labels == "n=2 random copies=0" for s in splits(both, small_deaths))
