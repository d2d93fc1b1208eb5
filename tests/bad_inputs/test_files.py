"""What a person may give by mistake in a table, and the sentence that leads to the fix."""

from __future__ import annotations

import gzip
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.bad_inputs.files import FILES, GOOD, NOTES, PATHS, File, Place, rows
from va_experiments.commands.data import _parsed
from va_experiments.data.readers.csv import read_csv_deaths
from va_experiments.data.registry import load
from va_experiments.data.text_source import Limits, open_source
from va_experiments.errors import InputError

OPTIONS = {"id": "id"}


def read(path: Path, case: File, options: dict[str, Any] | None = None) -> object:
    """Read a table as its case says, with other options where they are given."""
    if case.reader == "csv":
        return read_csv_deaths(path, **{**OPTIONS, **(options or case.options)})
    return load(case.reader, {"path": str(path), **(options or case.options)})


def problems(path: Path, case: File, options: dict[str, Any]) -> tuple[str, ...]:
    """Return what is said of a table; nothing where it is read."""
    try:
        read(path, case, options)
    except InputError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("case", FILES, ids=lambda c: c.what)
def test_bad_file_is_refused_with_the_way_out(case: File, tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(case.content)
    with pytest.raises(InputError) as caught:
        read(path, case)
    assert any(case.message in p for p in caught.value.problems), caught.value
    assert "Traceback" not in str(caught.value)
    assert all("\x1b" not in p and "\x00" not in p for p in caught.value.problems)
    assert [p.name for p in tmp_path.iterdir()] == ["study.csv"]


def test_the_hint_of_every_table_resolves_what_it_is_about(tmp_path: Path) -> None:
    """Options that a message tells to add are understood, and the message does not come again."""
    path, followed = tmp_path / "study.csv", 0
    for case in FILES:
        path.write_bytes(case.content)
        with pytest.raises(InputError) as caught:
            read(path, case)
        words = [w for w in shlex.split(caught.value.hint) if w.startswith("data.")]
        if not words or any("=COLUMN" in w or '"?"' in w or "UNIT" in w for w in words):
            continue
        followed += 1
        problems_found = problems(path, case, {**case.options, **_parsed(words)})
        assert not any(case.message in p for p in problems_found), (case.what, words, problems_found)
    assert followed >= 5


ADVICE = (
    re.compile(r"'data\.(\w+=[^']*)'"),
    re.compile(r"(?<!')\bdata\.(\w+=[\w\[\]\",.-]*[\w\]])"),
    re.compile(r"`(\w+: [^`]+)`"),
)
"""How a sentence writes an option: as it is typed, with quotes or without, or as a line of YAML."""

PLACEHOLDERS = ("COLUMN", "UNIT", "SITE", "CAUSE", "MALE", "[...]")


def advice_of(problem: str) -> list[str]:
    """Return the options that a sentence tells to give, as KEY=VALUE, without those that leave a choice open."""
    matches = [m for pattern in ADVICE for m in pattern.findall(problem)]
    matches = [m.replace(": ", "=", 1) if re.match(r"\w+: ", m) else m for m in matches]
    return [m for m in dict.fromkeys(matches) if not any(p in m for p in PLACEHOLDERS) and not m.startswith("path=")]


def test_advice_within_sentences_is_found() -> None:
    assert advice_of("say data.blank=absent or data.blank=missing") == ["blank=absent", "blank=missing"]
    text = "leave it out with 'data.exclude=[\"x\"]', drop with `drop_unlabelled: true`, or name data.sites=[...]"
    assert advice_of(text) == ['exclude=["x"]', "drop_unlabelled=true"]


def test_the_advice_within_every_sentence_resolves_what_it_is_about(tmp_path: Path) -> None:
    """Each option that a sentence names, given alone, ends that problem: its sentence does not come again."""
    path, followed = tmp_path / "study.csv", []
    for case in FILES:
        path.write_bytes(case.content)
        with pytest.raises(InputError) as caught:
            read(path, case)
        (sentence, *_) = [p for p in caught.value.problems if case.message in p]
        if "read it with data=" in sentence or "read it as a table" in sentence:
            continue  # another reader: `tests.data.test_cases` follows it
        for option in advice_of(sentence):
            options = _parsed([option])
            if options.items() <= case.options.items():
                continue  # what was given is named, not advised
            problems_found = problems(path, case, {**case.options, **options})
            assert sentence not in problems_found, (case.what, option, problems_found)
            followed.append((case.what, option))
    assert len({what for what, _ in followed}) >= 15, followed


@pytest.mark.parametrize("case", PATHS, ids=lambda c: c.what)
def test_bad_path_is_refused(case: Place, tmp_path: Path) -> None:
    (tmp_path / "study.csv").write_text(GOOD)
    with pytest.raises(InputError) as caught:
        read_csv_deaths(case.make(tmp_path), **OPTIONS)  # type: ignore[arg-type]
    assert case.message in str(caught.value)


@pytest.mark.parametrize("case", NOTES, ids=lambda c: c.what)
def test_unusual_but_readable_input_is_noted(case: File, tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(case.content)
    deaths = read_csv_deaths(path, **{**OPTIONS, **case.options})
    notes = [e.reason for e in deaths.ledger]
    no_deaths = [n for n in notes if n.startswith("row ")]  # beside the header
    assert len(deaths) == case.content.strip().count(b"\n") - len(no_deaths)
    assert any(note.startswith(case.message) for note in [*notes, ""])


def test_a_byte_order_mark_and_other_line_ends_are_the_same_table(tmp_path: Path) -> None:
    (content,) = [c.content for c in NOTES if "byte-order" in c.what]
    (tmp_path / "a.csv").write_bytes(content)
    (tmp_path / "b.csv").write_text(GOOD)
    one, other = (read_csv_deaths(tmp_path / n, **OPTIONS) for n in ("a.csv", "b.csv"))
    assert one.fingerprint == other.fingerprint


def test_names_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    for what, names in (("a site called NA", ("NA", "UP")), ("a cause that begins with =", ("=cmd|'/c calc'!A1", "B"))):
        (case,) = [c for c in NOTES if c.what == what]
        path.write_bytes(case.content)
        deaths = read_csv_deaths(path, **OPTIONS)
        assert names in (deaths.sites, deaths.causes)


def test_a_changed_file_is_another_data_set(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_text(GOOD)
    before = read_csv_deaths(path, **OPTIONS)
    path.write_text(GOOD.replace("d1,AP,A,Y,N", "d1,AP,A,Y,Y"))
    assert read_csv_deaths(path, **OPTIONS).fingerprint != before.fingerprint


@pytest.mark.parametrize(
    ("content", "limits", "message"),
    [
        (GOOD.encode(), Limits(max_bytes=10), r"44 B > max_bytes 10 B"),
        (
            gzip.compress(GOOD.encode() * 100, mtime=0),
            Limits(max_expanded=1000),
            r"expands to more than max_expanded 1000 B",
        ),
        (b"a,b,c\n1,2,3\n", Limits(max_columns=2), r"3 columns > max_columns 2"),
    ],
)
def test_limits(content: bytes, limits: Limits, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_source(path, limits=limits)


def test_line_is_right_after_a_long_quoted_field(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(rows('d1,AP,A,Y,"' + "N\n" * 100_000 + '"', "d2,UP"))
    with pytest.raises(InputError, match=r"line 100003 has 2 fields"):
        read_csv_deaths(path, **OPTIONS)


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(rows(*(f"d{k % 30},,,maybe,{k}" for k in range(40)), header="id,site,cause,s1,age"))
    with pytest.raises(InputError) as caught:
        read_csv_deaths(path, id="id", covariates={"age": [0, 10]})
    text = str(caught.value)
    assert len(caught.value.problems) > 20
    assert text.count("\n") == 20
    assert "more problems" in text
    for part in ("without a site", "without a cause", "'maybe'", "share id", "'age' on line"):
        assert any(part in p for p in caught.value.problems)
