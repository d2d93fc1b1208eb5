"""Packages of results, written and read without a run: every byte, every refusal, and what merging keeps."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from va_experiments.errors import InputError
from va_experiments.results import Row, package
from va_experiments.results.package import Package, merge_packages, packed_columns, read_package, write_package
from va_experiments.results.rows import make_table
from va_experiments.results.schema import columns

MANIFEST = {"data": [{"sha256": "d1", "name": "café"}], "jobs": [{"model": "nbc"}]}


def row(number: int, **changes: Any) -> Row:
    values: dict[str, Any] = {
        "cell_key": f"{number:064x}",
        "model": "nbc",
        "test_site": "AP",
        "status": "done",
        "train_sites": "Dar + UP",
        "simulated": True,
        "n_test": 300,
        "top1": 0.1 + 0.2,
        "converged": True,
        "seed": 9007199254740993,
        "prediction_sha256": f"{number:064x}",
        "split_sha256": "5" * 64,
        "run_id": "r",
    }
    return Row(values | changes)


def write(path: Path, *rows: Row, **options: Any) -> str:
    parts = {"manifest": MANIFEST, "provenance": [{"python": "3.11"}], "cards": {"nbc": "# nbc\n"}} | options
    ids = parts.pop("ids", ())
    return write_package(make_table(rows), path=path, ids=ids, **parts)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    write(tmp_path / "a.zip", row(1), row(2, test_site="=Dar", converged=False, top1=float("nan")))
    return tmp_path / "a.zip"


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed(path: Path, files: dict[str, bytes], about: Mapping[str, Any] | None = None) -> Path:
    """Write files as a package whose checksums are right."""
    names = sorted(n for n in files if n not in ("package.json", "provenance.json"))
    sums = {n: hashlib.sha256(files[n]).hexdigest() for n in names}
    digest = hashlib.sha256(json.dumps(sums, sort_keys=True, indent=1).encode() + b"\n").hexdigest()
    top = {"schema": 1, "sha256": digest, "files": sums, **(about or {})}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files | {"package.json": json.dumps(top).encode()}).items():
            archive.writestr(name, content)
    return path


def test_what_is_written_is_read_again(packed: Path) -> None:
    read = read_package(packed)
    assert (read.name, read.manifest, read.provenance) == ("a.zip", MANIFEST, {"runs": [{"python": "3.11"}]})
    assert read.cards == {"nbc": "# nbc\n"}
    assert read.rows["test_site"].tolist() == ["=Dar", "AP"]
    assert read.rows["seed"].tolist() == [9007199254740993] * 2
    assert read.rows["top1"].tolist()[1] == 0.1 + 0.2
    assert read.rows["converged"].tolist() == [False, True]
    assert "run_id" not in packed_columns()


def test_the_bytes_of_a_package(packed: Path) -> None:
    """Sorted rows, all digits, lower-case truth, formulas escaped; the hash is that of the checksums."""
    files = contents(packed)
    assert list(files) == sorted(files)
    header, first, second, rest = files["rows.csv"].decode().split("\n")
    values = [dict(zip(header.split(","), line.split(","), strict=True)) for line in (first, second)]
    assert rest == ""
    assert [v["test_site"] for v in values] == ["'=Dar", "AP"]
    assert [v["top1"] for v in values] == ["", "0.30000000000000004"]
    assert [v["converged"] for v in values] == ["false", "true"]
    assert [v["seed"] for v in values] == ["9007199254740993"] * 2
    assert "error_class" not in header.split(",")
    assert files["splits.csv"].decode().count("5" * 64) == 2
    sums = {n: hashlib.sha256(files[n]).hexdigest() for n in files if n not in ("package.json", "provenance.json")}
    about = json.loads(files["package.json"])
    assert about["files"] == sums
    assert about["schema"] == 1
    body = json.dumps(sums, sort_keys=True, indent=1).encode() + b"\n"
    assert about["sha256"] == hashlib.sha256(body).hexdigest() == read_package(packed).sha256
    assert b'"name": "caf\\u00e9"' in files["manifest.json"]
    with zipfile.ZipFile(packed) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.compress_type == zipfile.ZIP_DEFLATED
            assert entry.external_attr == 0o644 << 16


def test_splits_are_listed_once_and_only_where_they_are_known(tmp_path: Path) -> None:
    write(tmp_path / "a.zip", row(1), row(2, model="interva"), row(3, test_site="UP", split_sha256=None))
    lines = contents(tmp_path / "a.zip")["splits.csv"].decode().splitlines()
    assert len(lines) == 2
    assert lines[1].endswith("5" * 64)


def test_cards_have_names_of_files_and_their_order_does_not_count(tmp_path: Path) -> None:
    cards = {"B/../c d": "two", "a": "one"}
    first = write(tmp_path / "a.zip", row(1), cards=cards)
    second = write(tmp_path / "b.zip", row(1), cards=dict(reversed(cards.items())))
    assert first == second
    assert read_package(tmp_path / "a.zip").cards == {"B_.._c_d": "two", "a": "one"}
    other = write(tmp_path / "c.zip", row(1), cards=cards, provenance=[])
    assert other == first


def test_a_file_that_exists_and_an_empty_table_are_refused(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.zip' is there already; choose another name or remove it$"):
        write(packed, row(1))
    with pytest.raises(InputError, match=r"^there is no cell to share: none is done and has enough test deaths$"):
        write(tmp_path / "b.zip")


@pytest.mark.parametrize(
    ("identifier", "place"),
    [("death", {"test_site": "death"}), ("12a45", {"test_site": "x 12a45"}), ("1.2.x", {"train_sites": "1.2.x"})],
)
def test_identifiers_of_five_signs_or_more_are_refused(tmp_path: Path, identifier: str, place: dict[str, str]) -> None:
    with pytest.raises(InputError, match=rf"^rows\.csv would hold 1 identifiers of deaths, such as '{identifier}': a"):
        write(tmp_path / "a.zip", row(1, **place), ids=["other", identifier])
    assert not (tmp_path / "a.zip").exists()


def test_numbers_and_short_identifiers_cannot_be_told_from_other_values(tmp_path: Path) -> None:
    ids = ["0.30000000000000004", "9007199254740993", "done", "AP", "dea"]
    assert write(tmp_path / "a.zip", row(1, test_site="dea"), ids=ids)


def test_an_identifier_in_a_card_or_the_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^cards/nbc\.md would hold 1"):
        write(tmp_path / "a.zip", row(1), cards={"nbc": "see (death1)"}, ids=["death1"])
    with pytest.raises(InputError, match=r"^manifest\.json would hold 2 .*such as 'death1'"):
        write(tmp_path / "a.zip", row(1), manifest={"data": ["death2", "death1"]}, ids=["death2", "death1"])


def other(name: str, change: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: files | {name: change(files[name])}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            other("rows.csv", lambda c: c.replace(b",done,", b",finished,", 1)),
            r"bad\.zip: rows\.csv', row 1: .*one of done",
        ),
        (other("rows.csv", lambda c: c.replace(b"top1", b"age_of_death")), r"rows\.csv: column 'age_of_death' has no"),
        (other("rows.csv", lambda c: c.replace(b"0.3000", b"1.3000")), r"rows\.csv: row 2: column 'top1'"),
        (
            other("rows.csv", lambda c: c.replace(f"{2:064x}".encode(), f"{1:064x}".encode())),
            r"bad\.zip': rows\.csv: a cell has two rows",
        ),
        (other("rows.csv", lambda c: c.replace(b",300,", b",4,")), "2 rows describe fewer than 5 deaths"),
        (other("rows.csv", lambda c: b"\xff\n"), r"rows\.csv: column '.*' has no place in a package"),
        (other("manifest.json", lambda c: b'{"data": [1], "jobs": []}'), r"\(TypeError: data, jobs and runs are lists"),
        (other("manifest.json", lambda c: b'{"data": {}, "jobs": []}'), "is no package of results"),
        (other("manifest.json", lambda c: b'{"data": [{"sha256": 1}], "jobs": []}'), r"\(TypeError: data, jobs"),
        (other("manifest.json", lambda c: b'{"data": [], "jobs": [2]}'), r"\(TypeError: data, jobs"),
        (other("manifest.json", lambda c: b'{"data": []}'), r"\(KeyError: 'jobs'\)"),
        (other("provenance.json", lambda c: b'{"runs": [3]}'), r"\(TypeError: data, jobs"),
        (lambda files: {n: c for n, c in files.items() if n != "manifest.json"}, r"\(KeyError: 'manifest\.json'\)"),
        (lambda files: files | {"deaths.csv": b""}, "'deaths.csv', which has no place in a package of results"),
        (lambda files: files | {"cards/../x.md": b""}, "has no place in a package of results"),
        (lambda files: files | {"cards/NBC.md": b""}, "holds a file twice"),
    ],
)
def test_sealed_packages_of_another_form_are_refused(
    packed: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_package(sealed(tmp_path / "bad.zip", change(contents(packed))))


def test_a_row_of_a_failed_cell_has_no_size(packed: Path, tmp_path: Path) -> None:
    write(tmp_path / "b.zip", row(1), row(2, status="failed", n_test=None, top1=None, converged=None))
    assert len(read_package(tmp_path / "b.zip").rows) == 2
    write(tmp_path / "c.zip", row(1, n_test=5))
    assert read_package(tmp_path / "c.zip").rows["n_test"].tolist() == [5]


def test_a_package_without_runs_is_read(packed: Path, tmp_path: Path) -> None:
    files = contents(packed) | {"provenance.json": b"{}"}
    assert read_package(sealed(tmp_path / "b.zip", files)).provenance == {}


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"schema": 2}, "has schema 2, this version knows 1: update va_experiments"),
        ({"sha256": "0" * 64}, "the package's hash is not that of its files"),
        ({"files": {}}, r"cards/nbc\.md, manifest\.json, rows\.csv, splits\.csv does not match its SHA-256"),
        ({"files": [1]}, "is no package of results"),
    ],
)
def test_what_a_package_says_of_itself_is_checked(
    packed: Path, tmp_path: Path, about: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_package(sealed(tmp_path / "bad.zip", contents(packed), about))


def test_limits_hold_to_the_byte(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = contents(packed)
    longest = max(map(len, files["rows.csv"].split(b"\n")))
    tables = len(files["rows.csv"]) + len(files["splits.csv"])
    others = sum(map(len, files.values())) - tables
    most = max(tables, len(files) * 10 * 2**10)
    for name, size, message in (
        ("MAX_LINE_BYTES", longest, f"rows.csv has a line of {longest:,} bytes; at most {longest - 1:,} are read"),
        ("MAX_OTHER_BYTES", others, "unpacks to more than a package has: 6 files"),
        ("MAX_BYTES", most, "unpacks to more than a package has: 6 files"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(package, name, size)
            assert len(read_package(packed).rows) == 2
            patch.setattr(package, name, size - 1)
            with pytest.raises(InputError, match=message):
                read_package(packed)
    monkeypatch.setattr(package, "MAX_BYTES", 3)
    with pytest.raises(InputError, match=r"a\.zip' has more than 0 MB$"):
        read_package(packed)


def test_a_path_without_a_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    for name, message in (("absent.zip", "^there is no file '"), ("text.zip", r"' cannot be read as a package of"), (
        "", "' is no file$")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            read_package(tmp_path / name)


def read_with(tmp_path: Path, name: str, *rows: Row, **options: Any) -> Package:
    write(tmp_path / name, *rows, **options)
    return read_package(tmp_path / name)


def test_merging_keeps_each_cell_data_set_job_run_and_card_once(tmp_path: Path) -> None:
    first = read_with(tmp_path, "a.zip", row(2), row(1))
    manifest = {"data": [{"sha256": "d0"}, {"sha256": "d1", "name": "café"}], "jobs": [{"model": "a"}]}
    second = read_with(tmp_path, "b.zip", row(1), row(3), manifest=manifest, cards={"interva": "x"}, provenance=[{}])
    digest = merge_packages([first, second], tmp_path / "m.zip")
    merged = read_package(tmp_path / "m.zip")
    assert merged.sha256 == digest
    assert sorted(merged.rows["cell_key"]) == [f"{n:064x}" for n in (1, 2, 3)]
    assert merged.manifest == {
        "data": [{"sha256": "d0"}, {"sha256": "d1", "name": "café"}],
        "jobs": [{"model": "a"}, {"model": "nbc"}],
    }
    assert merged.provenance == {"runs": [{"python": "3.11"}, {}]}
    assert merged.cards == {"nbc": "# nbc\n", "interva": "x"}
    assert merge_packages([second, first], tmp_path / "n.zip") == digest


def test_merging_refuses_other_predictions_of_a_cell(tmp_path: Path) -> None:
    first = read_with(tmp_path, "b.zip", row(1, model="z"), row(2))
    changed = row(1, model="z", prediction_sha256="0" * 64), row(2, prediction_sha256=None)
    second = read_with(tmp_path, "a.zip", *changed)
    with pytest.raises(InputError) as refused:
        merge_packages([first, second], tmp_path / "m.zip")
    assert [p.partition(";")[0] for p in refused.value.problems] == [
        f"z at AP ({'0' * 12}) has other predictions in a.zip and b.zip",
        f"nbc at AP ({'0' * 12}) has other predictions in a.zip and b.zip",
    ]
    assert not (tmp_path / "m.zip").exists()


def test_rows_keep_the_columns_of_the_package_alone(tmp_path: Path) -> None:
    read = read_with(tmp_path, "a.zip", row(1))
    assert isinstance(read.rows, pd.DataFrame)
    header = contents(tmp_path / "a.zip")["rows.csv"].decode().partition("\n")[0].split(",")
    assert set(header) <= set(packed_columns())
    assert {"status", "error_class", "cell_key", "top1", "split_sha256"} <= set(packed_columns())


def test_optional_columns_without_a_value_are_left_out_and_others_stay(tmp_path: Path) -> None:
    table = make_table([row(1, converged=None)]).assign(top3=float("nan"))
    write_package(table, MANIFEST, [], {}, tmp_path / "a.zip")
    header = contents(tmp_path / "a.zip")["rows.csv"].decode().partition("\n")[0].split(",")
    assert columns()["top3"].optional
    assert "top3" not in header
    assert not columns()["converged"].optional
    assert "converged" in header


def test_the_order_of_keys_does_not_count(tmp_path: Path) -> None:
    jobs = {"jobs": [{"b": 1, "a": 2}], "data": []}
    first = read_with(tmp_path, "a.zip", row(1), manifest=jobs)
    second = read_with(tmp_path, "b.zip", row(1), manifest={"data": [], "jobs": [{"a": 2, "b": 1}]})
    assert first.sha256 == second.sha256
    turned = Package("c.zip", "", second.rows, jobs, {}, {})
    merge_packages([second, turned], tmp_path / "m.zip")
    merged = read_package(tmp_path / "m.zip")
    assert merged.manifest["jobs"] == [{"a": 2, "b": 1}]
    assert merged.provenance == {"runs": [{"python": "3.11"}]}


def test_a_number_that_json_cannot_hold_is_refused_and_a_card_that_is_no_utf8_is_read(
    packed: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "n.zip", row(1), manifest={"data": [{"sha256": float("nan")}], "jobs": []})
    files = contents(packed) | {"cards/nbc.md": b"\xff"}
    assert read_package(sealed(tmp_path / "b.zip", files)).cards == {"nbc": "\ufffd"}
