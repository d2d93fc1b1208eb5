"""Check a user-supplied text table and describe it: separator, encoding, header, size, SHA-256.

In: a path. Out: a :class:`TextSource`, scanned once from end to end, whose content
:mod:`va_experiments.data.csv_blocks` can parse. Nothing is unpacked to disk or evaluated.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from va_experiments.data.double_encoding import corrected, doubt
from va_experiments.data.encodings import encoding_advice, marked_encoding, wide_encoding
from va_experiments.data.file_kinds import kind_of_file
from va_experiments.data.header_rows import checked_names, find_header, two_rows_of_names
from va_experiments.data.safe_open import Limits, open_safely
from va_experiments.errors import InputError, shown, shown_path
from va_experiments.formatting import format_bytes

__all__ = ["AUTO", "SEPARATORS", "Limits", "TextSource", "encoding_by_mark", "encoding_is_doubtful", "open_source"]

AUTO = "auto"
"""Value of an option for a separator that is found out."""

SEPARATORS: dict[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Separators that a table may use."""

_CHUNK = 4 << 20
_LINE = 1 << 16  # characters of a line that the separator is looked for in
_START = 1024  # bytes by which a file is recognised
_SAMPLE = 1000  # rows looked at to tell an index column from one that lacks its name


@dataclass(frozen=True)
class TextSource:
    """A scanned text table.

    Parameters
    ----------
    path : Path
    sep, encoding : str
    header : tuple of str
        Column names as in the file, without a byte-order mark.
    sha256 : str
        Of the expanded bytes.
    n_bytes : int
        Expanded.
    plain_lines : bool
        True if no cell is quoted and no line is blank, so that record k is on line k.
    """

    path: Path
    sep: str
    encoding: str
    header: tuple[str, ...]
    sha256: str
    n_bytes: int
    plain_lines: bool
    limits: Limits
    skipped_lines: int = 0
    """Lines of a title above the header."""
    label_rows: int = 0
    """Rows of labels below the header, which are no deaths."""
    width: int = 0
    """Columns of the file, those without a name among them."""
    notes: tuple[str, ...] = ()
    """What of the file is left out, in sentences."""
    fix_encoding: bool | None = False
    """Whether UTF-8 text that was read in another encoding gets its letters back; None: it is refused."""
    written: Mapping[str, str] = field(default_factory=dict)
    """Column -> its name as it stands in the file, where that was corrected."""
    corrected: dict[str, str] = field(default_factory=dict, compare=False)
    """Cells that were corrected while the table was read -> what they are now."""
    kept: Sequence[int] | None = None
    """Rows of the file that a table without its empty rows has; None: all."""

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """Open the expanded bytes again."""
        with open_safely(self.path, self.limits) as raw:
            for _ in range(self.skipped_lines):
                raw.readline()
            yield raw

    def lines_of(self, records: Sequence[int]) -> list[int]:
        """Find the line of each record (1 = header); rows of labels, quoted line breaks and blank lines are counted."""
        if not records:
            return []
        if self.kept is not None:
            records = [self.kept[r - 2] + 2 if r > 1 else r for r in records]
        records = [r + self.label_rows * (r > 1) for r in records]
        if self.plain_lines:
            return [r + self.skipped_lines for r in records]
        records_left, line_of, number, start = set(records), {}, 0, 1
        with _rows(self.path, self.limits, self.sep, self.encoding, strict=False) as rows, suppress(csv.Error):
            for _ in range(self.skipped_lines):
                next(rows, None)
            start += self.skipped_lines
            for row in rows:
                if row:
                    number += 1
                    if number in records_left:
                        line_of[number] = start
                        if len(line_of) == len(records_left):
                            break
                start = rows.line_num + 1  # type: ignore[attr-defined]
        return [line_of.get(r, r) for r in records]

    def notes_for_ledger(self) -> tuple[str, ...]:
        """Return what is left out and, after reading, what was corrected, in sentences."""
        changed = dict(self.written) | {new: old for old, new in self.corrected.items()}
        if not changed:
            return self.notes
        listed = ", ".join(f"{shown(new)} for {shown(old)}" for new, old in list(changed.items())[:3])
        return (*self.notes, f"letters that a wrong encoding had changed are corrected ({listed})")


