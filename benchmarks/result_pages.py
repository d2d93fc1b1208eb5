"""Put beside every table of a page of results the command that prints it."""

from __future__ import annotations

import re

__all__ = ["COMMAND", "commands_of_tables", "with_commands"]

COMMAND = re.compile(r"`((?:python -m|va-experiments)\s[^`]+)`")
"""A command in the text of a page."""


def commands_of_tables(page: str) -> list[tuple[str, list[str]]]:
    """Return the first row of each table of a page, with the commands that stand in the text above it.

    The text above a table begins where the table before it ends.
    """
    tables, above, lines = [], "", [*page.splitlines(), ""]
    for before, line in zip(["", *lines], lines, strict=False):
        if not line.startswith("|"):
            above += f"\n{line}"
        elif not before.startswith("|"):
            tables.append((line, [" ".join(command.split()) for command in COMMAND.findall(above)]))
            above = ""
    return tables


def with_commands(page: str, command: str) -> str:
    """Return a page with a sentence that names the command above every table that has none above it."""
    lines: list[str] = []
    above = ""
    for line in page.splitlines():
        if not line.startswith("|"):
            above += f"\n{line}"
        elif above:
            lines += [] if COMMAND.search(above) else [f"Printed by `{command}`.", ""]
            above = ""
        lines.append(line)
    return "\n".join(lines) + "\n"
