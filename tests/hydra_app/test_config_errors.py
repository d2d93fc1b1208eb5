"""Errors of the configuration: a choice that is there, but is no file, is told as that."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from va_experiments.hydra_app.config_errors import _unknown_choice


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (os.mkfifo, "a pipe, socket or device"),
        (os.mkdir, "a folder"),
        (lambda path: os.symlink("/nowhere.yaml", path), "a link to nothing"),
    ],
)
def test_a_choice_that_is_no_file(make: Callable[[Path], None], what: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "nbc.yaml").write_text("name: nbc\n")
    make(tmp_path / "model" / "mine.yaml")
    text = _unknown_choice("model/mine", [tmp_path])
    assert text.startswith("model=mine: ")
    assert text.endswith(f"mine.yaml' is {what}; expected a file of YAML")
    assert _unknown_choice("model/nbd", [tmp_path]).endswith("did you mean 'nbc'?")
