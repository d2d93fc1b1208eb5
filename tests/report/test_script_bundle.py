"""The page's script is bundled once and kept, but only a whole file that nobody else could have written is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from va_experiments.report import script_bundle as module
from va_experiments.report.script_bundle import script_bundle


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often the script is bundled; stand in for it by a short text."""
    calls: list[int] = []
    monkeypatch.setattr(module, "_bundled", lambda: calls.append(1) or "(function(){})();")
    return calls


def fresh(cache: Path) -> str:
    script_bundle.cache_clear()
    return script_bundle(cache)


def test_the_script_is_kept_between_runs(tmp_path: Path, bundled: list[int]) -> None:
    cache = tmp_path / "cache"
    assert fresh(cache) == fresh(cache) == "(function(){})();"
    assert len(bundled) == 1
    assert cache.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", ["edited", "open folder", "link"])
def test_a_script_that_others_could_have_written_is_not_used(tmp_path: Path, bundled: list[int], damage: str) -> None:
    cache = tmp_path / "cache"
    fresh(cache)
    (path,) = cache.glob("vega-*.js")
    if damage == "edited":
        path.write_text(path.read_text() + "alert(1)")
    elif damage == "open folder":
        cache.chmod(0o777)
    else:
        path.rename(tmp_path / "elsewhere.js")
        path.symlink_to(tmp_path / "elsewhere.js")
    assert fresh(cache) == "(function(){})();"
    assert len(bundled) == 2
