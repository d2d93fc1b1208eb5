"""The architecture page names modules that exist, and every folder of the package."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

PACKAGE = ROOT / "va_experiments"
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")


def test_every_module_on_the_page_exists() -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    assert len(named) > 20
    assert not [name for name in sorted(named) if not (PACKAGE / name).is_file()]


def test_every_module_of_the_nouns_exists() -> None:
    rows = re.findall(r"^\| `\w+` \|.*\| `([\w.]+)` \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == 7
    assert not [name for name in rows if not (PACKAGE / f"{name.replace('.', '/')}.py").is_file()]


def test_every_folder_and_module_of_the_package_is_on_the_page() -> None:
    folders = {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").is_file() and p.name != "hydra_plugins"}
    modules = {p.name for p in PACKAGE.glob("*.py") if p.name != "__init__.py"}
    assert not [name for name in sorted(folders) if f"`{name}/`" not in PAGE]
    assert not [name for name in sorted(modules) if f"`{name}`" not in PAGE]


def test_the_walks_have_at_most_eight_hops() -> None:
    walks = re.findall(r"(?:^\d\. .*\n(?:   .*\n)*)+", PAGE, flags=re.MULTILINE)
    assert [len(re.findall(r"^\d\. ", walk, flags=re.MULTILINE)) for walk in walks] == [7, 8, 8]
