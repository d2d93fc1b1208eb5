"""What a command asks for is done or refused: lists for a group, keys given twice, groups that are left out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.bad_inputs.test_commands import refused
from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here, run_here
from va_experiments.errors import InputError
from va_experiments.hydra_app.grammar_errors import parse_overrides
from va_experiments.hydra_app.override_checks import check_defaults, check_overrides, config_groups


def problems_of(*overrides: str) -> str:
    try:
        check_overrides(parse_overrides(overrides), config_groups())
    except InputError as error:
        return "\n".join(error.problems)
    return ""


@pytest.mark.parametrize(
    ("override", "ways"),
    [
        ("site=[ap,up]", ["site=ap,up runs one job for each", "'site.test_sites=[AP,UP]' tests them in one job"]),
        ("features=[no_hce,hce]", ["features=no_hce,hce runs one job for each"]),
        ("protocol=[leave_one_site_out,one_to_one]", ["protocol=leave_one_site_out,one_to_one runs one job"]),
        ("model=[nbc]", ["write model=nbc"]),
        ("+testset=[natural,dirichlet]", ["testset=natural,dirichlet runs one job"]),
        ("data=[simulated,csv],[csv]", ["data=simulated,csv runs one job"]),
        ("execution=[ray,inline]", ["choose one, as in execution=ray"]),
        ("experiment=[loso,tune_nbc]", ["run one command for each experiment, as in experiment=loso"]),
        ("hydra/sweeper=[basic,optuna]", ["choose one, as in hydra/sweeper=basic"]),
        ("site={name: x, test_sites: [AP]}", ["chosen by name, as in site=NAME; set a key of it with site.KEY="]),
        ("experiment=loso,learning_curve", ["run one command for each experiment"]),
    ],
)
def test_a_list_for_a_group_is_refused_with_the_way_to_write_it(override: str, ways: list[str]) -> None:
    problems = problems_of(override)
    assert all(way in problems for way in ways), problems


@pytest.mark.parametrize(
    "override", ["model=../../../etc/x", "site=ap,../up", "+hydra/launcher=../../x", "experiment=a/../../b"]
)
def test_a_choice_that_leads_out_of_the_folders_is_refused(override: str) -> None:
    assert "leads out of the folders of the configuration" in problems_of(override)


@pytest.mark.parametrize(
    ("default", "words"),
    [
        ("override /hydra/launcher: basic", "has 'override /hydra/launcher: basic' in its defaults: jobs run through"),
        ("override /hydra/launcher: null", "leave the line out"),
        ("override /hydra/launcher@hydra.launcher: joblib", "leave the line out"),
        ("override /hydra/job_logging: colorlog", "write hydra/job_logging=colorlog in the command"),
        ("override /hydra/hydra_logging: nothing", "write hydra/hydra_logging=nothing in the command"),
        ("hydra/launcher: basic", "leave the line out"),
        ("override hydra/job_logging: default", "write 'override /hydra/job_logging: default'"),
        ("override model: nbc", "write 'override /model: nbc'"),
        ("/model: nbc", "model has a choice already, which is replaced by 'override /model: nbc'"),
        ("/hydra/sweeper: optuna", "replaced by 'override /hydra/sweeper: optuna'"),
        ("override /hydra/launcher: ray", ""),
        ("override /hydra/job_logging: none", ""),
        ("override /model: nbc", ""),
        ("/site@mine: ap", ""),
    ],
)
def test_a_choice_of_a_file_is_used_or_refused(default: str, words: str) -> None:
    from hydra import version
    from hydra._internal.config_repository import ConfigRepository
    from omegaconf import OmegaConf

    version.setbase("1.3")
    repository = ConfigRepository.__new__(ConfigRepository)
    loaded = repository._create_defaults_list("experiment/x", OmegaConf.create([yaml.safe_load(default)]))
    if not words:
        check_defaults("experiment/x", loaded)
        return
    with pytest.raises(InputError) as caught:
        check_defaults("experiment/x", loaded)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "defaults:\n  - override /model: nbc\n  - override /model: interva",
            "chooses model twice in its defaults, 'nbc'",
        ),
        ("defaults:\n  - override /tracking: [local, none]", "choose one, as in tracking: local"),
        ("site: [ap, up]", "experiment/x.yaml sets a group of keys to a list or a value"),
        ("paths: {outputs: '${nowhere}'}", "there is no value for 'nowhere', which 'hydra"),
        ("model: nbc", "choose a file on the command line (model=nbc) or in defaults ('override /model: nbc')"),
    ],
)
def test_a_file_is_told_how_a_group_is_chosen(content: str, words: str) -> None:
    with elsewhere():
        Path("mine/experiment").mkdir(parents=True)
        Path("mine/experiment/x.yaml").write_text(f"# @package _global_\n{content}\n")
        code, err = run_here(["--config-dir", "mine", "experiment=x", "dry_run=true", "execution=inline"])
    assert code == 2
    assert words in err
    assert "runs one job for each" not in err


@pytest.mark.parametrize("default", ["override /model: ../../../mark", "/site: ../x", "../../../mark", "/../../x@data"])
def test_a_file_cannot_name_others_outside_of_its_folder(default: str) -> None:
    with elsewhere() as root:
        (root / "mark.yaml").write_text("name: nbc\n")
        Path("mine/experiment").mkdir(parents=True)
        Path("mine/experiment/x.yaml").write_text(f"# @package _global_\ndefaults:\n  - {default}\n")
        code, err = run_here(["--config-dir", "mine", "experiment=x", "dry_run=true"])
    assert code == 2
    assert "leads out of the folders of the configuration" in err


def test_lists_for_keys_are_values() -> None:
    assert (
        problems_of("site.test_sites=[AP,UP]", "protocol.train_size=[100,200]", "baselines=[]", "model=nbc,tariff")
        == ""
    )


@pytest.mark.parametrize("where", ["defaults", "params"])
def test_a_list_for_a_group_in_an_experiment_s_file_is_refused(where: str) -> None:
    text = {
        "defaults": "defaults:\n  - override /site: [ap, up]\n",
        "params": "hydra:\n  sweeper:\n    params:\n      site: [ap, up]\n",
    }[where]
    words = {
        "defaults": "experiment/x.yaml chooses a list for site in its defaults, [ap, up], of which only the last",
        "params": "hydra.sweeper.params: site=[ap,up] is a list, but one file of site is chosen",
    }[where]
    with elsewhere() as root:
        Path("mine/experiment").mkdir(parents=True)
        Path("mine/experiment/x.yaml").write_text(f"# @package _global_\n{text}")
        refused(("--config-dir", "mine", "experiment=x", *QUICK), words, root, given=1)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ("model=nbc", "model=interva"),
            "'model=nbc' and 'model=interva'; only one can be used: keep one, or write model=nbc",
        ),
        (("data.n=1", "data.n=2"), "'data.n' is given twice: 'data.n=1' and 'data.n=2'"),
        (("seed=1,2", "seed=3"), "'seed' is given twice: 'seed=1,2' and 'seed=3'"),
        (("+data.x=1", "++data.x=2"), "'data.x' is given twice"),
        (("model.alpha=1", "~model.alpha"), "'model.alpha' is given twice: 'model.alpha=1' and '~model.alpha'"),
        (("objective=top1", "objective=log_loss"), "only one can be used: keep one"),
    ],
)
def test_a_key_given_twice_is_refused(overrides: tuple[str, ...], words: str) -> None:
    assert words in problems_of(*overrides)


def test_a_key_of_the_run_is_not_said_to_give_one_job_each() -> None:
    assert "one job each" not in problems_of("objective=top1", "objective=log_loss")


def test_the_same_again_and_a_mapping_that_is_replaced_are_no_contradiction() -> None:
    assert problems_of("seed=1", "seed=1", "model=glob(n*)", "model=glob(n*)") == ""
    assert problems_of("~data.covariates", "+data.covariates={age: [0,120]}") == ""


@pytest.mark.parametrize(
    ("override", "way"),
    [
        ("~tracking", "tracking=none"),
        ("~execution", "execution=inline"),
        ("~model", "give it a value, as in model="),
        ("~baselines", "baselines=[] shows none"),
        ("~site=all", "site=all tests every site"),
    ],
)
def test_what_every_run_has_cannot_be_left_out(override: str, way: str) -> None:
    assert "it cannot be left out" in problems_of(override)
    assert way in problems_of(override)


def test_a_parameter_may_be_left_out() -> None:
    assert problems_of("~model.alpha", "~protocol.parts.in_domain") == ""


def test_a_key_that_an_experiment_varies_is_replaced_only_as_it_is_written_there() -> None:
    with elsewhere() as root:
        Path("mine/experiment").mkdir(parents=True)
        text = (
            "# @package _global_\ndefaults: [override /model: nbc]\nhydra: {sweeper: {params: {model.alpha: '1,2'}}}\n"
        )
        Path("mine/experiment/x.yaml").write_text(text)
        command = ("--config-dir", "mine", "experiment=x", "site=ap", "data.n=120", "dry_run=true", *QUICK)
        refused((*command, "++model.alpha=3"), "write model.alpha=VALUE to replace it", root, given=1)
        code, out, err = output_here((*command, "model.alpha=3"))
    assert code == 0, err
    assert "1 cells" in out


def test_the_last_problem_is_not_hidden_by_the_first() -> None:
    problems = problems_of("site=[ap,up]", "model=nbc", "model=interva", "~tracking")
    assert len(problems.splitlines()) == 3
