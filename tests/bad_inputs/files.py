"""Tables that cannot be read, and tables that can be read with a note."""

from __future__ import annotations

import gzip
import io
import os
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.phmrc_modules import module_of
from va_experiments.data.readers.who2016_table import kinds

__all__ = ["FILES", "GOOD", "NOTES", "PATHS", "File", "rows"]

GOOD = "id,site,cause,s1,s2\nd1,AP,A,Y,N\nd2,UP,B,.,Y\n"


INTERVA4 = ("ID", "elder", "midage", "adult", "child", "under5", "infant", "neonate", "male", "female")
"""Names of columns that only the input of InterVA-4 has together."""

PHMRC = tuple(dict.fromkeys(c for rule in module_of("adult").rules for c in rule.columns))
"""Columns of the PHMRC adult file from which symptoms are made."""


def rows(*lines: str, header: str = "id,site,cause,s1,s2") -> bytes:
    """Return a table of these lines."""
    return "\n".join([header, *lines, ""]).encode()


def zipped(*members: tuple[str, bytes]) -> bytes:
    """Return a zip archive of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass(frozen=True)
class File:
    """A file, how it is read, and what is said of it (behind the file's name)."""

    row: str
    what: str
    message: str
    content: bytes
    options: dict[str, Any] = field(default_factory=dict)
    reader: str = "csv"

    @property
    def given(self) -> str:
        """What stands in the file where it matters, for the table."""
        options = self.options if self.reader == "csv" else {"data": self.reader} | self.options
        return _excerpt(self.content) + (f" read with {_yaml(options)}" if options else "")


@dataclass(frozen=True)
class Place:
    """A path, and what is said of it."""

    row: str
    what: str
    message: str
    make: Callable[[Path], object]

    @property
    def given(self) -> str:
        """Nothing more than its name says."""
        return ""


def odk(answer: str = "yes", *, n: int = 30, repeated: bool = False, more: str = "", end: str = "") -> bytes:
    """Return an ODK export of two deaths with `n` questions, one of them answered in some other way."""
    header = ",".join(
        [f"consented-Id{k}{end}" for k in range(10125, 10125 + n)] + ["meta-instanceID", *filter(None, [more])]
    )
    ids = ("uuid:1", "uuid:1" if repeated else "uuid:2")
    lines = [
        ",".join([answer, *["yes"] * (n - 2), ("no", "yes")[k], i, *["no"] * bool(more)]) for k, i in enumerate(ids)
    ]
    return rows(*lines, header=header)


def odk_answers(n: int = 30, **columns: str) -> bytes:
    """Return an ODK export of `n` deaths with one answer to each of these questions; {k} is a number that grows."""
    others = [f"Id{k}" for k in range(10125, 10145)]
    header = ",".join(["meta-instanceID", *others, *columns])
    lines = [
        ",".join(
            [f"uuid:{k}", *("yes" if (k >> j % 5) % 2 else "no" for j in range(len(others)))]
            + [cell.format(k=20 + 2 * k) for cell in columns.values()]
        )
        for k in range(n)
    ]
    return rows(*lines, header=header)


def _numbered(kind: str, n: int) -> list[str]:
    """Return `n` questions of the WHO 2016 questionnaire with answers of one kind."""
    return [q for q, of in kinds().items() if of == kind and q.startswith("Id")][:n]


def indicators(yes: str, no: str, *, header: str = "ID", n: int = 24, different: int = 24, cause: str = "") -> bytes:
    """Return InterVA-5's input, with answers that say yes, nothing, and no in one of these letters."""
    names = read_probbase().indicators
    lines = []
    for k in range(n):
        drawn = random.Random(k % different).choices((yes, *(no or [""]), ""), k=len(names))
        lines.append(",".join([f"d{k}", *drawn, *filter(None, [cause])]))
    return rows(*lines, header=",".join([header, *names, *(["cause"] if cause else [])]))


def _excerpt(content: bytes) -> str:
    if len(content) > 400 or content[:2] in (b"PK", b"\x1f\x8b"):
        return f"{len(content):,} bytes"
    lines = [line for line in content.split(b"\n") if line]
    excerpt = lines[-1:] if lines and lines[0] == b"id,site,cause,s1,s2" else lines[-2:]
    return " ⏎ ".join(ascii(line)[2:-1] for line in excerpt)[:70]


def _yaml(options: dict[str, Any]) -> str:
    return ", ".join(f"{k}: {v}" for k, v in options.items())


AGE = "id,site,cause,s1,age"
MANY = "id,site,cause,s1,s2,s3,s4"
LABELS = "Number,Place,Cause of death,Any cough?,Any fever?,Any wound?,Any rash?"
STUDY = tuple(f"d{k},{'AU'[k % 2]}P,{'XYZ'[k % 3]},{'YN'[k % 5 > 1]},{'YN'[k % 4 > 0]},N,Y" for k in range(30))
"""Deaths of a study, with the header `MANY`."""
FILES: list[File] = [
    *(
        File(
            "strata",
            what,
            message,
            rows(
                *(f"d{k},{'AP' if k % 2 else 'UP'},{'AB'[k // 3 % 2]},{'YN'[k % 3 // 2]},{k % 70}" for k in range(n)),
                header="id,site,cause,s1,ward",
            ),
            {"id": "id", "duplicates": "keep", **options},
        )
        for what, message, n, options in (
            (
                "a column with many values",
                "column 'ward' has 70 values ('0', '1', '2', ...); expected at most 60 for data.strata_columns: put",
                *(140, {"strata_columns": ["ward"]}),
            ),
            (
                "a column that tells persons apart",
                "column 'ward' has another value for each of 40 deaths: it tells persons apart and is no stratum",
                *(40, {"strata_columns": ["ward"]}),
            ),
            (
                "the column of the ids",
                "column 'id' is the id of each death: no stratum would have more than one",
                *(40, {"strata_columns": ["id"], "exclude": ["ward"]}),
            ),
            (
                "the column of the causes",
                "column 'cause' is the cause: metrics by stratum would be those of one cause each",
                *(40, {"strata_columns": ["cause"], "exclude": ["ward"]}),
            ),
            (
                "a column that is a symptom too",
                "column 'ward' is a symptom of data.symptoms, and strata=[ward] shows it so",
                *(40, {"strata_columns": ["ward"], "symptoms": ["s1", "ward"]}),
            ),
            (
                "a column that is not there",
                "missing column 'wards'; did you mean 'ward'? (data.strata_columns)",
                *(40, {"strata_columns": ["wards"], "exclude": ["ward"]}),
            ),
        )
    ),
    File("empty", "empty file", "the file is empty", b"", {}),
    File("empty", "header only", "has a header but no rows", rows(), {}),
    File("empty", "header without line end", "has a header but no rows", b"id,site,cause,s1", {}),
    File("binary", "NUL bytes", "contains NUL at byte 31: not a text file", rows("d1,AP,A,Y,\x00"), {}),
    File("binary", "PDF", "is a PDF document, not a text table", b"%PDF-1.7\n%\xe2\xe3", {}),
    File("parquet", "Parquet", "cannot be read as a file of Parquet", b"PAR1\x15\x04", {}),
    File(
        "binary",
        "old Excel",
        "is an old Excel workbook (save it as CSV), not a text table",
        b"\xd0\xcf\x11\xe0\xa1\xb1",
        {},
    ),
    File(
        "binary",
        "new Excel",
        "is an Excel workbook; give it the ending .xlsx, or save it as CSV",
        zipped(("[Content_Types].xml", b"<x/>")),
        {},
    ),
    File(
        "encoding",
        "latin-1",
        "not UTF-8 at byte 28 (line 2); set `encoding: cp1252`",
        rows("d1,AP,C\xf4te,Y,N").decode().encode("latin-1"),
        {},
    ),
    File(
        "encoding",
        "Mac Roman",
        "in the usual cp1252 it would read 'C—rdoba', which is no word: set `encoding: mac_roman` ('Córdoba')",
        rows("d1,AP,C\u00f3rdoba,Y,N", "d2,AP,\u00d1u\u00f1oa,N,Y").decode().encode("mac_roman"),
        {},
    ),
    File("encoding", "UTF-16", "looks like UTF-16; set `encoding: utf-16`", GOOD.encode("utf-16"), {}),
    File(
        "encoding",
        "cut in a character",
        "ends in the middle of a character; set `encoding: cp1252`",
        GOOD.encode() + b"d3,AP,\xc3",
        {},
    ),
    File(
        "encoding",
        "unknown encoding",
        "encoding: 'utf-9' is not known; try utf-8-sig, latin-1, cp1252 or utf-16",
        GOOD.encode(),
        {"encoding": "utf-9"},
    ),
    File(
        "encoding",
        "binary encoding",
        "encoding: 'zlib' is not known; try utf-8-sig, latin-1, cp1252 or utf-16",
        GOOD.encode(),
        {"encoding": "zlib"},
    ),
    File(
        "decimal",
        "unknown separator",
        "sep: 'x' is not a separator; known: auto, ',', ';', '|', tab ('\\t')",
        GOOD.encode(),
        {"sep": "x"},
    ),
    File(
        "archive",
        "damaged gzip",
        "damaged or incomplete archive: Compressed file ended before the end-of-stream marker was reached",
        gzip.compress(GOOD.encode(), mtime=0)[:30],
        {},
    ),
    File(
        "archive",
        "damaged zip",
        "damaged or incomplete archive: File is not a zip file",
        zipped(("a.csv", GOOD.encode()))[:60],
        {},
    ),
    File(
        "archive",
        "gzip bomb",
        "expands more than 100-fold; refused",
        gzip.compress(b"a,b\n" + b"Y,N\n" * 8_000_000, mtime=0),
        {},
    ),
    File(
        "archive",
        "zip bomb",
        "expands more than 100-fold; refused",
        zipped(("a.csv", b"a,b\n" + b"Y,N\n" * 8_000_000)),
        {},
    ),
    File(
        "archive",
        "two members",
        "holds 2 files ('a.csv', 'b.csv'); one member only",
        zipped(("a.csv", b"x"), ("b.csv", b"y")),
        {},
    ),
    File("archive", "empty zip", "holds 0 files (); one member only", zipped(), {}),
    File(
        "archive",
        "member outside",
        "member '../a.csv' points outside the archive",
        zipped(("../a.csv", GOOD.encode())),
        {},
    ),
    File(
        "archive",
        "absolute member",
        "member '/etc/a.csv' points outside the archive",
        zipped(("/etc/a.csv", GOOD.encode())),
        {},
    ),
    File(
        "decimal",
        "semicolons where a comma is asked for",
        "looks like ';' (semicolon) separates the columns; set `sep: \";\"`",
        GOOD.replace(",", ";").encode(),
        {"sep": ","},
    ),
    File(
        "decimal",
        "tabs where a comma is asked for",
        "looks like '\\t' (tab) separates the columns; set `sep: \"\\t\"`",
        GOOD.replace(",", "\t").encode(),
        {"sep": ","},
    ),
    File("columns", "one column", "the header has only one column: 'id'", b"id\nd1\n", {}),
    File(
        "header",
        "duplicate header",
        "column 'id' appears twice (positions 1, 5)",
        rows("d1,AP,A,Y,N", header="id,site,cause,s1,id"),
        {},
    ),
    File(
        "header",
        "duplicate but for space",
        "column 's1' appears twice (positions 4, 5)",
        rows("d1,AP,A,Y,N", header="id,site,cause,s1,s1 "),
        {},
    ),
    File(
        "columns",
        "unnamed column",
        "a column has no name (position 5)",
        rows("d1,AP,A,Y,N", header="id,site,cause,s1,"),
        {},
    ),
    File("columns", "missing column", "missing column 'cause'", rows("d1,AP,Y,N", header="id,site,s1,s2"), {}),
    File(
        "columns",
        "near miss",
        "missing column 'cause'; did you mean 'causes'?",
        rows("d1,AP,A,Y,N", header="id,site,causes,s1,s2"),
        {},
    ),
    File(
        "columns",
        "spaces in the header",
        "missing column 'cause'; found ' cause ' (spaces around it)",
        rows("d1,AP,A,Y,N", header="id,site, cause ,s1,s2"),
        {},
    ),
    File(
        "columns",
        "other case",
        "missing column 'cause'; found 'Cause' (other case)",
        rows("d1,AP,A,Y,N", header="id,site,Cause,s1,s2"),
        {},
    ),
    File(
        "columns",
        "Cyrillic letter",
        "missing column 'cause'; found 'caus\\u0435' (looks alike)",
        rows("d1,AP,A,Y,N", header="id,site,caus\u0435,s1,s2"),
        {},
    ),
    File("ragged", "short row", "line 3 has 2 fields, header has 5", rows("d1,AP,A,Y,N", "d2,UP"), {}),
    File("ragged", "long row", "line 3 has 6 fields, header has 5", rows("d1,AP,A,Y,N", "d2,UP,B,Y,N,N"), {}),
    File("ragged", "all rows too long", "line 2 has 6 fields, header has 5", rows("d1,AP,A,Y,N,", "d2,UP,B,Y,N,"), {}),
    File(
        "ragged",
        "short row after a blank line",
        "line 4 has 2 fields, header has 5",
        rows("d1,AP,A,Y,N", "", "d2,UP"),
        {},
    ),
    File(
        "ragged",
        "short row after a quoted line break",
        "line 4 has 2 fields, header has 5",
        rows('d1,AP,"A', 'x",Y,N', "d2,UP"),
        {},
    ),
    File("quote", "quote never closed", "line 2: quote never closed", rows('d1,AP,"A,Y,N', "d2,UP,B,Y,N"), {}),
    File(
        "quote",
        "huge field",
        "line 2: field larger than field limit (1048576); a field may hold 1.0 MB",
        rows("d1,AP,A,Y," + "x" * 1_100_000),
        {},
    ),
    File(
        "quote",
        "huge line",
        "line 2: field larger than field limit (1048576); a field may hold 1.0 MB",
        rows("d1,AP,A,Y," + "x" * 9_000_000),
        {},
    ),
    File(
        "ids",
        "duplicate ids",
        "2 rows share id '7' (lines 2, 4); ids are compared as text",
        rows("7,AP,A,Y,N", "8,AP,A,Y,N", "7,UP,B,Y,N"),
        {},
    ),
    File(
        "ids",
        "ids that differ in the form of their accents",
        "2 rows share id 'caf\u00e9' (lines 2, 4); ids are compared as text",
        rows("caf\u00e9,AP,A,Y,N", "8,AP,A,Y,N", "cafe\u0301,UP,B,Y,N"),
        {},
    ),
    File("ids", "blank id", "column 'id': 1 rows have no id (lines 3)", rows("d1,AP,A,Y,N", ",UP,B,Y,N"), {}),
    File(
        "answers",
        "unmapped answer",
        "s1: value 'maybe' on line 3; allowed 'Y', 'N', '.'",
        rows("d1,AP,A,Y,N", "d2,UP,B,maybe,N"),
        {},
    ),
    File(
        "answers",
        "number as answer",
        "s1: value '2' on line 2; allowed 'Y', 'N', '.'",
        rows("d1,AP,A,2,N"),
        {},
    ),
    File(
        "answers",
        "yes and Yes and TRUE",
        "s1: value 'yes' on line 2; allowed 'Y', 'N', '.'",
        rows("d1,AP,A,yes,Yes", "d2,UP,B,TRUE,Y"),
        {},
    ),
    File(
        "answers",
        "control characters",
        "s1: value '\\x1b[31m' on line 2; allowed 'Y', 'N', '.'",
        rows("d1,AP,A,\x1b[31m,N"),
        {},
    ),
    File(
        "label",
        "no cause",
        "1 row without a cause (line 2; found ''): drop with `drop_unlabelled: true`",
        rows("d1,AP,,Y,N", "d2,UP,B,Y,N"),
        {},
    ),
    File(
        "na",
        "cause NA and None",
        "2 rows without a cause (lines 2, 3; found 'NA', 'None'): drop with `drop_unlabelled: true`",
        rows("d1,AP,NA,Y,N", "d2,UP,None,Y,N", "d3,UP,B,Y,N"),
        {},
    ),
    File(
        "empty",
        "nothing left",
        "no row is left after dropping rows without a cause; nothing to train on",
        rows("d1,AP,NA,Y,N"),
        {"drop_unlabelled": True},
    ),
    File("label", "no site", "1 row without a site (line 2)", rows("d1,,A,Y,N"), {}),
    File(
        "label",
        "unknown cause",
        "unknown cause 'TBB' (line 2); known: TB, AIDS; did you mean 'TB'?",
        rows("d1,AP,TBB,Y,N"),
        {"causes": ["TB", "AIDS"]},
    ),
    File(
        "name",
        "unknown site",
        "unknown site 'Andra' (line 2); known: AP, Andhra; did you mean 'Andhra'?",
        rows("d1,Andra,A,Y,N"),
        {"sites": ["AP", "Andhra"]},
    ),
    File(
        "unicode",
        "trailing space in a cause",
        "cause 'A' is written in ways that differ only in spaces or Unicode form ('A' and 'A '; line 3)",
        rows("d1,AP,A,Y,N", "d2,AP,A ,Y,N"),
        {},
    ),
    File(
        "unicode",
        "NFC and NFD",
        "cause 'Côte' is written in ways that differ only in spaces or Unicode form ('Côte' and 'Côte'; line 3)",
        rows("d1,AP,C\u00f4te,Y,N", "d2,AP,Co\u0302te,Y,N"),
        {},
    ),
    File(
        "unicode",
        "mark of a footnote",
        "site 'AP*' (line 3) differs from another name only in a mark: is it 'AP'? Write it so, or say "
        '\'data.site_map={"AP*": "AP"}\'; if it is another site',
        rows("d1,AP,A,Y,N", "d2,AP*,B,N,Y"),
    ),
    File(
        "unicode",
        "Cyrillic letter",
        "site 'Pembа' (line 3) has letters of another alphabet that look the same: is it 'Pemba'?",
        rows("d1,AP,A,Y,N", "d2,Pemb\u0430,B,N,Y"),
    ),
    File(
        "unicode",
        "mark of a footnote behind an id",
        "1 ids end with a mark or have letters of another alphabet, the others do not (such as 'd2*')",
        rows("d1,AP,A,Y,N", "d2*,UP,B,N,Y"),
        {"id": "id"},
    ),
    File(
        "unicode",
        "Cyrillic letter in a column's name",
        "column 'fеver' has letters of another alphabet that look like those of 'fever'",
        rows("d1,AP,A,Y,N", "d2,UP,B,N,Y", header="id,site,cause,f\u0435ver,s2"),
    ),
    File(
        "unicode",
        "two columns that look the same",
        "columns 'fever' and 'fe\\u200bver' differ only in what nobody sees or a program added",
        rows("d1,AP,A,Y,N", "d2,UP,B,N,Y", header="id,site,cause,fever,fe\u200bver"),
    ),
    File(
        "unicode",
        "zero-width space",
        "cause 'TB' is written in ways that differ only in what nobody sees or a program added "
        "('TB' and 'T\\u200bB'; line 3)",
        rows("d1,AP,TB,Y,N", "d2,AP,T\u200bB,Y,N"),
        {},
    ),
    File(
        "unicode",
        "site in two cases",
        "site 'AP' and 'ap' (line 3) differ only in case, spaces or invisible characters; make them one",
        rows("d1,AP,A,Y,N", "d2,ap,A,Y,N"),
        {},
    ),
    File(
        "label",
        "the cause as a symptom",
        "column 'cause' is named as id, site or cause; it cannot be a symptom too",
        rows("d1,AP,A,Y,N"),
        {"symptoms": ["s1", "cause"]},
    ),
    File("label", "group of no cause", "groups: unknown cause 'X'", rows("d1,AP,A,Y,N"), {"groups": {"X": "ncd"}}),
    File(
        "columns",
        "unknown exclusion",
        "exclude: no column 's11'; did you mean 's1'?",
        rows("d1,AP,A,Y,N"),
        {"exclude": ["s11"]},
    ),
    File(
        "columns", "hce is no symptom", "hce/words: 's3' is not a symptom column", rows("d1,AP,A,Y,N"), {"hce": ["s3"]}
    ),
    File("columns", "no symptom column", "no column is left for symptoms", rows("d1,AP,A,Y,N"), {"symptoms": []}),
    File(
        "range",
        "infinite age",
        "'age' on line 2 is inf; allowed 0 to 120",
        rows("d1,AP,A,Y,inf", header=AGE),
        {"covariates": {"age": [0, 120]}},
    ),
    File(
        "range",
        "1e400",
        "'age' on line 2 is inf; allowed 0 to 120",
        rows("d1,AP,A,Y,1e400", header=AGE),
        {"covariates": {"age": [0, 120]}},
    ),
    File(
        "range",
        "age -1",
        "'age' on line 2 is -1; allowed 0 to 120",
        rows("d1,AP,A,Y,-1", header=AGE),
        {"covariates": {"age": [0, 120]}},
    ),
    File(
        "range",
        "age 200",
        "'age' on line 3 is 200; allowed 0 to 120",
        rows("d1,AP,A,Y,5", "d2,AP,A,Y,200", header=AGE),
        {"covariates": {"age": [0, 120]}},
    ),
    File(
        "range",
        "infinite without range",
        "'age' on line 2 is inf; a finite number is wanted",
        rows("d1,AP,A,Y,inf", header=AGE),
        {"covariates": {"age": None}},
    ),
    File(
        "range",
        "age in words",
        "'age' on line 2 is 'old': not a number",
        rows("d1,AP,A,Y,old", header=AGE),
        {"covariates": {"age": None}},
    ),
    File(
        "decimal",
        "decimal comma",
        "'age' on line 2 is '0,5': looks like a decimal comma (set `decimal: \",\"`) or a thousands separator",
        rows('d1,AP,A,Y,"0,5"', header=AGE),
        {"covariates": {"age": None}},
    ),
    File(
        "decimal",
        "thousands",
        "'age' on line 2 is '1,000': looks like a decimal comma (set `decimal: \",\"`) or a thousands separator",
        rows('d1,AP,A,Y,"1,000"', header=AGE),
        {"covariates": {"age": None}},
    ),
    File(
        "range",
        "range upside down",
        "covariates: 'age': the range must be [low, high]; got [120, 0]",
        rows("d1,AP,A,Y,5", header=AGE),
        {"covariates": {"age": [120, 0]}},
    ),
    File("decimal", "unknown decimal", "decimal: ''' must be '.' or ','", GOOD.encode(), {"decimal": "'"}),
    File(
        "answers",
        "meaning unknown",
        "value_map: 'Y' is mapped to 'yes'; expected 'Y', 'N' or '.'",
        GOOD.encode(),
        {"value_map": {"Y": "yes", "N": "N"}},
    ),
    File(
        "answers",
        "YAML true",
        'value_map: the cell True was read as true/false; quote it: "Yes"',
        GOOD.encode(),
        {"value_map": {True: "Y", False: "N"}},
    ),
    File(
        "answers",
        "nothing means no",
        "value_map: no cell is mapped to 'Y', or none to 'N'",
        GOOD.encode(),
        {"value_map": {"Y": "Y"}},
    ),
    File(
        "columns",
        "extra column that is no symptom",
        "district: value 'x' on line 2; allowed 'Y', 'N', '.' (map others",
        rows("d1,AP,A,Y,x", header="id,site,cause,s1,district"),
        {},
    ),
    File(
        "ids",
        "spaces make no other id",
        "2 rows share id '7' (lines 2, 3); ids are compared as text",
        rows("7,AP,A,Y,N", " 7,AP,A,Y,N"),
        {},
    ),
    File(
        "na",
        "null and nan in the cause",
        "2 rows without a cause (lines 2, 3; found 'nan', 'null'): drop with `drop_unlabelled: true`",
        rows("d1,AP,null,Y,N", "d2,UP,nan,Y,N", "d3,UP,B,Y,N"),
        {},
    ),
    File(
        "encoding",
        "UTF-16 without saying so, other end first",
        "looks like UTF-16; set `encoding: utf-16`",
        b"\xfe\xff" + GOOD.encode("utf-16-be"),
        {},
    ),
    File(
        "archive",
        "archive in an archive",
        "is an archive within an archive; unpack it once and give what is inside",
        gzip.compress(gzip.compress(GOOD.encode() * 9, mtime=0), mtime=0),
        {},
    ),
    File(
        "label",
        "all causes missing",
        "no row is left after dropping rows without a cause; nothing to train on",
        rows("d1,AP,,Y,N", "d2,UP,,Y,N"),
        {"drop_unlabelled": True},
    ),
    File("binary", "bzip2", "is packed with bzip2; unpack it and give the table", b"BZh91AY&SY" + b"x" * 40, {}),
    File(
        "binary", "R", "is a file of R; save the table in R with write.csv(", gzip.compress(b"RDX3\nX\n", mtime=0), {}
    ),
    File(
        "binary",
        "web page",
        "is a web page (HTML), not a table",
        b"<!DOCTYPE html><html><body>Log in</body></html>",
        {},
    ),
    File("binary", "Git LFS", "is a pointer of Git LFS", b"version https://git-lfs.github.com/spec/v1\nsize 5\n", {}),
    File(
        "binary",
        "SPSS within gzip",
        "is a table of SPSS; give the file unpacked",
        gzip.compress(b"$FL2@(#)", mtime=0),
        {},
    ),
    File(
        "encoding",
        "UTF-16 without a mark",
        "looks like UTF-16-LE; set `encoding: utf-16-le`",
        GOOD.encode("utf-16-le"),
        {},
    ),
    File("encoding", "UTF-32", "looks like UTF-32; set `encoding: utf-32`", GOOD.encode("utf-32"), {}),
    File("decimal", "blanks as separators", "blanks seem to separate the columns", GOOD.replace(",", " ").encode(), {}),
    File(
        "header",
        "numbers of rows without a name",
        "the numbers of the rows have no name, as R's write.table writes them",
        rows("1,d1,AP,A,Y,N", "2,d2,UP,B,N,Y"),
        {},
    ),
    File(
        "no_death",
        "units below the header",
        "line 2: most of its cells are no answers, such as 'yes/no', 'yes/no': a row of labels, units or totals",
        rows("code,AP,X,yes/no,yes/no,yes/no,yes/no", *STUDY, header=MANY),
        {"duplicates": "keep"},
    ),
    File(
        "header",
        "a header of two rows",
        "4 columns have no name in the first row, but texts such as 's1' and 's2' below it: a header of two rows",
        rows(",,,s1,s2,s3,s4", *STUDY, header="id,site,cause,,,,"),
        {"duplicates": "keep"},
    ),
    File(
        "no_death",
        "totals",
        "line 32: most of its cells are no answers, such as '17', '12'",
        rows(*STUDY, "Total,AP,X,17,12,14,29", header=MANY),
        {"duplicates": "keep"},
    ),
    File(
        "no_death",
        "the header again",
        "line 3 repeats the names of the columns",
        rows("d1,AP,A,Y,N", "id,site,cause,s1,s2", "d2,UP,B,N,Y"),
        {},
    ),
    File(
        "no_death",
        "a note below the table",
        "line 4 has 1 fields, header has 5: a note below the table? Remove the line",
        rows("d1,AP,A,Y,N", "d2,UP,B,N,Y", "Source: our study"),
        {},
    ),
    File(
        "person",
        "sex in the codes of answers",
        "column 'sex' holds '1', '2': which is female and which is male? Say data.sex=sex 'data.sex_codes=[",
        rows("d1,AP,A,1,2", "d2,UP,B,2,1", header="id,site,cause,s1,sex"),
        {"value_map": {"1": "Y", "2": "N"}},
    ),
    File(
        "label",
        "codes far above all others",
        "1 row without a cause (line 5; found '88')",
        rows("d1,AP,1,Y,N", "d2,UP,2,N,Y", "d3,UP,3,N,Y", "d4,UP,88,N,N"),
        {},
    ),
    File(
        "leak",
        "a column that says no at one cause",
        "column 's2' almost equals cause 'X' (correlation 1.00): a model would read the answer from it",
        rows(*(f"d{k},AP,{'XYZ'[k % 3]},{'YN'[k % 5 > 1]},{'NY'[k % 3 > 0]}" for k in range(60))),
        {"duplicates": "keep"},
    ),
    File(
        "person",
        "ages that contradict each other",
        "columns 'age_years', 'age_months' (data.age, data.age_parts): in 1 rows (line 3) they are neither parts",
        rows("d1,AP,A,Y,1,6", "d2,UP,B,N,40,99", "d3,UP,B,N,2,3", header="id,site,cause,s1,age_years,age_months"),
        {"age": "age_years", "age_parts": {"age_months": "months"}},
    ),
    File(
        "person",
        "days with a sign for thousands",
        "column 'age_days' (data.age): '1,825', '3,650' is no age; expected a number",
        rows('d1,AP,A,Y,"1,825"', 'd2,UP,B,N,"3,650"', header="id,site,cause,s1,age_days"),
        {"age": "age_days"},
    ),
    File(
        "person",
        "units in codes",
        "column 'unit' (data.age_unit) holds '1', '2': which units? Say 'data.age_unit_codes={1: UNIT, 2: UNIT}'",
        rows("d1,AP,A,Y,40,1", "d2,UP,B,N,6,2", header="id,site,cause,s1,age,unit"),
        {"age": "age", "age_unit": "unit"},
    ),
    File(
        "person",
        "years of birth in two digits",
        "data.age: column 'birth_year' holds years or dates of birth or death by its name, no ages",
        rows("d1,AP,A,Y,63", "d2,UP,B,N,71", header="id,site,cause,s1,birth_year"),
        {"age": "birth_year"},
    ),
    File(
        "person",
        "dates for ages",
        "'1950-03-01' is a date, no age; expected a number",
        rows("d1,AP,A,Y,1950-03-01", "d2,UP,B,N,43", header=AGE),
        {"age": "age"},
    ),
    File(
        "person",
        "years of birth for ages",
        "1950, 1987 look like years of birth or death, not ages",
        rows("d1,AP,A,Y,1950", "d2,UP,B,N,1987", header=AGE),
        {"age": "age"},
    ),
    File(
        "blank",
        "Y or a point",
        "no cell of the symptoms says no, and 50% are '.' or empty: does this mean that the sign was absent",
        rows(*(f"d{k},AP,{'XYZ'[k % 3]},{'Y.'[k % 2]},{'.Y'[k % 2]}" for k in range(30))),
        {"duplicates": "keep", "blank": "absent"},
    ),
    File(
        "blank",
        "InterVA-5's input with x or a hyphen",
        "does '-' mean that the sign was absent, or that nothing is known? Say 'data.value_map={",
        indicators("x", "-").replace(b",,", b",-,").replace(b",,", b",-,").replace(b",\n", b",-\n"),
        reader="who2016",
    ),
    File(
        "blank",
        "InterVA-5's input with y or blank",
        "does an empty cell mean that the sign was absent, or that nothing is known? Say",
        indicators("y", ""),
        reader="who2016",
    ),
    File(
        "answers",
        "InterVA-5's input in which no is 0 or 2",
        "the symptoms hold both 0 and 2: which of them says no?",
        indicators("1", "02"),
        reader="who2016",
    ),
    File(
        "ids",
        "InterVA-5's input without an id",
        "missing column 'ID', the id of each death",
        indicators("y", "n", header="number"),
        reader="who2016",
    ),
    File(
        "twice",
        "InterVA-5's input with every death twice, and causes",
        "deaths have the same cells as another in every column but the id",
        indicators("y", "n", different=12, cause="Malaria"),
        {"cause": "cause"},
        reader="who2016",
    ),
    File(
        "form",
        "ODK export of the WHO 2016 questionnaire",
        "is an ODK export of the WHO 2016 questionnaire (30 questions with numbers such as Id10100); read it with "
        "data=who2016_odk data.path=",
        rows(",".join(["yes"] * 30), header=",".join(f"consented-Id{k}" for k in range(10100, 10130))),
    ),
    File(
        "form",
        "the same with labels",
        "is an ODK export of the WHO 2016 questionnaire (30 questions",
        rows(
            *(",".join([f"d{k}", "AP", "AB"[k % 2], *["yes"] * 30]) for k in range(40)),
            header=",".join(["id", "site", "cause", *(f"consented:Id{k}" for k in range(10100, 10130))]),
        ),
    ),
    File(
        "odk",
        "answers that are on no list",
        "column 'consented-Id10125': 2 of 2 cells ('perhaps' 2 times) are no answer to question Id10125; expected yes, "
        "no, dk or ref",
        odk("perhaps"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "one question in two columns that differ",
        "columns 'consented-Id10125' and 'other-Id10125' both hold question Id10125, and differ in 2 rows",
        odk(more="other-Id10125"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "an age under a name of its own",
        "no age is read, and column 'age_in_years' may be one; rename it to ageInDays (in days), age_child_months",
        odk(more="age_in_years"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "a sex under a name of its own",
        "no sex is read, and column 'gender' may be it; rename it to Id10019",
        odk(more="gender"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "1 and 2 for yes and no, and most answers are 1",
        '100% of the answers say yes, with "1" for yes and "2" for no: do the numbers stand the other way round?',
        rows(
            *(",".join(["2", *["1"] * 239, f"{9000 + k}", "male", f"uuid:{k}"]) for k in range(2)),
            header=",".join([*_numbered("yes_no", 240), "ageInDays", "Id10019", "instanceID"]),
        ),
        {"duplicates": "keep"},
        reader="who2016_odk",
    ),
    File(
        "odk",
        "dates of death before those of birth",
        "2 of 2 deaths whose age follows from the dates alone were before the birth (Id10021; Id10023)",
        rows(
            *(",".join(["yes", *["no"] * 29, "2018-03-01", f"1990-01-0{k}", f"uuid:{k}"]) for k in (1, 2)),
            header=",".join([*_numbered("yes_no", 30), "Id10021", "Id10023", "instanceID"]),
        ),
        {"duplicates": "keep"},
        reader="who2016_odk",
    ),
    File(
        "odk",
        "a part of an export that was divided into several files",
        "90 questions, but neither an age nor the sex: is it a part of an export that was divided into several files?",
        rows(",".join(["yes", *["no"] * 89, "uuid:1"]), header=",".join([*_numbered("yes_no", 90), "instanceID"])),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "questions under numbered names",
        "28 columns such as 'consented-Id10125_1' have the number of a question, and a name that the questionnaire",
        odk(end="_1"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "a submission twice",
        "2 rows share id 'uuid:1' of column 'meta-instanceID' (lines 2, 3): say data.duplicates=first",
        odk(repeated=True),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "a few questions",
        "only 9 questions of the WHO 2016 questionnaire are in",
        odk(n=9),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "a question to leave out that is not there",
        "data.exclude: 'Id10999' is no question of the export",
        odk(),
        {"exclude": ["Id10999"]},
        reader="who2016_odk",
    ),
    File(
        "odk",
        "meanings for a question that is not there",
        "data.value_map: 'Id10999' is no question of the table",
        odk(),
        {"value_map": {"Id10999": {"perhaps": "dk"}}},
        reader="who2016_odk",
    ),
    File(
        "odk",
        "export of the WHO 2022 questionnaire",
        "is an export of the WHO 2022 questionnaire (31 questions); no reader takes this form as it is",
        odk(more="consented-Id10489"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "0 where a question was not asked",
        'cells hold 0 where the question was not asked (such as days of fever after "no fever")',
        odk_answers(Id10147="no", Id10148="0", Id10153="no", Id10154="0"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "years in the column of days",
        "no ageInDays of 30 deaths is above 78, and 26 are 28 or more, as ages in years would be: are they years?",
        odk_answers(ageInDays="{k}"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "days that equal the years",
        "ageInDays equals ageInYears in 30 rows: are they years?",
        odk_answers(ageInDays="{k}", ageInYears="{k}"),
        reader="who2016_odk",
    ),
    File(
        "odk",
        "a general meaning of 9 where 9 is a number",
        "data.value_map gives a number for all questions that also stands 30 times in questions that are answered with",
        odk_answers(Id10153="yes", Id10154="9"),
        {"value_map": {"9": "dk"}},
        reader="who2016_odk",
    ),
    File(
        "form",
        "indicators without the columns that EAVA needs",
        "data.eava_columns=true, but the file has none of the columns that EAVA adds to the indicators",
        rows(",".join(["d1", *["y"] * 353]), header=",".join(["ID", *read_probbase().indicators])),
        {"eava_columns": True},
        reader="who2016",
    ),
    File(
        "form",
        "export of the WHO 2012 questionnaire",
        "is an export of the WHO 2012 questionnaire (30 questions with numbers such as 3A100)",
        rows(",".join(["yes"] * 30), header=",".join(f"x-Id3A{k}" for k in range(100, 130))),
    ),
    File(
        "form",
        "input of InterVA-4",
        "is input of InterVA-4 (245 indicators, Y or blank); read it as a table of symptoms: data=csv",
        rows(",".join(["Y"] * 246), header=",".join([*INTERVA4, *(f"v{k}" for k in range(246 - len(INTERVA4)))])),
    ),
    File(
        "form",
        "PHMRC, adults",
        "is the PHMRC file of the adult module; read it with data=phmrc_adult data.path=",
        rows(",".join(["Yes"] * len(PHMRC)), header=",".join(PHMRC)),
    ),
    File(
        "form",
        "JSON",
        "is JSON, not a table; export one row for each death as CSV",
        b'[{"id": "d1", "site": "AP", "cause": "A", "s1": "Y"}]',
    ),
    File(
        "blank",
        "Y or blank",
        "does an empty cell mean that the sign was absent, or that nothing is known? Say data.blank=absent or",
        rows(*(f"d{k},AP,{'AB'[k % 2]},{'Y' * (k % 3 > 0)},{'Y' * (k % 5 > 1)}" for k in range(40))),
    ),
    File(
        "blank",
        "only yes or nothing in one column",
        "1 symptom column says only yes or nothing ('s1'), others say no: does an empty cell of this column mean",
        rows(*(f"d{k},AP,{'AB'[k % 2]},{'Y' * (k % 3 > 0)},{'YN'[k % 5 > 1]}" for k in range(40))),
    ),
    File(
        "blank",
        "none for no in one column",
        "1 symptom column says only yes or nothing ('s1'), others say no: does the cell 'none' of this column mean",
        rows(*(f"d{k},AP,{'AB'[k % 2]},{('Y', 'none')[k % 3 > 1]},{'YN'[k % 5 > 1]}" for k in range(40))),
        {"value_map": {"Y": "Y", "N": "N", "none": "."}},
    ),
    File(
        "header",
        "a copy of a column, as programs name it",
        "column 's1.1' has the name of a copy of 's1', and the same answers: a model would count them twice; leave it",
        rows(
            *(
                f"d{k},AP,{'AB'[k % 2]},{'YN'[k % 3 > 1] * 2}".replace("YY", "Y,Y").replace("NN", "N,N")
                for k in range(40)
            ),
            header="id,site,cause,s1,s1.1",
        ),
    ),
    File(
        "header",
        "a column in two cases",
        "columns 's1' and 'S1' differ only in case, and hold other answers; leave it out with",
        rows("d1,AP,A,Y,N", "d2,UP,B,N,N", header="id,site,cause,s1,S1"),
    ),
    File(
        "leak",
        "a column that equals a cause",
        "column 's1' almost equals cause 'A' (correlation 1.00): a model would read the answer from it",
        rows(*(f"d{k},AP,{'AB'[k % 2]},{'YN'[k % 2]},{'YN'[k % 3 // 2]}" for k in range(40))),
    ),
    File(
        "twice",
        "the same id",
        "2 rows share id 'd0' (lines 2, 3); ids are compared as text: give each death its own id, or say "
        "data.duplicates=first",
        rows(*(f"d{k // 2},AP,{'AB'[k // 2 % 2]},{'YN'[k % 3 // 2]},N" for k in range(40))),
    ),
    File(
        "twice",
        "the same answers under other ids",
        "deaths have the same cells as another in every column but the id and the site (lines ",
        rows(
            *(
                ",".join([f"d{k}", "AP", "AB"[k // 2 % 2], *("NY"[int(b)] for b in f"{(k // 2) * 523 % 1024:010b}")])
                for k in range(80)
            ),
            header="id,site,cause," + ",".join(f"s{j}" for j in range(10)),
        ),
    ),
    File(
        "twice",
        "the same deaths under other ids and another site",
        "40 deaths have the same cells as another in every column but the id and the site (lines 3, 5, 7, 9, 11, ...)",
        rows(
            *(
                ",".join(
                    [f"d{k}", "AU"[k % 2], "AB"[k // 2 % 2], *("NY"[int(b)] for b in f"{k // 2 * 523 % 1024:010b}")]
                )
                for k in range(80)
            ),
            header="id,site,cause," + ",".join(f"s{j}" for j in range(10)),
        ),
    ),
    File(
        "encoding",
        "UTF-8 that was read as cp1252 and saved again",
        "column 'site' holds 'CÃ³rdoba': 'Córdoba' in UTF-8, which was read in another encoding and saved again; "
        "correct such text with data.fix_encoding=true",
        rows("d1,CÃ³rdoba,A,Y,N", "d2,Córdoba,B,N,Y", "d3,Rosario,A,N,Y"),
    ),
    File(
        "encoding",
        "the same in a header",
        "the header holds 'fiÃ¨vre': 'fièvre' in UTF-8",
        rows("d1,AP,A,Y,N", "d2,UP,B,N,Y", header="id,site,cause,fiÃ¨vre,toux"),
    ),
    File(
        "encoding",
        "UTF-8 read as latin-1",
        "column 'site' holds 'CÃ³rdoba': the file is UTF-8, in which it reads 'Córdoba'; set `encoding: utf-8-sig`",
        rows("d1,Córdoba,A,Y,N", "d2,Rosario,B,N,Y"),
        {"encoding": "latin-1"},
    ),
    File(
        "range",
        "999 far from all other numbers",
        "column 'weight': 999 (3 times) stands far from all other numbers: does it mean not known? Say "
        "'data.missing_numbers=[999]', or data.missing_numbers=[] if it is a number",
        rows(
            *(f"d{k},AP,{'AB'[k % 2]},{'YN'[k % 3 % 2]},{w}" for k, w in enumerate([52, 60, 71, 999, 999, 999])),
            header="id,site,cause,s1,weight",
        ),
        {"covariates": {"weight": None}},
    ),
    File(
        "person",
        "a unit behind a unit that is no part of it",
        "column 'age' (data.age): '1y 18m' is no age; expected a number, alone or with a unit",
        rows("d1,AP,A,Y,45y 3m", "d2,UP,B,N,1y 18m", header="id,site,cause,s1,age"),
        {"age": "age"},
    ),
    File(
        "person",
        "999 for an age",
        "column 'age' (data.age): 999 is older than 130 years (1 rows); if it stands for an unknown age, say "
        "'data.age_missing=[999]'",
        rows("d1,AP,A,Y,43", "d2,UP,B,N,999", header="id,site,cause,s1,age"),
        {"age": "age"},
    ),
    File(
        "person",
        "words for an age",
        "column 'age' (data.age): 'old' is no age; expected a number, alone or with a unit",
        rows("d1,AP,A,Y,43 years", "d2,UP,B,N,old", header="id,site,cause,s1,age"),
        {"age": "age"},
    ),
    *(
        File(
            "person",
            what,
            message,
            rows(*lines, header=f"id,site,cause,s1,{column}"),
            {"age" if column != "sex" else "sex": column},
        )
        for what, column, message, lines in (
            (
                "a sign for thousands in days",
                "age_days",
                "in '21.915', '1.825' days, is the point a sign for thousands?",
                ["d1,AP,A,Y,21.915", "d2,UP,B,N,1.825"],
            ),
            (
                "ages in months that are called years",
                "age",
                "516, 612, 840 are older than 130 years (3 rows): are they in another unit, or days since 1900",
                ["d1,AP,A,Y,516", "d2,UP,B,N,612", "d3,UP,B,N,840"],
            ),
            (
                "a heap at 99 years",
                "age",
                "5 deaths at 99 years, 0 or fewer at each of 95 to 98: does 99 stand for an unknown age? Say",
                [f"d{k},AP,{'AB'[k % 2]},Y,{99 if k < 5 else 40 + k}" for k in range(12)],
            ),
            (
                "an age below a limit",
                "age",
                "'<1' is no age; expected a number, alone or with a unit",
                ["d1,AP,A,Y,<1", "d2,UP,B,N,3 mo"],
            ),
            (
                "H and M for the sex",
                "sex",
                '\'data.sex_codes=["H", "M"]\' if \'H\' is female, \'data.sex_codes=["M", "H"]\' if it is male',
                ["d1,AP,A,Y,H", "d2,UP,B,N,M"],
            ),
        )
    ),
    File(
        "person",
        "an age that is left out too",
        "column 'age' is in data.exclude, but named as the age, the sex or a covariate too",
        rows("d1,AP,A,Y,43", header="id,site,cause,s1,age"),
        {"age": "age", "exclude": ["age"]},
    ),
    File(
        "person",
        "unknown unit of age",
        "data.age_unit is 'moths'; expected years, months, weeks, days, hours, or a column",
        rows("d1,AP,A,Y,43", header="id,site,cause,s1,age"),
        {"age": "age", "age_unit": "moths"},
    ),
    File(
        "person",
        "sex in codes",
        "cells '1', '2' are neither female nor male; say which is which with 'data.sex_codes=[FEMALE, MALE]'",
        rows("d1,AP,A,Y,1", "d2,UP,B,N,2", header="id,site,cause,s1,sex"),
        {"sex": "sex"},
    ),
    *(
        File(
            "label",
            what,
            message,
            rows(*(f"d{k},{site},{cause},{'YN'[k % 2]},N" for k, (site, cause) in enumerate(names))),
        )
        for what, message, names in (
            (
                "a name with and without an accent",
                "site 'Pémba' (line 3) differs from another name only in accents, spaces or signs: is it 'Pemba'?",
                (("Pemba", "A"), ("Pémba", "B"), ("Pemba", "B")),
            ),
            (
                "a code before a name",
                "cause 'I64 - Stroke' (line 3) differs from another name only in a code: is it 'Stroke'?",
                (("AP", "Stroke"), ("AP", "I64 - Stroke"), ("AP", "Falls")),
            ),
            (
                "two names in a cell",
                "cause 'Stroke; Falls' (line 4) holds several names: is it 'Stroke'?",
                (("AP", "Stroke"), ("AP", "Falls"), ("AP", "Stroke; Falls")),
            ),
            (
                "a rare name with a letter too much",
                "cause 'Strokes' (line 23) occurs once and differs from another name in one letter: is it 'Stroke'?",
                (*(("AP", ("Stroke", "Falls")[k > 20]) for k in range(21)), ("AP", "Strokes"), ("AP", "Falls")),
            ),
            (
                "a number among names",
                "site '1' is a number, the others are names: which name does it stand for?",
                (("AP", "A"), ("UP", "B"), ("1", "B")),
            ),
            (
                "a mark behind every name",
                "cause 'A*' (line 2) ends with the mark of a footnote: is it 'A'?",
                (("AP", "A*"), ("AP", "B*")),
            ),
            (
                "a free text for the cause",
                "column 'cause' has 24 different causes at 24 deaths, such as 'text 0': a free text? Name the column",
                tuple(("AP", f"text {k}") for k in range(24)),
            ),
        )
    ),
    File(
        "label",
        "a site called nan",
        "1 row without a site (line 3; found 'nan'): say where they belong with",
        rows("d1,AP,A,Y,N", "d2,nan,B,N,Y"),
    ),
    File(
        "label",
        "causes that stand for not known",
        "3 rows without a cause (lines 2, 3, 4; found '-', '99', 'Unknown'): drop with `drop_unlabelled: true`",
        rows("d1,AP,-,Y,N", "d2,AP,99,N,Y", "d3,UP,Unknown,Y,N", "d4,UP,B,N,Y"),
    ),
]


PATHS: list[Place] = [
    Place("path", "no path", "data=csv needs a file: set data.path", lambda folder: None),
    Place("path", "no such file", "no such file; did you mean 'study.csv'?", lambda folder: folder / "stduy.csv"),
    Place("path", "no such folder", "does not exist", lambda folder: folder / "x" / "a.csv"),
    Place("path", "folder", "is a folder, not a regular file", lambda folder: folder),
    Place("path", "device", "is a pipe, socket or device, not a regular file", lambda folder: "/dev/zero"),
    Place("path", "file of the kernel", "is a file of the kernel, not a table", lambda folder: "/proc/self/status"),
    Place("path", "pipe", "is a pipe, socket or device, not a regular file", lambda folder: _pipe(folder)),
    Place("path", "address", "is an address, not a file; download it", lambda folder: "https://example.org/a.csv"),
    Place("path", "file address", "is an address, not a file", lambda folder: "file:///etc/hosts"),
    Place("path", "NUL in the path", "a path cannot hold a NUL character", lambda folder: "a\x00b.csv"),
    Place("path", "file as folder", "cannot be opened: Not a directory", lambda folder: folder / "study.csv" / "a.csv"),
    Place("path", "name of 300 letters", "cannot be opened: File name too long", lambda folder: folder / ("x" * 300)),
]


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


WARDS = "id,site,cause,s1,ward"
"""Columns of a table with a column of text."""

NOTES: list[File] = [
    *(
        File(
            "strata",
            what,
            message,
            rows(*(f"d{k},AP,{'AB'[k // 3 % 2]},{'YN'[k % 3 // 2]},{cells[k % 3]}" for k in range(12)), header=WARDS),
            {"id": "id", "duplicates": "keep", "strata_columns": ["ward"]},
        )
        for what, message, cells in (
            ("empty cells", "cells are empty or say that it is not known; the stratum is 'not known'", ("N", "S", "")),
            ("values in two cases", "values differ only in capital letters and are strata", ("Nord", "NORD", "Sud")),
        )
    ),
    File(
        "header",
        "an index column named by pandas",
        "column 1 has no name and numbers the rows (an index written by pandas or R)",
        rows("0,d1,AP,A,Y,N", "1,d2,UP,B,N,Y", header="Unnamed: 0,id,site,cause,s1,s2"),
        {},
    ),
    *(
        File("no_death", what, message, rows(*lines, *STUDY, header=header), {"duplicates": "keep"})
        for what, message, header, lines in (
            ("labels below the header", "row 2 holds labels of the columns ('Number', 'Place', ...)", MANY, [LABELS]),
            ("labels above the header", "row 1 holds labels ('Number', 'Place', ...), row 2 names", LABELS, [MANY]),
            (
                "groups above the header",
                "row 1 names groups of columns ('Person', 'Signs')",
                "Person,,,Signs,,,",
                [MANY],
            ),
            ("a title of two rows", "row 2 is a title ('Draft'), not the names of columns", "Study", ["Draft", MANY]),
        )
    ),
    File(
        "constant",
        "a symptom without any answer",
        "symptoms have no answer at any death",
        rows("d1,AP,A,Y,.", "d2,UP,B,N,."),
        {},
    ),
    File(
        "constant",
        "a symptom that is the same everywhere",
        "symptoms have the same answer at every death that has one",
        rows("d1,AP,A,Y,Y", "d2,UP,B,N,Y"),
        {},
    ),
    File(
        "constant",
        "a death without any answer",
        "deaths have no answer at all; they stay in the data",
        rows("d1,AP,A,Y,N", "d2,UP,B,.,."),
        {},
    ),
    File(
        "rare",
        "a cause with one death",
        "causes have only one death",
        rows("d1,AP,A,Y,N", "d2,UP,B,N,Y", "d3,UP,B,Y,Y"),
        {},
    ),
    File(
        "ids",
        "001 and 1",
        "ids are equal as numbers (001 and 1) but differ as text",
        rows("001,AP,A,Y,N", "1,UP,B,N,Y"),
        {},
    ),
    File(
        "ids",
        "1e5 and 100000",
        "ids are equal as numbers (001 and 1) but differ as text",
        rows("1e5,AP,A,Y,N", "100000,UP,B,N,Y"),
        {},
    ),
    File("na", "a site called NA", "", rows("d1,NA,A,Y,N", "d2,UP,B,N,Y"), {}),
    File("encoding", "byte-order mark and CRLF", "", b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode(), {}),
    File("formula", "a cause that begins with =", "", rows("d1,AP,=cmd|'/c calc'!A1,Y,N", "d2,UP,B,N,Y"), {}),
]
"""Tables that are read; the message is a note in the ledger, where there is one."""
