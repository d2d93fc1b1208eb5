"""Packages of results: the same for everyone with the same data and seeds, without persons, verified, on a site."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chromium import CHROMIUM, MISSING, chromium
from tests.end_to_end.conftest import QUICK, Ran, run_command
from va_experiments.errors import InputError
from va_experiments.report.share import _ids
from va_experiments.results.package import packed_columns, read_package, write_package

Va = Callable[..., tuple[int, str, str]]


@pytest.fixture
def package(finished: Ran, va: Va, tmp_path: Path) -> Path:
    code, out, err = va("results", "pack", "latest", "--outputs", finished.outputs, "--out", tmp_path / "a.zip")
    assert code == 0, err
    assert re.search(r"4 cells in .*a\.zip, package hash [0-9a-f]{64}", out)
    return tmp_path / "a.zip"


def changed(package: Path, target: Path, change: Callable[[str, bytes], bytes], *, seal: bool = False) -> Path:
    """Write a package with other files; `seal`: with checksums that are right again."""
    import hashlib

    with zipfile.ZipFile(package) as old:
        files = {n: change(n, old.read(n)) for n in old.namelist()}
    if seal:
        names = sorted(n for n in files if n not in ("package.json", "provenance.json"))
        sums = {n: hashlib.sha256(files[n]).hexdigest() for n in names}
        body = json.dumps(sums, sort_keys=True, indent=1).encode() + b"\n"
        about = {"schema": 1, "sha256": hashlib.sha256(body).hexdigest(), "files": sums}
        files["package.json"] = json.dumps(about).encode()
    with zipfile.ZipFile(target, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)
    return target


@pytest.mark.slow
def test_two_people_with_the_same_data_and_seeds_have_the_same_hash(package: Path, va: Va, tmp_path: Path) -> None:
    elsewhere = {"TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(tmp_path), "USER": "theirs"}
    overrides = ("model=interva,nbc", "site=ap,pemba", *QUICK[:2], "report=false")
    other = run_command(*overrides, outputs=tmp_path / "theirs", **elsewhere)
    assert other.code == 0, other.err
    assert va("results", "pack", "latest", "--outputs", tmp_path / "theirs", "--out", tmp_path / "b.zip")[0] == 0
    ours, theirs = read_package(package), read_package(tmp_path / "b.zip")
    assert ours.sha256 == theirs.sha256
    assert str(tmp_path) not in json.dumps([theirs.manifest, theirs.cards])


def test_a_package_holds_cells_and_nothing_of_persons_times_or_places(package: Path, finished: Ran) -> None:
    read = read_package(package)
    assert len(read.rows) == read.rows["cell_key"].nunique() == 4
    assert {"worker", "started", "run_id", "job", "fit_seconds", "error_traceback"}.isdisjoint(packed_columns())
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
        text = b"".join(archive.read(n) for n in names).decode()
    assert names == {"rows.csv", "splits.csv", "manifest.json", "package.json", "provenance.json",
                     "cards/nbc.md", "cards/interva.md"}  # fmt: skip
    assert str(finished.outputs) not in text
    assert "parameters" in read.cards["nbc"]
    assert len(set(archive_lines(package, "splits.csv")[1:])) == 2


def archive_lines(package: Path, name: str) -> list[str]:
    with zipfile.ZipFile(package) as archive:
        return archive.read(name).decode().splitlines()


def test_identifiers_are_looked_up_for_a_run_that_is_named_from_a_folder_within(
    finished: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = list(_ids([finished.folder], finished.cells))
    assert expected
    monkeypatch.chdir(finished.folder.parent)
    assert list(_ids([Path(finished.folder.name)], finished.cells)) == expected


def test_identifiers_of_deaths_and_cells_of_few_deaths_are_refused(package: Path, tmp_path: Path) -> None:
    read = read_package(package)
    rows = read.rows.assign(test_site="death-0042")
    with pytest.raises(InputError, match=r"rows\.csv would hold 1 identifiers of deaths, such as 'death-0042'"):
        write_package(rows, read.manifest, [], {}, tmp_path / "c.zip", ids=["death-0042", "17", "x"])
    assert not (tmp_path / "c.zip").exists()
    write_package(read.rows.assign(n_test=3), read.manifest, [], {}, tmp_path / "few.zip")
    with pytest.raises(InputError, match="4 rows describe fewer than 5 deaths"):
        read_package(tmp_path / "few.zip")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n, c: c.replace(b"0.", b"1.") if n == "rows.csv" else c, "rows.csv does not match its SHA-256"),
        (lambda n, c: b"{}" if n == "package.json" else c, "is no package of results"),
        (lambda n, c: c.replace(b'"schema": 1', b'"schema": 9') if n == "package.json" else c, "has schema"),
    ],
)
def test_a_changed_package_is_refused(
    package: Path, tmp_path: Path, change: Callable[[str, bytes], bytes], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_package(changed(package, tmp_path / "bad.zip", change))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"top1,", b"age_of_death,", "has no place in a package"),
        (b",done,", b",finished,", "expected one of done, failed, missing"),
        (b"AP,", b"AP,x,", "rows.csv"),
    ],
)
def test_sealed_rows_that_are_no_rows_are_refused(
    package: Path, tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    bad = changed(package, tmp_path / "bad.zip", lambda n, c: c.replace(old, new) if n == "rows.csv" else c, seal=True)
    with pytest.raises(InputError, match=message):
        read_package(bad)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b'{"data": [1], "jobs": []}'),
        ("manifest.json", b'{"data": [{"name": "x"}], "jobs": []}'),
        ("manifest.json", b'{"data": [{"sha256": {}}], "jobs": [2]}'),
        ("manifest.json", b"[" * 100_000),
        ("provenance.json", b"[1]"),
        ("provenance.json", b'{"runs": {"a": 1}}'),
        ("rows.csv", b""),
        ("rows.csv", b"\xff\xfe\x00"),
    ],
)
def test_sealed_parts_of_another_form_are_refused(package: Path, tmp_path: Path, name: str, content: bytes) -> None:
    bad = changed(package, tmp_path / "bad.zip", lambda n, c: content if n == name else c, seal=True)
    with pytest.raises(InputError):
        read_package(bad)


def test_what_unpacks_to_more_than_a_package_has_is_refused(package: Path, tmp_path: Path) -> None:
    def refusal(change: Callable[[str, bytes], bytes], *more: tuple[str, bytes]) -> str:
        bad = changed(package, tmp_path / "bad.zip", change, seal=True)
        with zipfile.ZipFile(bad, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, content in more:
                archive.writestr(name, content)
        with pytest.raises(InputError) as caught:
            read_package(bad)
        return str(caught.value)

    def same(name: str, content: bytes) -> bytes:
        return content

    assert "30 MB beside them (at most 20)" in refusal(same, ("cards/x.md", b"x" * 30 * 2**20))
    assert "25,0" in refusal(same, *((f"cards/{n}.md", b"") for n in range(25_000)))
    assert refusal(same, ("cards/a.md", b""), ("cards/A.md", b"")).endswith("holds a file twice")
    wide = refusal(lambda n, c: c.replace(b"nbc", b"n" * 300_000, 1) if n == "rows.csv" else c)
    assert "rows.csv has a line of 30" in wide
    twice = refusal(lambda n, c: c.replace(b'"data":', b'"data": [], "data":', 1) if n == "manifest.json" else c)
    assert "the key 'data' is there twice" in twice


def test_a_receipt_is_neither_waited_for_nor_written_through_a_link(package: Path, va: Va, tmp_path: Path) -> None:
    receipt, victim = package.with_name(f"{package.name}.verified.json"), tmp_path / "victim"
    for plant in (lambda: os.mkfifo(receipt), lambda: receipt.write_text("[" * 100_000)):
        plant()
        assert va("results", "site", package, "--out", tmp_path / "site")[0] == 0
        receipt.unlink()
    victim.write_text("mine")
    receipt.symlink_to(victim)
    assert va("results", "verify", package, "--sample", "1")[0] == 0
    assert victim.read_text() == "mine"
    assert not receipt.is_symlink()


def test_a_pipe_is_no_package(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.zip")
    with pytest.raises(InputError, match="is no file"):
        read_package(tmp_path / "a.zip")


def test_strange_files_are_refused(package: Path, tmp_path: Path) -> None:
    bad = changed(package, tmp_path / "bad.zip", lambda n, c: c)
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("../deaths.csv", "id,cause\n1,Malaria\n")
    with pytest.raises(InputError, match=r"deaths\.csv', which has no place in a package"):
        read_package(bad)
    (tmp_path / "text.zip").write_text("no zip")
    for path in (tmp_path / "text.zip", tmp_path / "absent.zip"):
        with pytest.raises(InputError):
            read_package(path)


def test_merge_has_every_cell_once_and_refuses_other_predictions(package: Path, va: Va, tmp_path: Path) -> None:
    code, _, _ = va("results", "merge", package, package, "--out", tmp_path / "m.zip")
    assert code == 0
    assert read_package(tmp_path / "m.zip").sha256 == read_package(package).sha256
    sha = read_package(package).rows["prediction_sha256"][0].encode()
    forged = changed(package, tmp_path / "f.zip", lambda n, c: c.replace(sha, b"0" * 64), seal=True)
    code, _, err = va("results", "merge", package, forged, "--out", tmp_path / "n.zip")
    assert code == 2
    assert "has other predictions in a.zip and f.zip" in err
    assert not (tmp_path / "n.zip").exists()


def test_verify_computes_a_sample_again_and_says_what_it_did_not(package: Path, va: Va, tmp_path: Path) -> None:
    code, out, _ = va("results", "verify", package, "--sample", "2")
    assert code == 0
    assert "2 of 2 cells computed again are equal to the last bit" in out
    assert "not verified: 2 cells: not in the sample" in out
    code, _, err = va("results", "verify", package, "--data", tmp_path / "nowhere")
    assert code == 2
    assert "--data: there is no folder" in err
    better = changed(
        package,
        tmp_path / "forged.zip",
        lambda n, c: raised(c) if n == "rows.csv" else c,
        seal=True,
    )
    code, out, _ = va("results", "verify", better, "--sample", "0")
    assert code == 3
    assert "top1 is " in out
    elsewhere = changed(
        package,
        tmp_path / "away.zip",
        lambda n, c: c.replace(b'"seed": 20090101', b'"seed": 20090102') if n == "manifest.json" else c,
        seal=True,
    )
    code, out, _ = va("results", "verify", elsewhere)
    assert code == 0
    assert "4 cells: their data are not at hand, or the code of their models is another" in out
    assert "0 of 0 cells" in out


def raised(rows: bytes) -> bytes:
    """Return the rows with a better share of right causes."""
    lines = [line.split(",") for line in rows.decode().splitlines()]
    place = lines[0].index("top1")
    return (
        "\n".join(
            ",".join([*w[:place], "0.987" if n else w[place], *w[place + 1 :]]) for n, w in enumerate(lines)
        ).encode()
        + b"\n"
    )


def site_of(package: Path, va: Va, tmp_path: Path) -> tuple[Path, int, str]:
    """Make a site of three packages: one verified, one as received, one changed."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "ours.zip").write_bytes(package.read_bytes())
    assert va("results", "verify", folder / "ours.zip", "--sample", "1")[0] == 0
    forged = b"e" * 64
    key = read_package(package).rows["cell_key"]
    other = changed(
        package, folder / "theirs.zip", lambda n, c: re.sub("|".join(key).encode(), forged, c, count=1), seal=False
    )
    rows = read_package(package).rows
    theirs = rows.assign(cell_key=[f"{n:064x}" for n in range(len(rows))], model=rows["model"] + "<b>x</b>")
    other.unlink()
    write_package(theirs, read_package(package).manifest, [], {}, other)
    changed(package, folder / "tampered.zip", lambda n, c: c.replace(b"0.", b"1.") if n == "rows.csv" else c)
    code, out, _ = va("results", "site", folder, "--out", tmp_path / "site")
    return tmp_path / "site", code, out


