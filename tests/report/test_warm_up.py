"""What draws charts is loaded ahead, and a machine without it is none the worse."""

from __future__ import annotations

import sys

import pytest

from va_experiments.report.warm_up import warm_up


def test_altair_is_loaded_and_a_chart_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    import vl_convert

    charts = []
    render = vl_convert.vegalite_to_svg
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", lambda *a, **k: charts.append(render(*a, **k)))
    warm_up()
    assert "altair" in sys.modules
    assert charts[0].startswith("<svg")


def test_a_failure_is_left_to_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    warm_up()
