"""The page's script is the one that vl-convert bundles, and cannot end the element that holds it."""

from __future__ import annotations

import pytest

from va_experiments.report.script_bundle import bundled, bundler, script_bundle


@pytest.mark.slow
def test_the_shipped_script_is_what_the_locked_library_bundles() -> None:
    text = script_bundle()
    if not text.startswith(f"/* {bundler()} */"):
        pytest.skip(f"another version than {bundler()} bundled it: python -m va_experiments.report.script_bundle")
    assert text == bundled()


def test_the_script_cannot_end_its_element() -> None:
    assert "</script" not in script_bundle()
    assert "window.vegaEmbed" in script_bundle()
