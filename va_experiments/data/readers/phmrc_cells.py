"""Bring the cells of a PHMRC table to the form of the published file: blanks, labels with codes, decimal commas.

In: coded columns as programs write them. Out: the same columns with the cells of the published file, so that a table
that went through R, a statistics program or a spreadsheet is the same data set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from va_experiments.data.answer_words import without_code
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.double_encoding import corrected

__all__ = ["as_published"]

_BLANK = frozenset({"na", "n/a", "nan", "null", "none", "<na>", ".", "#n/a", "#null!"})
"""What programs write for an empty cell; the published files have no such cell."""

_LONGEST = max(map(len, _BLANK))
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")


def as_published(table: Mapping[str, CodedColumn], separator: str) -> dict[str, CodedColumn]:
    """Return the columns with the cells of the published file.

    Parameters
    ----------
    table : mapping of str to CodedColumn
    separator : str
        Of the columns; in a file with semicolons, ``0,5`` is one half.
    """
    return {
        name: CodedColumn(column.codes, [_cell(v, separator) for v in column.values]) for name, column in table.items()
    }


def _cell(value: str, separator: str) -> str:
    if not value.isascii():
        value = corrected(_as_utf8(value))
    text = value.strip()
    if len(text) <= _LONGEST and text.casefold() in _BLANK:
        return ""
    if text.isalnum() and text.isascii():
        return value
    if separator == ";" and _DECIMAL_COMMA.fullmatch(text):
        return text.replace(",", ".")
    return without_code(value) if text[:1] in "([-0123456789" or text[-1:] in ")]" else value


def _as_utf8(value: str) -> str:
    """Return a cell of UTF-8 that was read as Latin-1, as the published files are, with its own letters."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
