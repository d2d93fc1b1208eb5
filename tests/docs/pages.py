"""The pages of the documentation as what they ask a reader to do: save files, give commands, run Python.

A fenced block with ``title="path"`` is a file to be saved; a ``console`` block holds commands after ``$``; a ``python``
block without a title is run. An HTML comment above a block says what is special about it: ``<!-- not run: reason -->``,
``<!-- fails: 2 -->`` (the exit code), ``<!-- needs: VARIABLE -->`` (of the environment).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(
    r"^(?P<indent>[ ]*)```(?P<language>[a-z]+)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n"
    r"(?P<body>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_REMARK = re.compile(r"<!--\s*(not run|fails|needs):\s*(.*?)\s*-->\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One thing to do, in the order of the page."""

    kind: str
    """``file``, ``command`` or ``python``."""
    text: str
    title: str = ""
    """Of a file: its path."""
    remark: str = ""
    """``not run``, ``fails``, ``needs`` or nothing."""
    value: str = ""
    """What stands after the remark's colon."""


def page_paths() -> list[Path]:
    """Every page: the README, CONTRIBUTING and all of ``docs/``."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def steps(text: str) -> Iterator[Step]:
    """Yield the steps of a page."""
    end = 0
    for block in _BLOCK.finditer(text):
        match = _REMARK.search(text[end : block.start()])
        end = block.end()
        remark, value = match.groups() if match else ("", "")
        indent = block["indent"]
        body = "\n".join(line.removeprefix(indent) for line in block["body"].splitlines()) + "\n"
        if block["title"]:
            yield Step("file", body, block["title"], remark, value)
        elif block["language"] == "console":
            for line in re.sub(r"\\\n", " ", body).splitlines():
                if line.startswith("$ "):
                    yield Step("command", line.removeprefix("$ ").strip(), "", remark, value)
        elif block["language"] == "python":
            yield Step("python", body, "", remark, value)