def open_source(
    path: str | os.PathLike[str],
    *,
    sep: str = AUTO,
    encoding: str = "utf-8-sig",
    limits: Limits | None = None,
    row_names: str | None = None,
    fix_encoding: bool | None = False,
    one_column: bool = False,
) -> TextSource:
    """Scan a ``.csv``, ``.csv.gz`` or ``.zip`` (one file inside) and return its description.

    Parameters
    ----------
    path : path of a regular file
    sep : one of ``, ; | `` or a tab; ``auto``: the one that gives the header most columns
    encoding : a Python text encoding; UTF-8 is strict, and a byte-order mark is dropped
    limits : Limits, optional
    row_names : str, optional
        Name of a column. Where the file has none of that name, a first column without a name whose cells differ and do
        not count the rows is one of its columns, with the name ``""``: the row names of a matrix that R has written.
    fix_encoding : bool, optional
        Whether UTF-8 text that was read in another encoding (``CÃ³rdoba``) gets its letters back; None: it is refused.

    one_column : bool
        Whether a table may have a single column.

    Raises
    ------
    InputError
        If it is not a regular file, too large, expands too far, is binary, is not in this encoding, has a quote that is
        never closed, or has no usable header.
    """
    limits = limits or Limits()
    if sep not in (AUTO, *SEPARATORS):
        raise InputError(f"sep: {shown(sep)} is not a separator; known: auto, ',', ';', '|', tab ('\\t')")
    try:
        if not codecs.lookup(encoding)._is_text_encoding:
            raise LookupError
    except (LookupError, TypeError, ValueError):
        raise InputError(
            f"encoding: {shown(encoding)} is not known; try utf-8-sig, latin-1, cp1252 or utf-16"
        ) from None
    if "://" in os.fspath(path):  # checked in the text, because a Path merges the slashes
        raise InputError(f"{shown_path(path)} is an address, not a file; download it and give the path")
    file = Path(os.path.expanduser(os.fspath(path)))
    with open_safely(file, limits) as raw:
        sha256, n_bytes, n_quotes, blank = _scan(raw, file, encoding)
    if sep == AUTO:
        sep = _separator(file, limits, encoding)
    if n_quotes % 2:
        _find_open_quote(file, limits, sep, encoding)
    header, width, skipped, labels, notes = _header(file, limits, sep, encoding, row_names, 1 + (not one_column))
    written: dict[str, str] = {}
    if fix_encoding is not False and (changed := {n: new for n in header if (new := corrected(n)) != n}):
        old, new = next(iter(changed.items()))
        if fix_encoding is None:
            utf8 = encoding_is_doubtful(file, limits, encoding)
            raise InputError(f"{shown_path(file)}: the header {doubt(old, new, utf8=utf8, times=len(changed))}")
        if both := [n for n, other in changed.items() if other in header]:
            raise InputError(
                f"{shown_path(file)}: columns {shown(both[0])} and {shown(changed[both[0]])} have one name when their "
                "letters are corrected; rename or remove one of them"
            )
        header, written = tuple(changed.get(n, n) for n in header), {new: old for old, new in changed.items()}
    plain = not (n_quotes or blank)
    return TextSource(
        file, sep, encoding, header, sha256, n_bytes, plain, limits,
        skipped, labels, width, notes, fix_encoding, written,
    )  # fmt: skip


def encoding_is_doubtful(path: Path, limits: Limits, encoding: str) -> bool:
    """Check whether a file that is read in another encoding is UTF-8 throughout."""
    if codecs.lookup(encoding).name.startswith(("utf", "ascii")):
        return False
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_safely(path, limits) as raw:
        try:
            while chunk := raw.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def encoding_by_mark(path: str | os.PathLike[str], otherwise: str) -> str:
    """Return the encoding that the byte-order mark of a file names; `otherwise` where it has none."""
    with open_safely(Path(path), Limits()) as raw:
        return marked_encoding(raw.read(4)) or otherwise


