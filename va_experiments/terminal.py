"""Print text on a terminal: safe text, its width, and tables laid out by rich.

`say` is the only function of the package that prints. Texts of others (names in data, messages of libraries, output of
workers) may hold escape sequences and marks of reading direction, which would act on the reader's terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from va_experiments.errors import printable
from va_experiments.redaction import redacted

__all__ = [
    "cell_len",
    "cut_text",
    "fitted_widths",
    "is_terminal",
    "say",
    "say_json",
    "terminal_width",
    "text_table",
    "window_width",
]


def say(text: str = "", *, file: TextIO | None = None, flush: bool = False, safe: bool = False) -> None:
    """Print `text` without secrets, and with every character escaped that would act on a terminal.

    Parameters
    ----------
    text : str
    file : text stream, optional
        Default: standard output.
    flush : bool
    safe : bool
        Whether the text was made by `text_table` and may hold colours; it is printed as it is.
    """
    text = redacted(text)
    print(text if safe else printable(text), file=sys.stdout if file is None else file, flush=flush)


def say_json(data: Any, *, indent: int | None = None, flush: bool = False) -> None:
    """Print plain data as JSON in ASCII, so that nothing in it acts on a terminal and every program reads it."""
    text = json.dumps(data, indent=indent, default=str).replace("\x7f", "\\u007f")  # the one that JSON leaves as it is
    say(text, flush=flush, safe=True)


def terminal_width(default: int = 100) -> int:
    """Return the width of the window in characters; `default` where there is no window."""
    return shutil.get_terminal_size((default, 24)).columns


def window_width() -> int | None:
    """Return the width of the window that standard output is shown in; None where it goes to a file or a program."""
    return terminal_width() if is_terminal(sys.stdout) or os.environ.get("COLUMNS", "").isdecimal() else None


def is_terminal(stream: TextIO) -> bool:
    """Return whether colours and movements of the cursor can be written to `stream`: no pipe, no log, no notebook."""
    try:
        terminal = stream.isatty()
    except (AttributeError, ValueError):  # closed, or replaced by something that is no file
        return False
    return (
        terminal
        and os.environ.get("TERM", "") not in ("", "dumb")
        and os.environ.get("CI", "").lower() in ("", "0", "false")
    )


def text_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[int] = (0,),
    most: Sequence[int | None] = (),
    gap: int = 2,
    rule: bool = False,
    style: Callable[[int], str] | None = None,
) -> list[str]:
    """Lay out a table as lines of text; wide characters (Chinese, emoji) count as two.

    Parameters
    ----------
    head : sequence of str
        Headings; empty for a table without them.
    rows : sequence of sequence of str
        One text for each column.
    left : sequence of int
        Columns that are set left; the others are set right.
    most : sequence of int or None
        Characters of each column at most; a longer text is cut and ends in ``…``.
    gap : int
        Spaces between two columns.
    rule : bool
        Whether a line stands under the headings.
    style : callable, optional
        From the number of a row to its rich style (``bold``, ``dim``); -1 is the line of headings. Without it, no
        escape sequence is in the text.
    """
    import io

    from rich.box import Box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows and not head:
        return []
    line = Box(
        "    \n    \n -- \n    \n    \n    \n    \n    \n" if rule else "\n".join(["    "] * 8) + "\n", ascii=True
    )
    table = Table(
        box=line if rule else None,
        show_edge=False,
        pad_edge=False,
        show_header=bool(head),
        padding=(0, gap if not rule else max(gap - 1, 0), 0, 0),
        header_style=style(-1) if style else "",
    )
    for number in range(len(head or rows[0])):
        table.add_column(
            Text(_one_line(head[number])) if head else "",
            justify="left" if number in left else "right",
            no_wrap=True,
            overflow="ellipsis",
            max_width=most[number] if number < len(most) else None,
        )
    for number, row in enumerate(rows):
        table.add_row(*(Text(_one_line(text)) for text in row), style=style(number) if style else "")
    console = Console(
        file=io.StringIO(),
        width=10_000,
        force_terminal=style is not None,
        color_system="standard" if style else None,
        force_jupyter=False,
        force_interactive=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(table)
    return [text.rstrip() for text in captured.get().splitlines()]


def fitted_widths(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    columns: Sequence[int],
    gap: int = 2,
    least: int = 6,
) -> list[int | None] | None:
    """Return how wide each column of a table may be, so that its lines fit into `width`.

    Parameters
    ----------
    head, rows : as for `text_table`
    width : int
    columns : sequence of int
        Columns that may be cut; of these the widest are cut first.
    gap : int
    least : int
        A column is cut to no fewer characters.

    Returns
    -------
    list of int or None
        For `text_table`; None if the lines cannot fit.
    """
    widths = [max(map(cell_len, column)) for column in zip(head, *rows, strict=True)]
    while sum(widths) + gap * (len(widths) - 1) > width:
        widest = max(columns, key=lambda c: widths[c])
        if widths[widest] <= least:
            return None
        widths[widest] -= 1
    return [widths[c] if c in columns else None for c in range(len(widths))]


def cell_len(text: str) -> int:
    """Return how many columns of a terminal `text` takes: two for a wide character."""
    from rich.cells import cell_len as columns_of

    return len(text) if text.isascii() else columns_of(text)


def cut_text(text: str, width: int) -> str:
    """Cut `text` to `width` columns; where there is room for it, three dots say that it was cut."""
    from rich.cells import set_cell_size

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width).rstrip() if width < 8 else set_cell_size(text, width - 3).rstrip() + "..."


def _one_line(text: str) -> str:
    return printable(" ".join(str(text).split()) if "\n" in str(text) else str(text))
