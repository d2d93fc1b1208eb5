"""Name files that are no text tables by their first bytes, each with what to do about it."""

from __future__ import annotations

__all__ = ["kind_of_file"]

_UNPACK = "unpack it and give the table, or pack it with gzip or zip"
_SAVE = "save the table as CSV, Excel (.xlsx), Stata, SPSS or Parquet"
_R = "save the table in R with write.csv(TABLE, 'deaths.csv', row.names = FALSE)"
_PANDAS = "save the table with pandas: TABLE.to_csv('deaths.csv', index=False)"

_STATA = "is a table of Stata; give the file unpacked, with the ending .dta"

_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "is a PDF document, not a text table"),
    (
        b"\xd0\xcf\x11\xe0",
        "is an old Excel workbook (save it as CSV), not a text table; so is a new one that is protected by a password",
    ),
    (b"\x7fELF", "is a program, not a text table"),
    (b"\x89PNG", "is an image, not a text table"),
    (b"\xff\xd8\xff", "is an image, not a text table"),
    (b"{\\rtf", f"is a text document (RTF), not a text table; {_SAVE}"),
    (b"BZh", f"is packed with bzip2; {_UNPACK}"),
    (b"\xfd7zXZ", f"is packed with xz; {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"is packed with zstd; {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"is a 7-Zip archive; {_UNPACK}"),
    (b"Rar!", f"is a RAR archive; {_UNPACK}"),
    (b"RDX", f"is a file of R; {_R}"),
    (b"RDA", f"is a file of R; {_R}"),
    (b"X\n\x00\x00\x00", f"is a file of R; {_R}"),
    (b"ARROW1", f"is a file of Arrow (Feather); {_PANDAS}"),
    (b"\x89HDF", f"is a file of HDF5; {_PANDAS}"),
    (b"\x93NUMPY", f"is an array of NumPy; {_PANDAS}"),
    (b"\x80\x03", f"is a pickle, which is never opened here; {_PANDAS}"),
    (b"\x80\x04", f"is a pickle, which is never opened here; {_PANDAS}"),
    (b"\x80\x05", f"is a pickle, which is never opened here; {_PANDAS}"),
    (b"SQLite format 3", "is a database of SQLite; export the table of the deaths as CSV"),
    (b"HEADER RECORD*******L", f"is a transport file of SAS; {_SAVE}"),
    (b"\x00" * 12 + b"\xc2\xea\x81\x60", f"is a table of SAS; {_SAVE}"),
    (b"version https://git-lfs", "is a pointer of Git LFS, not the table; fetch the table with git lfs pull"),
)
"""First bytes -> what the file is."""

_READ: tuple[tuple[bytes, str], ...] = (
    *(
        (m, _STATA)
        for m in (b"<stata_dta>", b"\x71\x01", b"\x71\x02", b"\x72\x01", b"\x72\x02", b"\x73\x01", b"\x73\x02")
    ),
    (b"$FL2", "is a table of SPSS; give the file unpacked"),
    (b"$FL3", "is a table of SPSS; give the file unpacked"),
    (b"PAR1", "is a table of Parquet; give the file unpacked"),
    (b"PK\x03\x04", "is an archive or workbook within an archive; give the file that is inside"),
    (b"\x1f\x8b", "is an archive within an archive; unpack it once and give what is inside"),
)
"""The same for files that are read only as they are, with their own ending."""

_PAGES = (b"<!doctype html", b"<html", b"<table", b"<head", b"<body")


def kind_of_file(start: bytes, *, unpacked: bool = False) -> str:
    """Return what a file is, as the rest of a sentence with the way out; "" where it may be a text table.

    Parameters
    ----------
    start : bytes
        Its first bytes, 600 or more where it has as many.
    unpacked : bool
        Whether they come from an archive, or from a file without the ending of its kind.
    """
    for prefix, what in (*_KINDS, *(_READ if unpacked else ())):
        if start.startswith(prefix):
            return what
    if start[257:262] == b"ustar":
        return f"is a tar archive; {_UNPACK}"
    if b"ASCII SPSS PORT FILE" in start[:300]:
        return f"is a portable file of SPSS; {_SAVE}"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower()
    if text.startswith(_PAGES):
        return "is a web page (HTML), not a table: the page behind a link, or what a program exports as .xls; " + _SAVE
    if text.startswith(b"<?xml"):
        return f"is XML, not a table; {_SAVE}"
    return ""
