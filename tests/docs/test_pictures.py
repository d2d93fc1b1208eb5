"""The pictures of pages and terminals: each is shown with words for those who cannot see it, and all are small."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOST_BYTES = 2_500_000


def test_every_picture_is_shown_and_described() -> None:
    shown = {}
    for page in DOCS.rglob("*.md"):
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]*\.png)\)", page.read_text(encoding="utf-8")):
            shown[(page.parent / target).resolve()] = words
    pictures = set((DOCS / "images").glob("*.png"))
    assert set(shown) == pictures
    assert [path.name for path, words in shown.items() if len(words) < 25] == []


def test_the_pictures_that_the_command_takes_are_there() -> None:
    command = (DOCS / "screenshots.py").read_text(encoding="utf-8")
    names = re.findall(r'camera\.(?:page|terminal)\("([^"]+)"', command)
    assert len(names) >= 11
    assert [name for name in names if not (DOCS / "images" / f"{name}.png").is_file()] == []


def test_all_pictures_together_are_small() -> None:
    assert sum(path.stat().st_size for path in (DOCS / "images").glob("*.png")) < MOST_BYTES
