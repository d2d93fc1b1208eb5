"""A command may name the study's own file and sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.bad_inputs.test_commands import refused
from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here

YAML = 'name: csv\npath: "study.csv"\nid: "id"\nlabel: "Western Kenya"\n'
PLAN = ("model=nbc", "dry_run=true", *QUICK)


@pytest.fixture
def study() -> Iterator[Path]:
    """A folder with a table of 90 deaths at three sites, and the YAML for it."""
    with elsewhere() as root:
        rng = np.random.default_rng(1)
        cause = np.arange(90) % 3
        answers = {f"s{i}": np.where(rng.random(90) < np.where(i // 2 == cause, 0.8, 0.2), "Y", "N") for i in range(6)}
        sites = np.array(["Kisumu", "St. Mary/2", "mexico"])[np.arange(90) // 3 % 3]
        names = np.array(["A", "B", "C"])[cause]
        table = pd.DataFrame({"id": [f"d{i}" for i in range(90)], "site": sites, "cause": names, **answers})
        table.to_csv("study.csv", index=False)
        far = table.replace({"Kisumu": "São Tomé", "St. Mary/2": "Príncipe"})
        far.to_csv("far.csv", index=False)
        Path("my_study.yaml").write_text(YAML)
        Path("sub").mkdir()
        yield root


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("data=./my_study.yaml", "site=Kisumu"), "St. Mary/2+mexico -> Kisumu"),
        (("data=my_study.yaml", "site=mexico"), "Kisumu+St. Mary/2 -> mexico"),
        (("data=my_study.yaml", "site=St. Mary/2"), "Kisumu+mexico -> St. Mary/2"),
        (("data=study.csv", "data.id=id", "site=all"), "3 cells: 0 done, 3 to do"),
        (("data=sub/../study.csv", "data.id=id", "site=all"), "3 cells: 0 done, 3 to do"),
        (("data=my_study.yaml", "site=Kisumu,mexico"), "job 1: site=mexico (1 cells)"),
        (("data=my_study.yaml", "site='Kisumu',mexico"), "job 0: site='Kisumu' (1 cells)"),
        (("data=far.csv", "data.id=id", "site=São Tomé"), "Príncipe+mexico -> São Tomé"),
        (("data=far.csv", "data.id=id", 'site="São Tomé",Príncipe'), "job 1: site=Principe (1 cells)"),
        (("data=far.csv", "data.id=id", "site=Príncipe, mexico"), "job 0: site=Principe (1 cells)"),
    ],
)
def test_own_files_and_sites_are_planned(overrides: tuple[str, ...], words: str, study: Path) -> None:
    code, out, err = output_here((*overrides, *PLAN))
    assert code == 0, err
    assert words in out


def test_every_option_can_be_set_and_the_study_has_its_label(study: Path) -> None:
    code, out, err = output_here(("data=my_study.yaml", "data.duplicates=keep", "model=nbc", "site=Kisumu", *QUICK))
    assert code == 0, err
    assert "Western Kenya" in out
    cells = pd.read_csv(next(Path("outputs/runs").glob("*/*/cells.csv")))
    assert list(cells["data"]) == ["Western Kenya"]
    assert list(cells["test_site"]) == ["Kisumu"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("data=stdy.csv",), "there is no file 'stdy.csv'; did you mean 'study.csv'?"),
        (("data=bad.yaml",), "'bad.yaml' is no configuration of a data set: expected name: and the options of one of"),
        (("data=my_study.yaml", "site=Kisum"), "unknown site 'Kisum'; known: Kisumu, St. Mary/2, mexico; did you mean"),
        (("data=study.cvs",), "did you mean 'study.csv'?"),
        (("data=far.csv", "data.id=id", "site=SAO TOME"), "did you mean 'São Tomé'?"),
        (("site=pembaa",), "unknown site 'pembaa'; known: all, ap, bohol"),
        (("data=hidden",), "my_conf/data/hidden.yaml has that name: add --config-dir my_conf"),
    ],
)
def test_a_name_that_nothing_has(overrides: tuple[str, ...], words: str, study: Path) -> None:
    Path("bad.yaml").write_text("a: 1\n")
    Path("my_conf/data").mkdir(parents=True)
    Path("my_conf/data/hidden.yaml").write_text(YAML)
    refused((*overrides, *PLAN), words, study, given=5)


def test_describe_reads_what_check_wrote(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from va_experiments.cli import main

    assert main(["data", "check", "study.csv", "id=id", "--write", "written.yaml"]) == 0
    assert 'label: "written"' in Path("written.yaml").read_text()
    capsys.readouterr()
    assert main(["data", "describe", "written.yaml"]) == 0
    assert "written: 90 deaths, 6 symptoms, 3 causes" in capsys.readouterr().out
    code, _, err = output_here(("data=written.yaml", "site=Kisumu", *PLAN))
    assert code == 0, err


def test_a_yaml_file_describes_the_tables_that_are_joined(study: Path) -> None:
    new = pd.read_csv("far.csv").drop(columns="cause")
    new["id"] = [f"n{i}" for i in range(90)]
    new.loc[::2, "s0"] = "."
    new.to_csv("new.csv", index=False)
    assign = ("data=train_and_assign", "data.train=my_study.yaml", "data.assign=new.csv", "data.duplicates=keep")
    code, out, err = output_here([*assign, "protocol=assign", *PLAN])
    assert code == 0, err
    assert "Kisumu+St. Mary/2+mexico (training) -> all" in out
    code, _, err = output_here(["data=union", "data.members=[my_study.yaml,new.yaml]", *PLAN])
    assert code == 2
    assert "data.members[1]=new.yaml: there is no file 'new.yaml'" in err
    code, _, err = output_here([*assign[:1], "data.train=my_stud.yaml", *assign[2:], "protocol=assign", *PLAN])
    assert code == 2
    assert "data.train=my_stud.yaml: there is no file 'my_stud.yaml'; did you mean 'my_study.yaml'?" in err


def test_a_class_of_scikit_learn_needs_no_more_than_its_target(study: Path) -> None:
    Path("my_conf/model").mkdir(parents=True)
    Path("my_conf/model/tree.yaml").write_text("_target_: sklearn.tree.DecisionTreeClassifier\nmax_depth: 3\n")
    command = ("--config-dir", "my_conf", "data=my_study.yaml", "site=Kisumu", "model=tree,nbc")
    code, out, err = output_here((*command, *QUICK))
    assert code == 0, err
    cells = pd.read_csv(next(Path("outputs/runs").glob("*/*/cells.csv")))
    assert set(cells["model"]) == {"tree", "nbc"}, out
