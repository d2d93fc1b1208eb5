"""Seeds depend on the first names of classes, parameters and options, whatever they are called today."""

from __future__ import annotations

import pytest

from va_experiments.cell.seed_identity import model_identity, setting_identity


def test_a_moved_class_keeps_its_first_path_and_digest() -> None:
    identity = model_identity(["va_experiments.models.insilico.elsewhere.InSilicoVA"], {}, ["0" * 16])
    assert identity == {"target": "va_experiments.models.insilico.InSilicoVA", "params": {}, "code": "98c0665d307391c2"}


def test_a_new_class_of_ours_has_its_name_and_no_digest() -> None:
    assert model_identity(["va_experiments.models.new.New"], {}, ["0" * 16]) == {
        "target": "New",
        "params": {},
        "code": "",
    }


def test_a_class_of_another_package_has_its_path_and_digest() -> None:
    for package in ("mine", "va_experiments_more"):
        identity = model_identity([f"{package}.models.NaiveBayes"], {}, ["12" * 8])
        assert (identity["target"], identity["code"]) == (f"{package}.models.NaiveBayes", "12" * 8)


def test_the_codes_of_members_follow_in_order() -> None:
    targets = ["va_experiments.models.ensembles.voting.Voting", "mine.Model", "va_experiments.models.nbc.NaiveBayes"]
    identity = model_identity(targets, {}, ["a", "b", "c"])
    assert identity["code"] == "76ad8d4c09593f95 b f1a017bae125eb09"
    with pytest.raises(ValueError, match="zip"):
        model_identity(targets, {}, ["a"])


def test_renamed_parameters_have_their_first_names_at_any_depth() -> None:
    params = {
        "reference_compat": True,
        "members": [{"mirror_level_frequencies": 1}, ("impossible_pairs", 2)],
        "member_parameters": {"a": {"impossible_pairs": "x", "alpha": 1.0}},
        "none": None,
    }
    assert model_identity(["mine.M"], params, ["a"])["params"] == {
        "compat": True,
        "members": [{"mirrored": 1}, ["impossible_pairs", 2]],
        "member_parameters": {"a": {"impossible": "x", "alpha": 1.0}},
        "none": None,
    }


def test_a_setting_has_the_first_name_of_its_estimator_and_the_first_versions() -> None:
    assert setting_identity("model") == {"csmf": "own", "metrics": 5, "schema": 1}
    assert setting_identity("em") == {"csmf": "em", "metrics": 5, "schema": 1}
