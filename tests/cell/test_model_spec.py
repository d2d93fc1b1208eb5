"""A composed model as plain data: checked, built once, and the same whatever its name or resources."""

from __future__ import annotations

import sys
import types

import pytest

from va_experiments.cell import ModelSpec
from va_experiments.cell.code_digest import code_digest
from va_experiments.cell.model_spec import content_digest
from va_experiments.config.schema import Resources
from va_experiments.errors import InputError
from va_experiments.models import NaiveBayes
from va_experiments.models.ensembles.voting import Voting

NBC = {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"}
VOTING = {"name": "v", "_target_": "va_experiments.models.ensembles.voting.Voting"}


def problems(tree: dict, **more: object) -> list[str]:
    with pytest.raises(InputError) as caught:
        ModelSpec.from_config(tree, **more)  # type: ignore[arg-type]
    return list(caught.value.problems)


def test_the_spec_holds_every_parameter_and_what_the_class_says() -> None:
    spec = ModelSpec.from_config({**NBC, "alpha": 0.5, "resources": {"num_cpus": 2, "memory": 10**9}})
    assert spec.name == "nbc"
    assert spec.target == NBC["_target_"]
    assert spec.params == {**NaiveBayes().get_params(deep=False), "alpha": 0.5}
    assert spec.code == code_digest(NaiveBayes)
    assert (spec.trains, spec.prediction_is_costly, spec.files) == (True, False, {})
    assert spec.resources == Resources(num_cpus=2, memory=10**9)
    assert ModelSpec.from_config({**NBC, "resources": None}).resources == Resources()
    assert spec.estimator().get_params(deep=False) == spec.params
    assert isinstance(spec.estimator(), NaiveBayes)
    assert spec.estimator() is not spec.estimator()


def test_fixed_knowledge_and_costly_predictions_are_noted() -> None:
    interva5 = ModelSpec.from_config({"name": "i", "_target_": "va_experiments.models.interva.interva5.InterVA5"})
    insilico = ModelSpec.from_config({"name": "i", "_target_": "va_experiments.models.insilico.insilico.InSilicoVA"})
    assert (interva5.trains, interva5.prediction_is_costly) == (False, False)
    assert (insilico.trains, insilico.prediction_is_costly) == (True, True)


def test_all_problems_of_a_model_are_listed() -> None:
    problems_found = problems({**NBC, "alfa": 1.0, "smooth": 2, "resources": {"num_cpu": 1}})
    assert len(problems_found) == 3
    assert "alfa" in problems_found[0]
    assert "model=nbc" in problems_found[0]
    assert "did you mean 'alpha'?" in problems_found[0]
    assert "smooth" in problems_found[1]
    assert problems_found[2].startswith("model 'nbc': ")
    assert "num_cpu" in problems_found[2]


def test_a_class_comes_from_an_allowed_package() -> None:
    assert "elsewhere" in problems({"name": "x", "_target_": "elsewhere.Model"})[0]
    (problem,) = problems({**VOTING, "members": ["a"], "member_parameters": {"a": {"_target_": "elsewhere.Model"}}})
    assert problem.startswith("model.member_parameters.a._target_")


def test_a_parameter_that_is_not_plain_data_is_refused() -> None:
    (problem,) = problems({**NBC, "alpha": 0.5, "name": "mine", "reference_compat": complex(1)})
    assert problem.startswith("model 'mine': a parameter is not plain data (")
    assert "(1+0j)" in problem


def test_the_code_of_a_member_class_is_counted_once() -> None:
    tree = {**VOTING, "members": ["nbc", "nbc2"], "member_parameters": {"nbc2": {"_target_": NBC["_target_"]}}}
    assert ModelSpec.from_config(tree).code.split(" ") == [code_digest(Voting), code_digest(NaiveBayes)]


def test_name_and_resources_are_no_part_of_the_content() -> None:
    plain, other = ModelSpec.from_config(NBC), ModelSpec.from_config({**NBC, "name": "x", "resources": {"num_cpus": 3}})
    assert other.digest == plain.digest == content_digest(plain.content)
    assert other.seed_digest == plain.seed_digest == content_digest(plain.seed_content)
    assert plain.content == {"target": plain.target, "params": dict(plain.params), "code": plain.code}


def test_seeds_hash_the_first_names_and_digests_of_the_models() -> None:
    seed_content = ModelSpec.from_config({**NBC, "alpha": 2.0}).seed_content
    assert seed_content["target"] == "va_experiments.models.nbc.NaiveBayes"
    assert seed_content["code"] == "f1a017bae125eb09"
    assert "reference_compat" not in seed_content["params"]
    assert seed_content["params"]["compat"] is False
    assert seed_content["params"]["alpha"] == 2.0
    member = {**VOTING, "members": ["a"], "member_parameters": {"a": {"_target_": NBC["_target_"]}}}
    of_members = ModelSpec.from_config(member).seed_content
    assert of_members["code"] == "76ad8d4c09593f95 f1a017bae125eb09"
    assert of_members["target"] == "va_experiments.models.voting.Voting"


def test_an_estimator_of_an_allowed_package_is_built_in_a_worker_too(monkeypatch: pytest.MonkeyPatch) -> None:
    package, module = types.ModuleType("mypackage"), types.ModuleType("mypackage.models")
    module.Mine = type("Mine", (NaiveBayes,), {"__module__": "mypackage.models"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mypackage", package)
    monkeypatch.setitem(sys.modules, "mypackage.models", module)
    tree = {"name": "mine", "_target_": "mypackage.models.Mine"}
    spec = ModelSpec.from_config(tree, allowed=["mypackage"])
    assert type(spec.estimator()) is module.Mine
    members = {**VOTING, "members": ["a"], "member_parameters": {"a": {"_target_": "mypackage.models.Mine"}}}
    assert code_digest(module.Mine) in ModelSpec.from_config(members, allowed=["mypackage"]).code
    assert problems(tree)
