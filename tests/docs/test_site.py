"""The site builds without a warning, and its pages load nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.chromium import CHROMIUM, MISSING, chromium

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("material") is None,
        reason="needs MkDocs Material: pip install 'va-experiments[docs]'",
    ),
]


def pages_of(entry: object) -> list[str]:
    """The pages that a part of the navigation names."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in pages_of(part)]  # type: ignore[attr-defined]


def named() -> list[str]:
    """Every page of the navigation."""
    return pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    if absent := [page for page in named() if not (ROOT / "docs" / page).is_file()]:
        pytest.fail(f"write the pages that mkdocs.yml names: {', '.join(absent)}")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_navigation_names_every_page_once():
    nav = named()
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    assert len(nav) == len(set(nav))
    assert pages <= set(nav)
    if absent := set(nav) - pages:
        pytest.fail(f"write the pages that mkdocs.yml names: {', '.join(sorted(absent))}")


def test_pages_load_nothing_from_elsewhere(site: Path):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    loading = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?(https?:)?//[^\s\">]+")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loads = [m.group(0) for m in loading.finditer(text) if 'rel="canonical"' not in m.group(0)]
        assert not loads, f"{page.relative_to(site)}: {loads}"


def test_the_diagrams_are_in_the_page(site: Path):
    text = (site / "explanation" / "architecture.html").read_text(encoding="utf-8")
    assert text.count('class="va-diagram"') == 2
    assert "models · metrics · protocols" in text


def test_pages_name_no_path_of_the_machine_that_built_them(site: Path):
    for page in site.rglob("*.html"):
        assert str(ROOT) not in page.read_text(encoding="utf-8"), page.name


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_the_copy_button_copies_commands_without_their_prompts(site: Path, tmp_path: Path):
    with chromium(tmp_path / "profile") as page:
        page.go((site / "install.html").as_uri())
        page.until("document.querySelectorAll('.highlight .gp').length > 0")
        copied = page.say(
            """Array.from(document.querySelectorAll('.highlight code')).filter(e => e.querySelector('.gp')).map(e => {
              e.setAttribute('data-md-copying', ''); const text = e.innerText; e.removeAttribute('data-md-copying');
              return text; })"""
        )
    assert copied
    assert all("$ " not in text for text in copied), copied


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
@pytest.mark.parametrize(
    ("width", "words", "first"),
    [
        (1280, "unlabelled deaths", "assign-causes.html"),
        (1280, "CrossVA", "odk.html"),
        (400, "ODK", "odk.html"),
    ],
)
def test_the_search_finds_words_in_pages_that_are_opened_as_files(
    width: int, words: str, first: str, site: Path, tmp_path: Path
):
    box = "document.querySelector('input.md-search__input')"
    links = "document.querySelectorAll('.md-search-result__link')"
    with chromium(tmp_path / "profile") as page:
        page.size(width, 800)
        page.go((site / "tutorials" / "first-run.html").as_uri())
        if width < 960:
            page.click("document.querySelector('label.md-header__button[for=__search]')")
        page.write(box, words)
        page.say(f"{box}.dispatchEvent(new Event('keyup'))")
        page.until(f"{links}.length > 0")
        assert page.say(f"{links}[0].pathname.split('/').pop()") == first
        assert page.faults == []
