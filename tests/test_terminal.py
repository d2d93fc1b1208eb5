"""Text for terminals: tables with wide characters, colours only where they are asked for, escaped texts of others."""

from __future__ import annotations

import io

import pytest

from va_experiments.terminal import cell_len, cut_text, is_terminal, say, text_table

ROWS = [["1", "nbc", ".710", "[.6, .8]"], ["", "a name of many words", "-", ""]]


def test_a_table_of_text() -> None:
    assert text_table(["#", "model", "mean", "95%"], ROWS, left=(1, 3), gap=1, rule=True) == [
        "# model                mean 95%",
        "------------------------------------",
        "1 nbc                  .710 [.6, .8]",
        "  a name of many words    -",
    ]


def test_wide_characters_take_two_columns() -> None:
    lines = text_table(["site", "n"], [["北京", "1"], ["Dar", "22"]])
    assert lines == ["site   n", "北京   1", "Dar   22"]
    assert [cell_len(line) for line in lines] == [8, 8, 8]


def test_a_long_name_is_cut() -> None:
    assert text_table(["site", "n"], [["Dar es Salaam", "1"]], most=(6,)) == ["site    n", "Dar e…  1"]
    assert [cut_text("Dar es Salaam", n) for n in (4, 9, 20)] == ["Dar", "Dar es...", "Dar es Salaam"]


def test_colours_only_where_they_are_asked_for() -> None:
    plain = text_table(["site"], [["Dar"]])
    assert "\x1b" not in "".join(plain)
    assert text_table(["site"], [["Dar"]], style=lambda row: "bold" if row < 0 else "")[0] == "\x1b[1msite\x1b[0m"


@pytest.mark.parametrize(
    "bad", ["\x1b[31mred", "\x9b2J", "a\u202eb", "a\u2066b", "bell\x07", "back\x08", "osc\x1b]0;t\x07"]
)
def test_what_acts_on_a_terminal_is_escaped(bad: str) -> None:
    out = io.StringIO()
    say(bad, file=out)
    assert out.getvalue().rstrip("\n").isprintable()
    assert all(line.isprintable() for line in text_table([bad], [[bad]]))


def test_what_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Window(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    assert is_terminal(Window())
    assert not is_terminal(io.StringIO())
    assert not is_terminal(None)  # type: ignore[arg-type]
    for name, value in (("CI", "true"), ("TERM", "dumb")):
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            assert not is_terminal(Window())
