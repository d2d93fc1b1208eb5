"""What a person may give by mistake, and the sentence that leads to the fix: one row, one file, one message."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from va_experiments.data.csv import read_csv_deaths
from va_experiments.data.source import Limits, open_source
from va_experiments.errors import InputError

GOOD = "id,site,cause,s1,s2\nd1,AP,A,Y,N\nd2,UP,B,.,Y\n"


def rows(*lines: str, header: str = "id,site,cause,s1,s2") -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


OPTIONS = {"id": "id"}
# what it is, content, options, message
FILES: list[tuple[str, bytes, dict, str]] = [
    # the file itself
    ("empty file", b"", {}, r"the file is empty"),
    ("header only", rows(), {}, r"has a header but no rows"),
    ("header without line end", b"id,site,cause,s1", {}, r"has a header but no rows"),
    ("NUL bytes", rows("d1,AP,A,Y,\x00"), {}, r"contains NUL at byte 31: not a text file"),
    ("PDF", b"%PDF-1.7\n%\xe2\xe3", {}, r"is a PDF document, not a text table"),
    ("Parquet", b"PAR1\x15\x04", {}, r"is a Parquet file, not a text table"),
    ("old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1", {}, r"is an old Excel workbook \(save it as CSV\)"),
    ("new Excel", zipped(("[Content_Types].xml", b"<x/>")), {}, r"is an Excel workbook; save the sheet as CSV"),
    (
        "latin-1",
        rows("d1,AP,C\xf4te,Y,N").decode().encode("latin-1"),
        {},
        r"not UTF-8 at byte 28 \(line 2\); set `encoding: cp1252`",
    ),
    ("UTF-16", GOOD.encode("utf-16"), {}, r"looks like UTF-16; set `encoding: utf-16`"),
    ("cut in a character", GOOD.encode() + b"d3,AP,\xc3", {}, r"ends in the middle of a character"),
    (
        "unknown encoding",
        GOOD.encode(),
        {"encoding": "utf-9"},
        r"encoding: 'utf-9' is not known; try utf-8-sig, latin-1",
    ),
    ("binary encoding", GOOD.encode(), {"encoding": "zlib"}, r"encoding: 'zlib' is not known"),
    ("unknown separator", GOOD.encode(), {"sep": "x"}, r"sep: 'x' is not a separator; known: ',', ';', '\|', tab"),
    ("damaged gzip", gzip.compress(GOOD.encode(), mtime=0)[:30], {}, r"damaged or incomplete archive"),
    ("damaged zip", zipped(("a.csv", GOOD.encode()))[:60], {}, r"damaged or incomplete archive"),
    ("gzip bomb", gzip.compress(b"a,b\n" + b"Y,N\n" * 8_000_000, mtime=0), {}, r"expands more than 100-fold; refused"),
    ("zip bomb", zipped(("a.csv", b"a,b\n" + b"Y,N\n" * 8_000_000)), {}, r"expands more than 100-fold; refused"),
    (
        "two members",
        zipped(("a.csv", b"x"), ("b.csv", b"y")),
        {},
        r"holds 2 files \('a.csv', 'b.csv'\); one member only",
    ),
    ("empty zip", zipped(), {}, r"holds 0 files"),
    ("member outside", zipped(("../a.csv", GOOD.encode())), {}, r"member '../a.csv' points outside the archive"),
    ("absolute member", zipped(("/etc/a.csv", GOOD.encode())), {}, r"member '/etc/a.csv' points outside the archive"),
    # header
    (
        "semicolons",
        GOOD.replace(",", ";").encode(),
        {},
        r"looks like ';' \(semicolon\) separates the columns; set `sep: \";\"`",
    ),
    (
        "tabs",
        GOOD.replace(",", "\t").encode(),
        {},
        r"looks like '\\t' \(tab\) separates the columns; set `sep: \"\\t\"`",
    ),
    ("one column", b"id\nd1\n", {}, r"the header has only one column: 'id'"),
    (
        "duplicate header",
        rows("d1,AP,A,Y,N", header="id,site,cause,s1,id"),
        {},
        r"column 'id' appears twice \(positions 1, 5\)",
    ),
    (
        "duplicate but for space",
        rows("d1,AP,A,Y,N", header="id,site,cause,s1,s1 "),
        {},
        r"column 's1' appears twice \(positions 4, 5\)",
    ),
    ("unnamed column", rows("d1,AP,A,Y,N", header="id,site,cause,s1,"), {}, r"a column has no name \(position 5\)"),
    ("missing column", rows("d1,AP,Y,N", header="id,site,s1,s2"), {}, r"missing column 'cause'"),
    (
        "near miss",
        rows("d1,AP,A,Y,N", header="id,site,causes,s1,s2"),
        {},
        r"missing column 'cause'; did you mean 'causes'\?",
    ),
    (
        "spaces in the header",
        rows("d1,AP,A,Y,N", header="id,site, cause ,s1,s2"),
        {},
        r"missing column 'cause'; found ' cause ' \(spaces around it\)",
    ),
    (
        "other case",
        rows("d1,AP,A,Y,N", header="id,site,Cause,s1,s2"),
        {},
        r"missing column 'cause'; found 'Cause' \(other case\)",
    ),
    (
        "Cyrillic letter",
        rows("d1,AP,A,Y,N", header="id,site,caus\u0435,s1,s2"),
        {},
        r"missing column 'cause'; found 'caus\\u0435' \(looks alike\)",
    ),
    # rows
    ("short row", rows("d1,AP,A,Y,N", "d2,UP"), {}, r"line 3 has 2 fields, header has 5"),
    ("long row", rows("d1,AP,A,Y,N", "d2,UP,B,Y,N,N"), {}, r"line 3 has 6 fields, header has 5"),
    (
        "all rows too long",
        rows("d1,AP,A,Y,N,", "d2,UP,B,Y,N,"),
        {},
        r"line 2 has 6 fields, header has 5\n.*line 3 has 6 fields",
    ),
    ("short row after a blank line", rows("d1,AP,A,Y,N", "", "d2,UP"), {}, r"line 4 has 2 fields"),
    ("short row after a quoted line break", rows('d1,AP,"A', 'x",Y,N', "d2,UP"), {}, r"line 4 has 2 fields"),
    ("quote never closed", rows('d1,AP,"A,Y,N', "d2,UP,B,Y,N"), {}, r"line 2: quote never closed"),
    ("huge field", rows("d1,AP,A,Y," + "x" * 1_100_000), {}, r"field|1 MB"),
    ("huge line", rows("d1,AP,A,Y," + "x" * 9_000_000), {}, r"field|1 MB"),
    # ids
    (
        "duplicate ids",
        rows("7,AP,A,Y,N", "8,AP,A,Y,N", "7,UP,B,Y,N"),
        {},
        r"2 rows share id '7' \(lines 2, 4\); ids are kept as text",
    ),
    ("blank id", rows("d1,AP,A,Y,N", ",UP,B,Y,N"), {}, r"column 'id': 1 rows have no id \(lines 3\)"),
    # symptoms
    (
        "unmapped answer",
        rows("d1,AP,A,Y,N", "d2,UP,B,maybe,N"),
        {},
        r"s1: value 'maybe' on line 3; allowed 'Y', 'N', '\.' \(map others with `value_map`",
    ),
    ("number as answer", rows("d1,AP,A,2,N"), {}, r"s1: value '2' on line 2"),
    (
        "yes and Yes and TRUE",
        rows("d1,AP,A,yes,Yes", "d2,UP,B,TRUE,Y"),
        {},
        r"s1: value 'yes' on line 2.*\n.*s1: value 'TRUE' on line 3.*\n.*s2: value 'Yes'",
    ),
    ("control characters", rows("d1,AP,A,\x1b[31m,N"), {}, r"s1: value '\\x1b\[31m' on line 2"),
    # labels
    (
        "no cause",
        rows("d1,AP,,Y,N", "d2,UP,B,Y,N"),
        {},
        r"1 row without a cause \(line 2; found ''\): drop with `drop_unlabelled: true`",
    ),
    (
        "cause NA and None",
        rows("d1,AP,NA,Y,N", "d2,UP,None,Y,N", "d3,UP,B,Y,N"),
        {},
        r"2 rows without a cause \(lines 2, 3; found 'NA', 'None'\)",
    ),
    (
        "nothing left",
        rows("d1,AP,NA,Y,N"),
        {"drop_unlabelled": True},
        r"no row is left after dropping rows without a cause",
    ),
    ("no site", rows("d1,,A,Y,N"), {}, r"1 row without a site \(line 2\)"),
    (
        "unknown cause",
        rows("d1,AP,TBB,Y,N"),
        {"causes": ["TB", "AIDS"]},
        r"unknown cause 'TBB' \(line 2\); known: TB, AIDS; did you mean 'TB'\?",
    ),
    (
        "unknown site",
        rows("d1,Andra,A,Y,N"),
        {"sites": ["AP", "Andhra"]},
        r"unknown site 'Andra' \(line 2\); known: AP, Andhra; did you mean 'Andhra'\?",
    ),
    (
        "trailing space in a cause",
        rows("d1,AP,A,Y,N", "d2,AP,A ,Y,N"),
        {},
        r"cause 'A' is written in ways that differ only in spaces or Unicode form \('A' and 'A '; line 3\)",
    ),
    (
        "NFC and NFD",
        rows("d1,AP,C\u00f4te,Y,N", "d2,AP,Co\u0302te,Y,N"),
        {},
        r"written in ways that differ only in spaces or Unicode form",
    ),
    (
        "zero-width space",
        rows("d1,AP,TB,Y,N", "d2,AP,T\u200bB,Y,N"),
        {},
        r"differ only in case, spaces or invisible characters",
    ),
    ("site in two cases", rows("d1,AP,A,Y,N", "d2,ap,A,Y,N"), {}, r"site 'AP' and 'ap' differ only in case"),
    (
        "the cause as a symptom",
        rows("d1,AP,A,Y,N"),
        {"symptoms": ["s1", "cause"]},
        r"column 'cause' is named as id, site or cause; it cannot be a symptom too",
    ),
    ("group of no cause", rows("d1,AP,A,Y,N"), {"groups": {"X": "ncd"}}, r"groups: unknown cause 'X'"),
    ("unknown exclusion", rows("d1,AP,A,Y,N"), {"exclude": ["s11"]}, r"exclude: no column 's11'; did you mean 's1'\?"),
    ("hce is no symptom", rows("d1,AP,A,Y,N"), {"hce": ["s3"]}, r"hce/words: 's3' is no symptom column"),
    ("no symptom column", rows("d1,AP,A,Y,N"), {"symptoms": []}, r"no column is left for symptoms"),
    # numbers
    (
        "infinite age",
        rows("d1,AP,A,Y,inf", header="id,site,cause,s1,age"),
        {"covariates": {"age": [0, 120]}},
        r"'age' on line 2 is inf; allowed 0 to 120",
    ),
    (
        "1e400",
        rows("d1,AP,A,Y,1e400", header="id,site,cause,s1,age"),
        {"covariates": {"age": [0, 120]}},
        r"'age' on line 2 is inf; allowed 0 to 120",
    ),
    (
        "age -1",
        rows("d1,AP,A,Y,-1", header="id,site,cause,s1,age"),
        {"covariates": {"age": [0, 120]}},
        r"'age' on line 2 is -1; allowed 0 to 120",
    ),
    (
        "age 200",
        rows("d1,AP,A,Y,5", "d2,AP,A,Y,200", header="id,site,cause,s1,age"),
        {"covariates": {"age": [0, 120]}},
        r"'age' on line 3 is 200; allowed 0 to 120",
    ),
    (
        "infinite without range",
        rows("d1,AP,A,Y,inf", header="id,site,cause,s1,age"),
        {"covariates": {"age": None}},
        r"is inf; a finite number is wanted",
    ),
    (
        "age in words",
        rows("d1,AP,A,Y,old", header="id,site,cause,s1,age"),
        {"covariates": {"age": None}},
        r"'age' on line 2 is 'old': not a number",
    ),
    (
        "decimal comma",
        rows('d1,AP,A,Y,"0,5"', header="id,site,cause,s1,age"),
        {"covariates": {"age": None}},
        r"is '0,5': looks like a decimal comma \(set `decimal: \",\"`\)",
    ),
    (
        "thousands",
        rows('d1,AP,A,Y,"1,000"', header="id,site,cause,s1,age"),
        {"covariates": {"age": None}},
        r"or a thousands separator",
    ),
    (
        "range upside down",
        rows("d1,AP,A,Y,5", header="id,site,cause,s1,age"),
        {"covariates": {"age": [120, 0]}},
        r"the range must be \[low, high\]; got \[120, 0\]",
    ),
    ("unknown decimal", GOOD.encode(), {"decimal": "'"}, r"decimal: .* must be '\.' or ','"),
    # value map
    (
        "meaning unknown",
        GOOD.encode(),
        {"value_map": {"Y": "yes", "N": "N"}},
        r"value_map: 'Y' is mapped to 'yes'; expected 'Y', 'N' or '\.'",
    ),
    (
        "YAML true",
        GOOD.encode(),
        {"value_map": {True: "Y", False: "N"}},
        r"value_map: the cell True was read as true/false; quote it: \"Yes\"",
    ),
    ("nothing means no", GOOD.encode(), {"value_map": {"Y": "Y"}}, r"no cell is mapped to 'Y', or none to 'N'"),
]


@pytest.mark.parametrize(("content", "options", "message"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_bad_file_is_refused_with_the_way_out(content: bytes, options: dict, message: str, tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_csv_deaths(path, **{**OPTIONS, **options})
    assert "Traceback" not in str(caught.value)
    assert all("\x1b" not in p and "\x00" not in p for p in caught.value.problems)


def test_there_are_enough_cases() -> None:
    assert len(FILES) >= 60


PATHS: list[tuple[str, Callable[[Path], object], str]] = [
    ("no path", lambda folder: None, r"data=csv needs a file: set data\.path"),
    ("no such file", lambda folder: folder / "stduy.csv", r"no such file; did you mean 'study\.csv'\?"),
    ("no such folder", lambda folder: folder / "x" / "a.csv", r"the folder .* does not exist"),
    ("folder", lambda folder: folder, r"is a folder, not a regular file"),
    ("device", lambda folder: "/dev/zero", r"is a pipe, socket or device, not a regular file"),
    ("pipe", lambda folder: folder / "pipe", r"is a pipe, socket or device, not a regular file"),
    ("address", lambda folder: "https://example.org/a.csv", r"is an address, not a file; download it"),
    ("file address", lambda folder: "file:///etc/hosts", r"is an address, not a file"),
    ("NUL in the path", lambda folder: "a\x00b.csv", r"a path cannot hold a NUL character"),
    ("file as folder", lambda folder: folder / "study.csv" / "a.csv", r"cannot be opened: Not a directory"),
]


@pytest.mark.parametrize(("make", "message"), [p[1:] for p in PATHS], ids=[p[0] for p in PATHS])
def test_bad_path_is_refused(make: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    (tmp_path / "study.csv").write_text(GOOD)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=message):
        read_csv_deaths(make(tmp_path), **OPTIONS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "limits", "message"),
    [
        (GOOD.encode(), Limits(max_bytes=10), r"44 bytes > max_bytes 10 bytes"),
        (
            gzip.compress(GOOD.encode() * 100, mtime=0),
            Limits(max_expanded=1000),
            r"expands to more than max_expanded 1000 bytes",
        ),
        (b"a,b,c\n1,2,3\n", Limits(max_columns=2), r"3 columns > max_columns 2"),
    ],
)
def test_limits(content: bytes, limits: Limits, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_source(path, limits=limits)


def test_line_is_right_after_a_long_quoted_field(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(rows('d1,AP,A,Y,"' + "N\n" * 100_000 + '"', "d2,UP"))
    with pytest.raises(InputError, match=r"line 100003 has 2 fields"):
        read_csv_deaths(path, **OPTIONS)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(rows(*(f"d{k % 30},,,maybe,{k}" for k in range(40)), header="id,site,cause,s1,age"))
    with pytest.raises(InputError) as caught:
        read_csv_deaths(path, id="id", covariates={"age": [0, 10]})
    text = str(caught.value)
    assert len(caught.value.problems) > 20
    assert text.count("\n") == 20
    assert "more problems" in text
    for part in ("without a site", "without a cause", "'maybe'", "share id", "'age' on line"):
        assert any(part in p for p in caught.value.problems)
