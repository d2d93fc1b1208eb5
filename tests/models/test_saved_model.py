"""A saved model predicts the same bits as the fitted one, holds no pickle, and is refused when it was changed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.models.test_contract import FILES, build, model_class, same_bits, skip_without_package
from va_experiments.cell import ModelSpec
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models import saved_model
from va_experiments.models.nbc import NaiveBayes
from va_experiments.models.registered import Registered
from va_experiments.models.saved_model import listed_files, read_card, read_model, write_model

TRAINED = sorted(name for name in FILES if model_class(name).trains)


@pytest.mark.parametrize("name", TRAINED)
def test_every_model_that_trains_is_the_same_to_the_last_bit(name: str, small_deaths: Deaths, tmp_path: Path) -> None:
    skip_without_package(name)
    train = np.arange(300) % 3 > 0
    model = build(name).fit(small_deaths.take(train), seed=3)
    write_model(tmp_path / "m", model, {"data": "small"})
    again, card = read_model(tmp_path / "m")
    test = small_deaths.take(~train).without_causes()
    assert same_bits(model.predict(test, seed=4), again.predict(test, seed=4))
    assert card["data"] == "small"
    assert tuple(card["causes"]) == again.causes_ == model.causes_
    assert tuple(card["questions"]) == again.symptom_names_ == model.symptom_names_
    assert again.get_params().keys() == model.get_params().keys()
    for path in (tmp_path / "m").iterdir():
        assert path.suffix in (".json", ".npz", ".ubj", ".txt", ".skops")
        assert not path.read_bytes().startswith(b"\x80"), "a pickle"


@pytest.fixture
def folder(small_deaths: Deaths, tmp_path: Path) -> Path:
    write_model(tmp_path / "nbc", NaiveBayes().fit(small_deaths), {})
    return tmp_path / "nbc"


@pytest.mark.parametrize("name", ["model.json", "arrays.npz", "card.json"])
def test_a_changed_file_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name} differs from its checksum"):
        read_model(folder)
    with pytest.raises(InputError, match="differs from its checksum"):
        read_card(folder)


def test_an_added_a_removed_and_a_foreign_file_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "more.skops").write_bytes(b"")
    (folder / "card.json").unlink()
    with pytest.raises(InputError) as caught:
        read_model(folder)
    assert [p.rpartition(": ")[2] for p in caught.value.problems] == [
        "card.json is missing",
        "more.skops is not in the manifest",
    ]
    with pytest.raises(InputError, match="is not the folder of a saved model"):
        read_model(tmp_path)
    with pytest.raises(InputError, match="is there already"):
        write_model(folder, NaiveBayes(), {})


def _sealed(folder: Path, name: str, content: bytes, *, arrays: bool = True) -> None:
    """Write a file and its checksums, as whoever forges a folder can; `arrays`: those among the arrays too."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    if arrays and name in ("model.json", "card.json"):
        with np.load(folder / "arrays.npz") as archive:
            known = {n: archive[n] for n in archive.files}
        known["seal"] = saved_model._seal(*((folder / n).read_bytes() for n in ("model.json", "card.json")))
        np.savez(folder / "arrays.npz", **known)
    for changed in (name, "arrays.npz"):
        manifest["files"][changed] = hashlib.sha256((folder / changed).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _bomb() -> bytes:
    """Return an archive that unpacks to 4 GB, by what it says."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a0.npy", b"0")
        archive.filelist[0].file_size = (4 << 30) - 2
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.json", b"[]"),
        ("model.json", b'{"model": {"class": "os.system"}}'),
        ("model.json", b'{"model": {"_": "array", "name": "no"}}'),
        ("model.json", b'{"model": {"_": "part", "name": "no.skops"}}'),
        ("model.json", b'{"model": {"_": "dict", "items": [1]}}'),
        ("model.json", b'{"model": {"_": "model", "class": "va_experiments.models.nbc.NaiveBayes"}}'),
        ("model.json", b"[" * 100_000),
        ("arrays.npz", b"no archive"),
        ("arrays.npz", _bomb()),
        ("card.json", b"[1]"),
        ("more.skops", b"no archive"),
    ],
)
def test_a_sealed_folder_that_is_no_model_is_refused(folder: Path, name: str, content: bytes) -> None:
    _sealed(folder, name, content)
    with pytest.raises(InputError, match=r"is not a model as va-experiments train writes it|the saved state"):
        read_model(folder)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", ".hidden", "", "manifest.json"])
def test_a_manifest_names_files_of_its_folder_only(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="is not the folder of a saved model"):
        listed_files(folder)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    (folder / "arrays.npz").unlink()
    os.mkfifo(folder / "arrays.npz")
    with pytest.raises(InputError, match=r"arrays\.npz is no ordinary file"):
        read_model(folder)
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    with pytest.raises(InputError, match="is not the folder of a saved model"):
        read_card(folder)


@pytest.mark.parametrize("path", ["os.system", "subprocess.Popen", "va_experiments.cli.main", "va_experiments.x.Y"])
def test_a_class_that_is_no_model_is_refused_whatever_the_checksums_say(folder: Path, path: str) -> None:
    tree = json.loads((folder / "model.json").read_text())
    tree["model"]["class"] = path
    _sealed(folder, "model.json", json.dumps(tree).encode())
    with pytest.raises(InputError, match="the saved state names"):
        read_model(folder)


def test_a_registered_model_finds_its_questions_by_name(folder: Path, small_deaths: Deaths) -> None:
    model = Registered(path=str(folder))
    backwards = small_deaths.select(small_deaths.symptom_names[::-1])
    assert model.check_before_run(backwards) == []
    prediction = model.fit(small_deaths.take([])).predict(backwards.without_causes())
    expected = NaiveBayes().fit(small_deaths).predict(small_deaths.without_causes())
    assert prediction.probability.tobytes() == expected.probability.tobytes()
    fewer = small_deaths.select(small_deaths.symptom_names[2:])
    with pytest.raises(InputError, match=r"lack 2 of the model's 12 questions \('s00', 's01', ...\)"):
        model.check_before_run(fewer)
    lenient = Registered(path=str(folder), missing_questions="missing")
    assert "2 of the 12 questions" in lenient.check_before_run(fewer)[0]
    lenient.fit(small_deaths.take([])).predict(fewer)


def test_an_array_that_claims_more_than_it_has_is_refused_without_memory(folder: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(folder / "arrays.npz") as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**14,)})
            new.writestr(name, header.getvalue() + bytes(64))
    _sealed(folder, "arrays.npz", packed.getvalue())
    with pytest.raises(InputError, match="claims more than the file has"):
        read_model(folder)


@pytest.mark.parametrize("name", ["arrays.npz", "card.json", "model.json", "manifest.json"])
def test_a_link_is_refused_also_to_the_same_content(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    for read in (read_model, read_card):
        with pytest.raises(InputError, match=f"{name} is a link"):
            read(folder)


@pytest.mark.parametrize("arrays", [True, False], ids=["all sealed again", "the manifest sealed again"])
@pytest.mark.parametrize("what", ["causes", "questions"])
def test_a_card_with_another_name_is_refused(folder: Path, what: str, arrays: bool) -> None:
    card = json.loads((folder / "card.json").read_text())
    old, card[what][1] = card[what][1], "Rabies"
    _sealed(folder, "card.json", json.dumps(card).encode(), arrays=arrays)
    message = f"card.json names other {what} .*'Rabies' in place of '{old}'" if arrays else "was not saved with this"
    with pytest.raises(InputError, match=message):
        read_model(folder)


def test_a_name_changed_in_card_and_state_differs_from_what_the_arrays_hold(folder: Path) -> None:
    old = json.loads((folder / "card.json").read_text())["causes"][1]
    for name in ("card.json", "model.json"):
        text = (folder / name).read_text().replace(json.dumps(old), '"Rabies"')
        _sealed(folder, name, text.encode(), arrays=False)
    with pytest.raises(InputError, match=r"arrays\.npz was not saved with this model\.json and card\.json"):
        read_model(folder)


def test_the_checksum_that_the_sender_gave_is_compared(folder: Path) -> None:
    tree = {"name": "registered", "_target_": "va_experiments.models.registered.Registered", "path": str(folder)}
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    spec = ModelSpec.from_config({**tree, "sha256": f" {digest.upper()}"})
    assert spec.digest == ModelSpec.from_config(tree).digest
    with pytest.raises(InputError, match=f"model.sha256 is '{'0' * 64}', but model.path=.* has {digest}"):
        ModelSpec.from_config({**tree, "sha256": "0" * 64})
    with pytest.raises(InputError, match="sha256"):
        ModelSpec.from_config({"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes", "sha256": digest})