def test_a_site_tells_verified_from_unverified_and_leaves_a_changed_package_out(
    package: Path, va: Va, tmp_path: Path
) -> None:
    site, code, out = site_of(package, va, tmp_path)
    assert code == 3
    assert "ours.zip: verified (1 cells)" in out
    assert "theirs.zip: unverified" in out
    assert "tampered.zip: left out" in out
    page = (site / "index.html").read_text()
    assert "nbc&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "http" not in page
    links = re.findall(r'href="(rows/[^"]+)"', page)
    assert len(links) == 1
    lines = (site / links[0]).read_text().splitlines()
    assert len(lines) == 1 + 8
    assert lines[0].endswith("package,verified")
    code, _, err = va("results", "site", tmp_path / "nowhere", "--out", tmp_path / "none")
    assert code == 2
    assert "there is no folder or package" in err
    assert not (tmp_path / "none").exists()


def test_of_three_packages_the_one_with_better_numbers_is_found_by_computing_again(
    package: Path, va: Va, tmp_path: Path
) -> None:
    """Its checksums are right: whoever packs invented numbers can have that."""
    folder = tmp_path / "packages"
    folder.mkdir()
    read = read_package(package)
    for model in ("nbc", "interva"):
        rows = read.rows[read.rows["model"] == model]
        write_package(rows, read.manifest, [], {model: read.cards[model]}, folder / f"{model}.zip")
    changed(package, folder / "better.zip", lambda n, c: raised(c) if n == "rows.csv" else c, seal=True)
    codes = [va("results", "verify", path, "--sample", "1")[0] for path in sorted(folder.glob("*.zip"))]
    assert codes == [3, 0, 0]
    code, out, _ = va("results", "site", folder, "--out", tmp_path / "site")
    assert code == 3
    assert "better.zip: left out (1 cells could not be repeated)" in out
    assert "nbc.zip: verified (1 cells)" in out
    page = (tmp_path / "site" / "index.html").read_text()
    assert ".987" not in page
    assert "could not be repeated" in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_a_site_can_be_read_in_a_window_of_400_pixels(package: Path, va: Va, tmp_path: Path) -> None:
    site, _, _ = site_of(package, va, tmp_path)
    with chromium(tmp_path / "profile") as page:
        page.size(400, 800)
        page.go((site / "index.html").as_uri())
        page.shows("Ranks over settings", "unverified", "tampered.zip")
        assert page.say("document.documentElement.scrollWidth") <= 400
        assert page.say("document.querySelectorAll('.yes').length") >= 2
        page.picture(tmp_path / "site.png", (0, 0, 400, 800))
        assert not page.faults
