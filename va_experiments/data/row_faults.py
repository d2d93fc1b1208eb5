"""Collect what is wrong with the rows of a text table while its blocks are read, and refuse it after the last one.

In: rows of another width, rows that repeat the header, and cells whose text was read in a wrong encoding before. Out:
one `InputError` with the lines and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from va_experiments.data.double_encoding import doubt
from va_experiments.data.text_source import SEPARATORS, TextSource, encoding_is_doubtful
from va_experiments.errors import MAX_SHOWN, InputError, shown, shown_path

if TYPE_CHECKING:
    from pyarrow import csv as arrow_csv

__all__ = ["RowFaults"]


@dataclass
class RowFaults:
    """Faults of the rows of one table.

    Parameters
    ----------
    n_short_or_long : int
        Rows with fewer or more fields than the header.
    short_or_long : list of (int, int)
        Number and fields of the first of them.
    headers : list of int
        Rows that repeat the names of the columns.
    changed_letters : mapping of str to mapping
        Column -> cell as written -> cell with its letters back.
    """

    n_short_or_long: int = 0
    short_or_long: list[tuple[int, int]] = field(default_factory=list)
    headers: list[int] = field(default_factory=list)
    changed_letters: dict[str, dict[str, str]] = field(default_factory=dict)

    def skip(self, row: arrow_csv.InvalidRow) -> str:
        """Note a row of another width, and let Arrow continue with the next one."""
        self.n_short_or_long += 1
        if len(self.short_or_long) < MAX_SHOWN:
            self.short_or_long.append((row.number, row.actual_columns))
        return "skip"

    def refuse(self, source: TextSource, n_rows: int) -> None:
        """Raise an error about the first kind of fault that was noted, if there is any.

        Parameters
        ----------
        source : TextSource
        n_rows : int
            Rows that were read; with none, another separator may be the cause.
        """
        if self.n_short_or_long:
            raise InputError(self._widths(source, hint="" if n_rows else _separator_hint(source)))
        name = shown_path(source.path)
        if self.headers:
            listed = ", ".join(map(str, source.lines_of([row + 2 for row in self.headers[:5]])))
            several = len(self.headers) > 1
            raise InputError(
                f"{name}: line{'s' if several else ''} {listed}{', ...' if len(self.headers) > 5 else ''} repeat"
                f"{'' if several else 's'} the names of the columns, as in tables that were joined end to end; "
                "remove the repeated headers"
            )
        if self.changed_letters:
            utf8 = encoding_is_doubtful(source.path, source.limits, source.encoding)
            raise InputError(
                [
                    f"{name}: column {shown(column)} "
                    f"{doubt(*next(iter(changed.items())), utf8=utf8, times=len(changed))}"
                    for column, changed in self.changed_letters.items()
                ]
            )

    def _widths(self, source: TextSource, *, hint: str) -> list[str]:
        """List the rows of another width."""
        lines = source.lines_of([number for number, _ in self.short_or_long])
        expected = source.width or len(source.header)
        problems = [
            f"{shown_path(source.path)}: line {line} has {n_fields} fields, header has {expected}{hint}"
            for line, (_, n_fields) in zip(lines, self.short_or_long, strict=True)
        ]
        if self.n_short_or_long == 1 and self.short_or_long[0][1] == 1:
            problems[0] += ": a note below the table? Remove the line"
        return problems + ["(and further rows)"] * (self.n_short_or_long - len(problems))


def _separator_hint(source: TextSource) -> str:
    others = [s for s in SEPARATORS if s != source.sep]
    best = max(others, key=lambda s: sum(s in h for h in source.header))
    return f"; does '{best}' separate the columns? set `sep`" if any(best in h for h in source.header) else ""
