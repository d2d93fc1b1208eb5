"""What builds the report is loaded ahead, and a machine without a part of it is none the worse."""

from __future__ import annotations

import importlib
import sys

import pytest

from va_experiments.report.warm_up import MODULES, warm_up


def test_the_modules_of_a_report_are_loaded() -> None:
    warm_up()
    assert set(MODULES) <= set(sys.modules)


def test_a_failure_is_left_to_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def absent(name: str) -> object:
        if name == "docx":
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    warm_up()
