"""Whatever the bytes, a reader answers with deaths or with an `InputError`: no other exception, no hang."""

from __future__ import annotations

import gzip
import os
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from va_experiments.data.check import suggest_yaml
from va_experiments.data.csv import read_csv_deaths
from va_experiments.data.deaths import Deaths
from va_experiments.data.phmrc import read_phmrc
from va_experiments.errors import InputError

EXAMPLES = int(os.environ.get("VA_FUZZ_EXAMPLES", "150"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

GOOD = b'id,site,cause,age,s1,s2\nd1,AP,A,40,Y,N\nd2,UP,"B, c",7,.,Y\n\n"d\n3",AP,A,,N,N\n'
PIECES = [b",", b'"', b"\n", b"\r", b"\r\n", b";", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc3\xa9", b"Y", b"inf"]
PIECES += [b'""', b"id", b" ", b"NA", b"1e400", b"\xe2\x80\x8b", b"\x1b[0m", b"=1+1", b"\x1f\x8b", b"PK\x03\x04", b"\\"]


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A good table with pieces put in, cut out or doubled."""
    raw = bytearray(GOOD)
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(raw)))
        kind = draw(st.sampled_from(["put", "cut", "double", "byte"]))
        if kind == "put":
            raw[at:at] = draw(st.sampled_from(PIECES))
        elif kind == "cut":
            del raw[at : at + draw(st.integers(1, 12))]
        elif kind == "double":
            raw[at:at] = raw[at : at + draw(st.integers(1, 40))]
        elif at < len(raw):
            raw[at] = draw(st.integers(0, 255))
    return bytes(raw)


def attempt(raw: bytes, **options: object) -> Deaths | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(raw)
        try:
            text = suggest_yaml(path)
            assert text.startswith("#")
        except InputError:
            pass
        try:
            deaths = read_csv_deaths(path, **options)  # type: ignore[arg-type]
        except InputError as error:
            problems = error.problems
            deaths = None
    if deaths is None:
        assert problems
        assert not any("\x00" in p for p in problems)
        return None
    assert len(deaths) >= 1
    return deaths


@SETTINGS
@given(
    raw=mangled(),
    encoding=st.sampled_from(["utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-8", "ascii", "utf-32", "shift_jis"]),
    sep=st.sampled_from([",", ";", "\t", "|"]),
)
def test_mangled_tables(raw: bytes, encoding: str, sep: str) -> None:
    attempt(raw, id="id", covariates={"age": [0, 120]}, encoding=encoding, sep=sep)
    attempt(raw, drop_unlabelled=True, covariates={"age": None}, decimal=",")


@SETTINGS
@given(raw=st.binary(max_size=300), wrap=st.sampled_from(["plain", "gzip", "zip", "cut gzip", "cut zip"]))
def test_any_bytes(raw: bytes, wrap: str) -> None:
    if "gzip" in wrap:
        raw = gzip.compress(raw)
    elif "zip" in wrap:
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(Path(folder) / "a.zip", "w") as archive:
                archive.writestr("a.csv", raw)
            raw = (Path(folder) / "a.zip").read_bytes()
    if wrap.startswith("cut"):
        raw = raw[: len(raw) * 2 // 3]
    attempt(raw, id="id")


@settings(SETTINGS, max_examples=max(10, EXAMPLES // 5))
@given(raw=mangled(), module=st.sampled_from(["adult", "child", "neonate"]))
def test_no_phmrc_file(raw: bytes, module: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(raw)
        with pytest.raises(InputError):
            read_phmrc(module, path)


def test_the_good_table_is_good() -> None:
    deaths = attempt(GOOD, id="id", covariates={"age": [0, 120]})
    assert deaths is not None
    assert len(deaths) == 3
