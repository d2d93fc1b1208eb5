"""A second reading is fast and the same; a damaged entry is found out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from va_experiments.data import cache, registry
from va_experiments.data.cache import load_cached, pack, unpack
from va_experiments.data.deaths import Deaths, LearnedCut
from va_experiments.data.readers.simulated import simulate_deaths
from va_experiments.errors import InputError

TABLE = "id,site,cause,s1\n1,X,TB,Y\n2,Y,AIDS,N\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.csv"
    path.write_text(TABLE)
    return path


def same(a: Deaths, b: Deaths) -> bool:
    return a.fingerprint == b.fingerprint and a.ledger == b.ledger and (a.name, a.simulated) == (b.name, b.simulated)


def test_packed_and_unpacked() -> None:
    deaths = simulate_deaths(60, n_symptoms=6)
    waiting = dataclasses.replace(deaths, learned_cuts=(LearnedCut(deaths.symptom_names[0], "age"),))
    assert same(unpack(pack(waiting)), waiting)
    assert unpack(pack(waiting)).learned_cuts == waiting.learned_cuts
    assert same(unpack(pack(deaths.without_causes())), deaths.without_causes())
    later = bytearray(pack(deaths))
    later[later.rindex(b"PK\x01\x02") + 6] = 64  # said to need version 6.4 of the format
    for raw in (b"", b"PK", pack(deaths)[:-100], bytes(later)):
        with pytest.raises(ValueError):
            unpack(raw)


def test_hit_for_the_same_bytes_and_options_only(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    options = {"path": str(study), "id": "id"}
    first = load_cached("csv", options, folder)
    assert len(list(folder.iterdir())) == 1
    assert folder.stat().st_mode & 0o077 == 0

    def refuse(*_: object, **__: object) -> Deaths:
        raise AssertionError("read again")

    import va_experiments.data.registry as registry

    with monkeypatch.context() as patch:
        patch.setattr(registry, "load", refuse)
        assert same(load_cached("csv", options, folder), first)
        moved = study.rename(tmp_path / "moved.csv")
        assert same(load_cached("csv", {**options, "path": str(moved)}, folder), first)
        with pytest.raises(AssertionError, match="read again"):
            load_cached("csv", {"path": str(moved), "id": "id", "label": "other"}, folder)
        patch.setattr(cache, "READER_VERSION", 999)
        with pytest.raises(AssertionError, match="read again"):
            load_cached("csv", {**options, "path": str(moved)}, folder)
    moved.write_text(TABLE.replace("AIDS", "HIV"))
    assert load_cached("csv", {**options, "path": str(moved)}, folder).causes == ("HIV", "TB")
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "swap", "link", "folder"])
def test_a_damaged_entry_is_read_from_the_source(damage: str, study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    options = {"path": str(study), "id": "id"}
    first = load_cached("csv", options, folder)
    (entry,) = folder.iterdir()
    raw = bytearray(entry.read_bytes())
    if damage == "flip":
        raw[len(raw) // 2] ^= 1
        entry.write_bytes(raw)
    elif damage == "cut":
        entry.write_bytes(raw[: len(raw) // 2])
    elif damage == "empty":
        entry.write_bytes(b"")
    elif damage == "swap":
        entry.write_bytes(pack(simulate_deaths(60, n_symptoms=5)))
    elif damage == "link":
        entry.rename(tmp_path / "elsewhere.npz")
        entry.symlink_to(tmp_path / "elsewhere.npz")
    else:
        entry.unlink()
        entry.mkdir()
    assert same(load_cached("csv", options, folder), first)
    if damage != "folder":
        assert [e.name for e in folder.iterdir()] == [entry.name]
        assert not entry.is_symlink()
        assert entry.read_bytes() == bytes(pack(first))


def test_every_flipped_byte_is_noticed(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    options = {"path": str(study), "id": "id"}
    first = load_cached("csv", options, folder)
    (entry,) = folder.iterdir()
    raw = entry.read_bytes()
    for at in range(0, len(raw), max(1, len(raw) // 100)):
        flipped = bytearray(raw)
        flipped[at] ^= 0x10
        entry.write_bytes(flipped)
        assert same(load_cached("csv", options, folder), first)


def test_data_are_read_although_the_cache_cannot_be_written(study: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert len(load_cached("csv", {"path": str(study), "id": "id"}, blocked)) == 2
    assert len(load_cached("simulated", {"n": 60, "n_symptoms": 5}, tmp_path / "none")) == 60
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError, match=r"set data\.path"):
        load_cached("csv", {}, tmp_path)
    with pytest.raises(InputError, match="unknown key 'pth'"):
        load_cached("csv", {"pth": str(study)}, tmp_path)


@pytest.mark.real_data
def test_the_adult_file_is_parsed_once(phmrc_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"path": str(phmrc_dir)}
    first = load_cached("phmrc_adult", options, tmp_path)
    monkeypatch.setattr(registry, "load", lambda *_: pytest.fail("the file is parsed again"))
    second = load_cached("phmrc_adult", options, tmp_path)
    assert same(first, second)
    assert np.array_equal(first.covariates["age"], second.covariates["age"], equal_nan=True)
