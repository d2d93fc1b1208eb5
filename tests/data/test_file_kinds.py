"""Files that are no tables are named by their first bytes, each with what to do."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from tests.bad_inputs.files import GOOD
from va_experiments.data.file_kinds import kind_of_file
from va_experiments.data.readers.csv import read_csv_deaths
from va_experiments.errors import InputError


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (b"BZh91AY&SY", "bzip2"),
        (lzma.compress(b"id,site"), "xz"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"7z\xbc\xaf\x27\x1c\x00", "7-Zip"),
        (b"RDX3\nX\n", "a file of R"),
        (b"ARROW1\x00\x00", "Arrow"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x80\x05\x95", "pickle"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"HEADER RECORD*******LIBRARY HEADER RECORD", "SAS"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\xef\xbb\xbf <!DOCTYPE html><html>", "web page"),
        (b"<?xml version='1.0'?>", "XML"),
        (b"data.csv".ljust(257, b"\0") + b"ustar", "tar"),
        (b"<stata_dta><header>", "Stata"),
        (b"$FL2@(#) SPSS", "SPSS"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_kind(start: bytes, named: str) -> None:
    assert named in kind_of_file(start, unpacked=True)


@pytest.mark.parametrize("start", [b"", b"id,site,cause\n", b"\xef\xbb\xbfid;site", b'"X","id"\n', b"BZ,site\n"])
def test_a_text_table_has_no_name(start: bytes) -> None:
    assert kind_of_file(start, unpacked=True) == ""


def packed(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


WORKBOOK = packed(("docProps/app.xml", b"<x/>"), ("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("study.csv.bz2", b"BZh91AY&SY" + b"x" * 20, "unpack it and give the table"),
        (
            "study.rds",
            gzip.compress(b"X\n\x00\x00\x00\x03", mtime=0),
            "write.csv(TABLE, 'deaths.csv', row.names = FALSE)",
        ),
        (
            "study.sav.gz",
            gzip.compress(b"$FL2@(#)" + b"\x00" * 60, mtime=0),
            "is a table of SPSS; give the file unpacked",
        ),
        ("study.csv", WORKBOOK, "is an Excel workbook; give it the ending .xlsx"),
        ("study.zip", packed(("study.xlsx", WORKBOOK)), "give the file that is inside"),
        ("study.ods", packed(("mimetype", b"x"), ("content.xml", b"<x/>")), "OpenDocument"),
        ("study.docx", packed(("[Content_Types].xml", b"x"), ("word/document.xml", b"x")), "office program"),
        ("study.xls", b"<html><table><tr><td>id</td></tr></table></html>", "is a web page (HTML)"),
        ("study.csv", GOOD.encode("utf-16-le") * 2, "looks like UTF-16-LE; set `encoding: utf-16-le`"),
        ("study.csv", GOOD.encode("utf-32"), "looks like UTF-32; set `encoding: utf-32`"),
        ("study.csv", b"  \n\n", "is empty but for blanks"),
        ("study.txt", GOOD.replace(",", " ").encode(), "blanks seem to separate the columns"),
        ("study.txt", b'"a"\t"b"\n"1"\t"x"\t"y"\n"2"\t"x"\t"y"\n', "as R's write.table writes them"),
    ],
)
def test_a_file_that_is_no_table_is_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_csv_deaths(path, id="id")
    assert message in str(caught.value)


def test_what_systems_leave_in_archives_is_not_the_table(tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    path.write_bytes(
        packed(("f/a.csv", GOOD.encode()), ("__MACOSX/._a.csv", b"x"), (".DS_Store", b"x"), ("f/Thumbs.db", b"x"))
    )
    assert len(read_csv_deaths(path, id="id")) == 2
