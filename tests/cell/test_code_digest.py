"""Which source code is part of a cell's key: that of the model, and of the models that it is made of."""

from __future__ import annotations

import pytest

from va_experiments.cell import ModelSpec, model_spec
from va_experiments.cell.code_digest import code_digest
from va_experiments.models import NaiveBayes

VOTING = {"name": "v", "_target_": "va_experiments.models.ensembles.voting.Voting"}


@pytest.mark.parametrize(("members", "changes"), [(["nbc", "prior"], True), (["prior", "uniform"], False)])
def test_editing_a_model_changes_the_keys_of_ensembles_that_use_it(monkeypatch, members, changes):
    before = ModelSpec.from_config({**VOTING, "members": members}).digest
    edited = {NaiveBayes: "0" * 16}
    monkeypatch.setattr(model_spec, "code_digest", lambda c: edited.get(c) or code_digest(c))
    after = ModelSpec.from_config({**VOTING, "members": members})
    assert (after.digest != before) is changes


def test_editing_a_model_changes_no_seed(monkeypatch):
    tree = {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"}
    before = ModelSpec.from_config(tree)
    monkeypatch.setattr(model_spec, "code_digest", lambda c: "0" * 16)
    after = ModelSpec.from_config(tree)
    assert after.digest != before.digest
    assert after.seed_digest == before.seed_digest


def test_an_ensemble_of_ensembles_depends_on_their_members():
    tree = {"name": "t", "_target_": "va_experiments.models.ensembles.tuned.Tuned", "model": "calibrated"}
    codes = ModelSpec.from_config(tree | {"grid": {"ridge": [1.0]}}).code.split(" ")
    assert code_digest(NaiveBayes) in codes
