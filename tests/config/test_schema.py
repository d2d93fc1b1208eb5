"""The schema: unknown keys refused in every group, all problems at once, and each option declared in one place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from va_experiments.config.fields import descriptions, groups_of
from va_experiments.config.schema import (
    JobConfig,
    RunConfig,
    all_groups,
    conf_dir,
    json_schema,
    option_tree,
    parse_config,
)
from va_experiments.errors import InputError
from va_experiments.hydra_app.app import compose

ROOT = Path(__file__).resolve().parents[2]
GROUPS = sorted(name for name, tree in compose([]).items() if isinstance(tree, dict) and name != "model")


@pytest.mark.parametrize("group", GROUPS)
def test_an_unknown_key_is_refused_in_every_group(group: str) -> None:
    tree = compose([])
    tree[group]["typo"] = 1
    with pytest.raises(InputError, match=rf"config: unknown key '({group}\.)?typo'.*; known: ") as caught:
        parse_config(tree)
    assert len(caught.value.problems) == 1


def test_every_key_belongs_to_the_run_or_to_a_job_and_to_one_of_them_only() -> None:
    run, job = set(RunConfig.model_fields), set(JobConfig.model_fields)
    assert not run & job
    assert run | job == set(option_tree()) == set(compose([]))


def test_both_configs_are_frozen_and_plain_data_gives_them_back() -> None:
    run, job = parse_config(compose(["testset=dirichlet", "testset.alpha=2"]))
    for config in (run, job):
        with pytest.raises(ValueError, match="frozen"):
            config.seed = 3
    assert job.testset.tree()["alpha"] == 2
    assert isinstance(job.testset.tree()["alpha"], int), "keys and seeds tell 2 from 2.0"
    assert parse_config(json.loads(json.dumps(job.tree() | run.tree()))) == (run, job)


@pytest.mark.parametrize("group", ["data", "protocol", "testset"])
def test_every_choice_of_conf_names_a_class_of_options_and_shows_all_of_its_options(group: str) -> None:
    classes = groups_of(JobConfig.model_fields[group])
    for path in sorted((conf_dir() / group).glob("*.yaml")):
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        common = (
            {"seed", "train_size", "replicates", "too_large", "target_labels"} if tree["name"] == "assign" else set()
        )
        missing = set(classes[tree["name"]].model_fields) - set(tree) - common
        assert path.stem == "train_size" or not missing, f"{path.name} does not show {missing}"


def test_every_option_has_a_help_text() -> None:
    for cls in all_groups():
        helped = descriptions(cls)
        for name, field in cls.model_fields.items():
            if "" not in groups_of(field) and name != "name":
                assert helped.get(name), f"{cls.__name__}.{name}"


def test_the_json_schema_has_types_bounds_defaults_choices_and_help() -> None:
    schema = json_schema()
    execution = schema["$defs"]["ExecutionConfig"]
    assert execution["properties"]["backend"] == {
        "default": "ray",
        "enum": ["ray", "inline"],
        "title": "Backend",
        "type": "string",
        "description": descriptions(groups_of(RunConfig.model_fields["execution"])[""])["backend"],
    }
    assert execution["properties"]["window"]["minimum"] == 1
    assert execution["additionalProperties"] is False
    assert schema["$defs"]["ModelOptions"]["additionalProperties"] is True
    assert set(schema["properties"]) == set(option_tree())
    assert schema["properties"]["data"]["discriminator"]["propertyName"] == "name"
    assert schema["$defs"]["Csv"]["properties"]["path"]["anyOf"][0] == {"format": "path", "type": "string"}


@pytest.mark.nightly
@pytest.mark.slow
def test_every_choice_of_conf_fits_the_json_schema_and_an_error_does_not() -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json_schema())
    for path in sorted(conf_dir().glob("*/*.yaml")):
        tree = compose([f"{path.parent.name}={path.stem}"])
        assert [(list(e.path), e.message) for e in validator.iter_errors(tree)] == [], path
    tree["site"]["typo"], tree["execution"]["window"], tree["resume"] = 1, 0, "maybe"
    keys = {".".join(map(str, e.path)) for e in validator.iter_errors(tree)}
    assert keys == {"site", "execution.window", "resume"}
    assert parse_config(compose(["baselines=prior"]))[1].baselines == ("prior",)
    assert not list(validator.iter_errors(compose(["baselines=prior"])))


OPTION = '''
    least_share: Share = 0.25
    """Least share of a cause that is tested."""
'''
CHECK = """
import docs.generate as generate
from va_experiments.config.schema import json_schema
from va_experiments.config.testsets import testset_options
from va_experiments.errors import InputError

options = testset_options({"name": "dirichlet"})
assert options.tree()["least_share"] == 0.25, "the default, and so the key of a cell"
for wrong, words in (
    ({"least_share": 2}, "testset.least_share must be a number between 0 and 1; got 2 (int)"),
    ({"least_shar": 0.5}, "known: n_resamples, n_test, alpha, least_share; did you mean 'least_share'?"),
):
    try:
        testset_options({"name": "dirichlet", **wrong})
    except InputError as error:
        assert words in str(error), error
    else:
        raise AssertionError(wrong)
row = "| `testset.least_share` | a number between 0 and 1 | `0.25` | Least share of a cause that is tested. |"
assert row in generate.configuration()
found = json_schema()["$defs"]["Dirichlet"]["properties"]["least_share"]
assert found["description"] == "Least share of a cause that is tested.", found
assert (found["default"], found["exclusiveMinimum"], found["exclusiveMaximum"]) == (0.25, 0, 1), found
print("everywhere")
"""


def test_an_option_is_added_in_one_place(tmp_path: Path) -> None:
    """One edit of ``config/testsets.py``: validation, error texts, key, reference page and JSON schema follow."""
    for name in ("va_experiments", "conf", "docs/generate.py"):
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    module = tmp_path / "va_experiments" / "config" / "testsets.py"
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert all(f"+{line}" in contributing for line in OPTION.strip("\n").splitlines()), "the edit that it shows"
    text, after = module.read_text(encoding="utf-8"), '    """All parameters of the Dirichlet distribution."""\n'
    assert after in text
    text = text.replace(after, after + OPTION.lstrip("\n")).replace(
        "PositiveNumber, tag_of", "PositiveNumber, Share, tag_of"
    )
    module.write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, text=True, capture_output=True
    )
    assert ran.stdout.strip() == "everywhere", ran.stderr