def _separator(path: Path, limits: Limits, encoding: str) -> str:
    """Return the separator that divides the first lines into most columns, the same number in each.

    One that divides the first line in the same way as the others comes before one that does not: commas within numbers
    (``a;0,5;0,25``) are not in the header.
    """
    with open_safely(path, limits) as raw:
        text = _text(raw, encoding)
        lines = [line for line in (text.readline(_LINE) for _ in range(20)) if line.strip()]
    best, most = ",", (False, 1)
    for sep in SEPARATORS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=sep) if row]
        except csv.Error:  # reported where the header is read, with the line
            continue
        width = max(set(widths), key=widths.count, default=1)
        if width > 1 and (widths[0] == width, width) > most:
            best, most = sep, (widths[0] == width, width)
    return best


def _scan(raw: BinaryIO, path: Path, encoding: str) -> tuple[str, int, int, bool]:
    """Read everything once: SHA-256, size, number of quotes, blank lines; refuse what is not text."""
    digest, name = hashlib.sha256(), shown_path(path)
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    wide = not _extends_ascii(encoding)
    n_bytes = n_quotes = n_lines = 0
    blank, tail, first = False, b"", True
    while chunk := raw.read(_CHUNK):
        digest.update(chunk)
        if first and (foreign := kind_of_file(chunk[:_START], unpacked=True)):
            raise InputError(f"{name} {foreign}")
        if first and not wide and (other := wide_encoding(chunk[:_START])):
            raise InputError(f"{name}: looks like {other.upper()}; set `encoding: {other}`")
        if not wide and (nul := chunk.find(b"\x00")) >= 0:
            raise InputError(f"{name}: contains NUL at byte {n_bytes + nul + 1}: not a text file")
        pending = len(decoder.getstate()[0])
        if wide or pending or not chunk.isascii():
            try:
                text = decoder.decode(chunk)
            except UnicodeError as error:
                within = max(getattr(error, "start", 0) - pending, 0)
                at = n_bytes + within
                line = n_lines + chunk[:within].count(b"\n") + 1
                plain = encoding.lower().startswith(("utf-8", "utf8", "ascii"))
                advice = encoding_advice(chunk) if plain else "set `encoding: latin-1`"
                raise InputError(
                    f"{name}: not {encoding.upper().removesuffix('-SIG')} at byte {at + 1} (line {line}); {advice}"
                ) from None
            if wide:
                if "\x00" in text:
                    raise InputError(f"{name}: contains NUL characters: not a text file")
                chunk_bytes = text.encode("utf-8", "replace")
            else:
                chunk_bytes = chunk
        else:
            chunk_bytes = chunk
        n_bytes += len(chunk)
        n_quotes += chunk_bytes.count(b'"')
        n_lines += chunk_bytes.count(b"\n")
        joined = tail + chunk_bytes
        blank = blank or b"\n\n" in joined or b"\n\r\n" in joined or b"\r\r" in joined
        blank = blank or (first and joined.startswith((b"\n", b"\r")))
        tail, first = joined[-2:], False
    if not n_bytes:
        raise InputError(f"{name}: the file is empty")
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise InputError(f"{name}: ends in the middle of a character; set `encoding: cp1252`") from None
    return digest.hexdigest(), n_bytes, n_quotes, blank


def _extends_ascii(encoding: str) -> bool:
    """Check whether bytes below 128 mean the same as in ASCII, so that ASCII chunks need no decoding."""
    plain = bytes(range(32, 127))
    name = codecs.lookup(encoding).name
    return not name.startswith(("utf-7", "hz", "iso2022")) and plain.decode(encoding, "replace") == plain.decode(
        "ascii"
    )


