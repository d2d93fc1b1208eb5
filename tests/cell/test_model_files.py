"""Every option of ``conf/`` that names a file counts by content: an edit gives new keys, a copy the same."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import re
import shutil
import sys
import types
from pathlib import Path

import pytest
import yaml

from tests.data.readers.test_csv import to_csv
from tests.data.readers.test_immcmc import simulated as simulated_immcmc
from va_experiments.cell import ModelSpec
from va_experiments.cell.model_files import check_files, file_digests, with_contents
from va_experiments.checkpoints.completed_jobs import is_complete, mark_complete
from va_experiments.config.data import DATA
from va_experiments.config.fields import file_options
from va_experiments.config.schema import JobConfig, conf_dir
from va_experiments.data import load, simulate_deaths
from va_experiments.errors import InputError
from va_experiments.models.ensembles.voting import Voting
from va_experiments.models.interva.interva5 import InterVA5
from va_experiments.models.model_import import allowed_class

TARGET = "va_experiments.models.interva.interva5.InterVA5"


def trees(group: str) -> dict[str, dict]:
    return {p.stem: yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted((conf_dir() / group).glob("*.yaml"))}


MODELS = {
    (name, parameter)
    for name, tree in trees("model").items()
    for parameter in allowed_class(tree["_target_"]).file_parameters
}
READERS = {(name, option) for name in trees("data") for option in file_options(DATA[name])}


def test_every_key_of_conf_that_is_said_to_name_a_file_is_marked_as_one() -> None:
    documented = set()
    for group in ("model", "data", "protocol", "testset", "site", "features"):
        for path in (conf_dir() / group).glob("*.yaml"):
            for key in re.findall(
                r"^(\w+): null +#.*(?:\bfile\b|\.csv\b)", path.read_text(encoding="utf-8"), re.MULTILINE
            ):
                documented.add((path.stem, key))
    assert documented == MODELS | READERS
    assert len(MODELS) >= 2
    assert {option for _, option in READERS} == {"path"}


def edited_probbase(folder: Path) -> tuple[Path, Path]:
    """The bundled probbase, and one with another level in one cell."""
    spec = importlib.util.find_spec("vacheck")
    assert spec is not None
    assert spec.submodule_search_locations
    file = Path(spec.submodule_search_locations[0]) / "data" / "probbaseV5.csv"
    rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    row, column = next((r, c) for r in range(2, len(rows)) for c in range(30, len(rows[r])) if rows[r][c] == "B")
    rows[row][column] = "A"
    changed = folder / "changed.csv"
    with changed.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return file, changed


@pytest.mark.parametrize(("name", "parameter"), sorted(MODELS))
def test_a_file_of_a_model_counts_by_content(name: str, parameter: str, tmp_path: Path) -> None:
    tree = trees("model")[name]
    original, changed = edited_probbase(tmp_path)
    file = Path(shutil.copyfile(original, tmp_path / "mine.csv"))
    copy = Path(shutil.copyfile(original, tmp_path / "copy.csv"))
    first, copied = (ModelSpec.from_config(tree | {parameter: str(path)}) for path in (file, copy))
    assert copied.digest == first.digest
    assert copied.seed_digest == first.seed_digest
    assert copied.params[parameter] != first.params[parameter]
    shutil.copyfile(changed, file)
    edited = ModelSpec.from_config(tree | {parameter: str(file)})
    assert edited.params == first.params
    assert edited.digest != first.digest
    assert edited.seed_digest != first.seed_digest
    with pytest.raises(InputError, match=f"the file that model.{parameter} names has changed"):
        first.estimator()
    edited.estimator()


@pytest.mark.parametrize(("name", "parameter"), sorted(MODELS))
def test_without_a_file_the_seeds_hash_the_parameters_as_they_are(name: str, parameter: str) -> None:
    spec = ModelSpec.from_config(trees("model")[name])
    assert spec.files == {}
    assert {k.replace("reference_", "") for k in spec.params} == set(spec.seed_content["params"])
    assert spec.seed_content["params"][parameter] is None
    assert spec.params[parameter] is None


@pytest.mark.parametrize("name", sorted(name for name, _ in READERS if not name.startswith("phmrc_")))
def test_a_file_of_a_reader_counts_by_content(name: str, tmp_path: Path) -> None:
    options: dict = {}
    file = tmp_path / "table.csv"
    if name == "csv":
        to_csv(simulate_deaths(60, n_symptoms=12), file)
        options = {"covariates": {"age": None}, "id": "id"}
    elif name == "who2016_odk":
        questions = [f"g-Id{number}" for number in range(10120, 10170)]
        file.write_text("\n".join([",".join(["KEY", *questions]), *(",".join([i, *["yes"] * 50]) for i in "abc")]))
    elif name.startswith("immcmc_"):
        shutil.copyfile(simulated_immcmc(tmp_path, name.removeprefix("immcmc_")), file)
    else:
        from va_experiments.data.probbase import read_probbase

        codes = read_probbase().indicators
        file.write_text("\n".join([",".join(["ID", *codes]), *(",".join([i, *["y"] * len(codes)]) for i in "abc")]))
    first = load(name, options | {"path": str(file)}).fingerprint
    copy = Path(shutil.copyfile(file, tmp_path / "copy.csv"))
    assert load(name, options | {"path": str(copy)}).fingerprint == first
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")
    assert load(name, options | {"path": str(file)}).fingerprint != first


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(
    "name", ["phmrc_child", *(pytest.param(f"phmrc_{m}", marks=pytest.mark.nightly) for m in ("adult", "neonate"))]
)
def test_a_phmrc_file_counts_by_content(name: str, phmrc_dir: Path, tmp_path: Path) -> None:
    from va_experiments.data.readers.phmrc import find_phmrc

    try:
        raw = find_phmrc(name.removeprefix("phmrc_"), phmrc_dir)
    except InputError:
        pytest.skip(f"the file of {name} is not in {phmrc_dir}")
    text = gzip.decompress(raw.read_bytes()) if raw.suffix == ".gz" else raw.read_bytes()
    file, shorter = tmp_path / "table.csv", tmp_path / "shorter.csv"
    file.write_bytes(text)
    shorter.write_bytes(text.rstrip().rpartition(b"\n")[0] + b"\n")
    prints = [load(name, {"path": str(p)}).fingerprint for p in (raw, file, shorter)]
    assert prints[0] == prints[1] != prints[2]


def test_completed_jobs_are_not_complete_after_a_file_of_theirs_is_edited(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("one")
    tree = {
        "model": trees("model")["interva5"] | {"probbase": str(file)},
        "data": {"name": "who2016", "path": str(file)},
        "site": {"name": "all"},
        "features": {"name": "hce"},
        "protocol": {"name": "assign"},
        "testset": {"name": "natural"},
    }
    jobs = [JobConfig.model_validate(tree)]
    mark_complete(tmp_path, jobs)
    assert is_complete(tmp_path, jobs)
    file.write_text("another")
    assert not is_complete(tmp_path, jobs)


def test_a_file_of_a_member_from_another_package_is_checked_again_before_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("mymodels")
    module.Mine = type("Mine", (InterVA5,), {"__module__": "mymodels"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mymodels", module)
    file = tmp_path / "mine.csv"
    file.write_text("one")
    params = {"members": ["a"], "member_parameters": {"a": {"_target_": "mymodels.Mine", "probbase": str(file)}}}
    files = file_digests(Voting, params, ("mymodels",))
    assert files == {"member_parameters.a.probbase": hashlib.sha256(b"one").hexdigest()}
    check_files(Voting, params, files)
    file.write_text("another")
    with pytest.raises(InputError) as caught:
        check_files(Voting, params, files)
    assert list(caught.value.problems) == [
        "the file that model.member_parameters.a.probbase names has changed since the run was planned; run the command "
        "again"
    ]


def test_every_file_that_cannot_be_read_is_named() -> None:
    params = {"members": ["a"], "member_parameters": {"a": {"_target_": TARGET, "probbase": "no.csv"}}}
    with pytest.raises(InputError) as caught:
        file_digests(InterVA5, params | {"probbase": "gone.csv"})
    assert list(caught.value.problems) == [
        "model.probbase is 'gone.csv': cannot be read (No such file or directory)",
        "model.member_parameters.a.probbase is 'no.csv': cannot be read (No such file or directory)",
    ]
    assert file_digests(InterVA5, {"probbase": None}) == {}


def test_a_file_of_a_member_is_replaced_where_it_stands() -> None:
    params = {"members": ["a"], "member_parameters": {"a": {"_target_": "x.Y", "table": "f.csv", "k": 1}}}
    replaced = with_contents(params, {"member_parameters.a.table": "ab12"})
    assert replaced["member_parameters"]["a"] == {"_target_": "x.Y", "table": {"sha256": "ab12"}, "k": 1}
    assert params["member_parameters"]["a"]["table"] == "f.csv"


def test_a_file_that_is_not_there_is_an_error_that_names_the_parameter() -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        ModelSpec.from_config(trees("model")["interva5"] | {"probbase": "nowhere.csv"})
