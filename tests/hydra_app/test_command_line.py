"""Every flag of Hydra: allowed where it does what it says, refused with the reason; in any order with overrides."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from tests.bad_inputs.test_commands import refused
from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from tests.marks import first_of_each_kind
from va_experiments.errors import InputError
from va_experiments.hydra_app.command_line import FLAGS, split_arguments

PLAN = ("model=nbc", "site=ap", "data.n=120", "dry_run=true", *QUICK)


def test_the_table_has_every_flag_of_hydra() -> None:
    from hydra._internal.utils import get_args_parser

    named = {name for flag in FLAGS for name in flag.names}
    hydra = {name for action in get_args_parser()._actions for name in action.option_strings}
    assert named == hydra | {"--debug"}


SHOWN = {
    "--cfg": (["--cfg", "job"], "_target_: va_experiments.models.nbc.NaiveBayes"),
    "--resolve": (["--cfg=job", "--resolve"], "outputs: outputs"),
    "--package": (["-c", "job", "-p", "model"], "name: nbc"),
    "--info": (["--info", "defaults"], "testset/natural"),
    "--help": (["-h"], "Five useful command lines"),
    "--hydra-help": (["--hydra-help"], "Override"),
    "--version": (["--version"], "Hydra 1.3"),
    "--shell-completion": (["-sc", "install=bash"], "complete"),
}


@pytest.mark.parametrize("name", first_of_each_kind(SHOWN, lambda name: "help" in name))
def test_a_flag_that_shows_something_runs_nothing(name: str) -> None:
    arguments, words = SHOWN[name]
    with elsewhere() as root:
        code, out, err = output_here([*arguments, *([] if name == "--shell-completion" else ["model=nbc"])])
        assert (code, list(root.rglob("*.*"))) == (0, []), err
    assert words in out, out


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["-m"], ["--multirun"], ["-r"], ["--run"], ["--debug"], ["--config-dir", "mine"]])
def test_flags_may_stand_anywhere_between_overrides(flags: list[str]) -> None:
    with elsewhere():
        Path("mine/experiment").mkdir(parents=True)
        Path("mine/experiment/x.yaml").write_text("# @package _global_\nseed: 7\n")
        mine = ("experiment=x",) if "mine" in flags else ()
        for place in (0, 2, len(PLAN)):
            code, out, err = output_here([*PLAN[:place], *flags, *mine, *PLAN[place:]])
            assert code == 0, err
            assert "1 cells" in out


REFUSED = {
    "--config-path": (["--config-path", "conf"], "--config-path is refused: every run is composed from this program's"),
    "--config-name": (["-cn", "mine"], "-cn is refused: the main file is always config.yaml; put what differs into"),
    "--experimental-rerun": (["--experimental-rerun=x.pickle"], "--experimental-rerun is refused: it unpickles a file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_flag_says_why_and_what_to_do(name: str) -> None:
    arguments, words = REFUSED[name]
    with elsewhere() as root:
        refused((*arguments, *PLAN), words, root)


def test_every_flag_has_a_case() -> None:
    assert {f.names[0] for f in FLAGS if f.refused} == set(REFUSED)
    assert {f.names[0] for f in FLAGS if not f.refused} == set(SHOWN) | {
        "--multirun",
        "--run",
        "--debug",
        "--config-dir",
    }


class Touch:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return open, ("mark", "w")  # type: ignore[return-value]


@pytest.mark.parametrize("flag", ["--experimental-rerun", "--experimental", "--experimental-rerun=run.pickle"])
def test_nothing_is_unpickled(flag: str) -> None:
    with elsewhere():
        Path("run.pickle").write_bytes(pickle.dumps(Touch()))
        code, _, err = output_here([flag, "run.pickle", *PLAN])
        assert code == 2, err
        assert not Path("mark").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--multirn"], "unrecognized arguments: --multirn; did you mean '--multirun'?"),
        (["--conf", "x"], "unrecognized arguments: --conf"),
        (["--config-dir"], "--config-dir needs a value: --config-dir FOLDER"),
        (["--cfg", "jobs"], "--cfg is 'jobs'; known: job, hydra, all; did you mean 'job'?"),
        (["--run=3"], "--run takes no value; got '3'"),
        (["--config-dir", "a", "-cd", "b"], "--config-dir is given twice, as 'a' and as 'b'"),
        (["--resolve"], "--resolve only goes with --cfg"),
        (["--cfg", "job", "--info"], "only one of --cfg, --info and --shell-completion"),
    ],
)
def test_a_flag_that_is_not_understood(arguments: list[str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        split_arguments([*arguments, "model=nbc"] if arguments != ["--config-dir"] else arguments)
    assert words in str(caught.value)


def test_what_follows_two_hyphens_is_an_override() -> None:
    assert split_arguments(["--info", "model=nbc", "--", "-x"]).overrides == ["model=nbc", "-x"]