def _text(raw: BinaryIO, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedReader(cast(io.RawIOBase, raw)), encoding=encoding, newline="")


@contextmanager
def _rows(path: Path, limits: Limits, sep: str, encoding: str, *, strict: bool) -> Iterator[Iterator[list[str]]]:
    before = csv.field_size_limit(limits.max_field)
    try:
        with open_safely(path, limits) as raw:
            yield csv.reader(_text(raw, encoding), delimiter=sep, strict=strict)
    finally:
        csv.field_size_limit(before)


def _find_open_quote(path: Path, limits: Limits, sep: str, encoding: str) -> None:
    """Report where a quote is opened and never closed; an odd number of quotes inside unquoted cells is allowed."""
    start = 1
    with _rows(path, limits, sep, encoding, strict=True) as rows:
        try:
            for _ in rows:
                start = rows.line_num + 1  # type: ignore[attr-defined]
        except csv.Error as error:
            if "field larger" in str(error):
                raise InputError(
                    f"{shown_path(path)}: line {start}: quote never closed, or a field > "
                    f"{format_bytes(limits.max_field)}"
                ) from None
            if "unexpected end" in str(error):
                raise InputError(f"{shown_path(path)}: line {start}: quote never closed") from None
            raise InputError(f"{shown_path(path)}: line {start}: stray quote: {error}") from None


def _header(
    path: Path, limits: Limits, sep: str, encoding: str, row_names: str | None, fewest: int
) -> tuple[tuple[str, ...], int, int, int, tuple[str, ...]]:
    """Return the names of the columns, how many there are, lines above, rows of labels below, and what is left out."""
    name = shown_path(path)
    ends: list[int] = []  # line on which each row ends
    sample: list[list[str]] = []
    with _rows(path, limits, sep, encoding, strict=False) as rows:
        try:
            for row in rows:
                if row:
                    sample.append(row)
                    ends.append(rows.line_num)  # type: ignore[attr-defined]
                if len(sample) > _SAMPLE:
                    break
        except csv.Error as error:
            line = ends[-1] + 1 if ends else 1
            raise InputError(
                f"{name}: line {line}: {error}; a field may hold {format_bytes(limits.max_field)}"
            ) from None
    at = find_header(sample)
    if at.above and not _extends_ascii(encoding):
        raise InputError(f"{name}: {at.notes[0]}; remove that row")
    skipped, notes = ends[at.above - 1] if at.above else 0, list(at.notes)
    names, *sample = sample[at.above :] or [[]]
    if sample and (problem := two_rows_of_names(names, sample[0])):
        raise InputError(f"{name}: {problem}")
    sample = sample[at.labels :]
    second = sample[0] if sample else None
    if len(names) > limits.max_columns:
        raise InputError(f"{name}: {len(names)} columns > max_columns {limits.max_columns}")
    if len(names) < fewest:
        only = names[0] if names else ""
        if not only.strip():
            raise InputError(f"{name}: the file is empty but for blanks")
        for other, word in SEPARATORS.items():
            if other != sep and only.count(other) > 0:
                text = "\\t" if other == "\t" else other
                raise InputError(f"{name}: looks like '{text}' ({word}) separates the columns; set `sep: \"{text}\"`")
        if second is not None and 0 <= len(" ".join(second).split()) - len(only.split()) <= 1 < len(only.split()):
            raise InputError(
                f"{name}: the header has only one column: {shown(only)}; blanks seem to separate the columns: save the "
                "table with commas, in R with write.csv(TABLE, 'deaths.csv', row.names = FALSE)"
            )
        raise InputError(f"{name}: the header has only one column: {shown(only)}; separate columns by commas or tabs")
    names, more, problems, named_rows = checked_names(names, sample, name, row_names)
    notes += more
    if second is None:
        problems.append(f"{name}: has a header but no rows")
    if problems:
        raise InputError(problems)
    header = tuple(n for n in names if n.strip())
    return ("", *header) if named_rows else header, len(names), skipped, at.labels, tuple(notes)
