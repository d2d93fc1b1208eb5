r"""Make text safe to show: no control characters, no marks that change the reading direction, nothing XML forbids.

A NUL in an axis label ends the whole process inside the SVG renderer, and an escape sequence in a model's name would
command the reader's terminal. Such characters are shown escaped (``\x1b``).
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

__all__ = ["as_objects", "plain", "plain_columns", "plain_tree"]

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufffe\uffff]"
)


def plain(text: str) -> str:
    """Return `text` with every character that cannot be seen escaped; tabs and line ends stay."""
    return _HIDDEN.sub(_escaped, text)


def plain_columns(table: pd.DataFrame, columns: list[str], *, one_line: bool = True) -> pd.DataFrame:
    """Return the table with these text columns plain; with `one_line`, white space in them becomes single spaces."""
    out = table.copy()
    for column in columns:
        if column in out.columns:
            seen = {v: plain(v) for v in out[column].dropna().unique() if isinstance(v, str)}
            if one_line:
                seen = {v: " ".join(shown.split()) for v, shown in seen.items()}
            if any(v != shown for v, shown in seen.items()):
                out[column] = [seen.get(v, v) if isinstance(v, str) else v for v in out[column]]
    return out


def as_objects(values: pd.Series) -> list[Any]:
    """Return the values of a column as Python has them; of text this is faster than going through the column."""
    return list(values.to_numpy(dtype=object) if isinstance(values.dtype, pd.StringDtype) else values)


def plain_tree(value: Any) -> Any:
    """Return plain data (mappings, lists, scalars) with all its text plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {k: plain_tree(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain_tree(v) for v in value]
    return value


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
