"""Charts are held against Vega-Lite's schema in these tests."""

from __future__ import annotations

import pytest

from va_experiments.report import build


@pytest.fixture(autouse=True)
def validated_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "VALIDATE", True)
