"""Whatever the bytes, a reader answers with deaths or with an `InputError`: no other exception, no half-read table."""

from __future__ import annotations

import contextlib
import csv
import functools
import gzip
import io
import zipfile
from collections.abc import Callable, Sequence

import yaml
from hypothesis import strategies as st

from tests.fuzz.property import Property
from tests.fuzz.values import phmrc
from tests.fuzz.written import written
from va_experiments.cli import main
from va_experiments.data.cache import pack, unpack
from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.csv import read_csv_deaths
from va_experiments.data.readers.phmrc import read_phmrc
from va_experiments.data.readers.who2016 import read_who2016
from va_experiments.data.registry import load
from va_experiments.errors import InputError

__all__ = ["PROPERTIES"]

GOOD = b'id,site,cause,age,s1,s2\nd1,AP,A,40,Y,N\nd2,UP,"B, c",7,.,Y\n\n"d\n3",AP,A,,N,N\n'
PIECES = [b",", b'"', b"\n", b"\r", b"\r\n", b";", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc3\xa9", b"Y", b"inf"]
PIECES += [b'""', b"id", b" ", b"NA", b"1e400", b"\xe2\x80\x8b", b"\x1b[0m", b"=1+1", b"\x1f\x8b", b"PK\x03\x04", b"\\"]
PIECES += [b"-1", b"0,5", b"1_0", b"\xd9\xa3", b"\xc2\xa0", b"\x85", b"\x1c", b"\xe2\x80\xa8", b"9" * 400, b"nan"]

ENCODINGS = ["utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-8", "ascii", "utf-32", "shift_jis", "utf-7", "hz"]


@st.composite
def mangled(draw: st.DrawFn, good: bytes, pieces: Sequence[bytes] = PIECES) -> bytes:
    """Draw good bytes with pieces put in, cut out, doubled or changed."""
    raw = bytearray(good)
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(raw)))
        kind = draw(st.sampled_from(["put", "cut", "double", "byte"]))
        if kind == "put":
            raw[at:at] = draw(st.sampled_from(pieces))
        elif kind == "cut":
            del raw[at : at + draw(st.integers(1, 12))]
        elif kind == "double":
            raw[at:at] = raw[at : at + draw(st.integers(1, 40))]
        elif at < len(raw):
            raw[at] = draw(st.integers(0, 255))
    return bytes(raw)


def fit_to_show(error: InputError) -> None:
    """Problems say something, and nothing in them acts on a terminal."""
    assert error.problems
    assert all(p.strip() for p in error.problems)
    assert all(p.replace("\n", "").isprintable() for p in error.problems), error.problems
    str(error).encode()


def deaths_or_problems(read: Callable[[], Deaths]) -> Deaths | None:
    """Return the deaths, or nothing where there are problems; whichever it is must be fit to show."""
    try:
        deaths = read()
    except InputError as error:
        fit_to_show(error)
        return None
    assert len(deaths) >= 1
    assert deaths.symptoms.shape == (len(deaths), len(deaths.symptom_names))
    assert len(set(deaths.id.tolist())) == len(deaths)
    return deaths


def a_study_of_ones_own(raw: bytes, encoding: str, sep: str) -> None:
    """A table with a site and a cause, read in two ways."""
    with written(raw) as path:
        deaths_or_problems(
            lambda: read_csv_deaths(path, id="id", covariates={"age": [0, 120]}, encoding=encoding, sep=sep)
        )
        deaths_or_problems(
            lambda: read_csv_deaths(
                path, drop_unlabelled=True, covariates={"age": None}, decimal=",", encoding=encoding
            )
        )


def data_check(raw: bytes) -> None:
    """``va-experiments data check --write`` leaves a YAML that reads the table, or says why not and leaves nothing."""
    with written(raw) as path:
        out, err = io.StringIO(), io.StringIO()
        target = path.with_name("study.yaml")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["data", "check", str(path), "--write", str(target)])
        text = err.getvalue()
        assert "Traceback" not in text
        assert code in (0, 2), text
        assert target.exists() == (code == 0)
        assert {p.name for p in path.parent.iterdir()} <= {"a.csv", "study.yaml"}
        if code:
            assert "error: " in text
            return
        options = yaml.safe_load(target.read_text(encoding="utf-8"))
        assert load(options.pop("name"), options) is not None


def any_file(raw: bytes, wrap: str) -> None:
    """Bytes of any kind, packed or not, the archive whole or cut."""
    if "gzip" in wrap:
        raw = gzip.compress(raw, mtime=0)
    elif "zip" in wrap:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.csv", raw)
        raw = buffer.getvalue()
    if wrap.startswith("cut"):
        raw = raw[: len(raw) * 2 // 3]
    if wrap.startswith("bent") and raw:
        raw = raw[: len(raw) // 3] + bytes([raw[len(raw) // 3] ^ 0x55]) + raw[len(raw) // 3 + 1 :]
    with written(raw) as path:
        deaths_or_problems(lambda: read_csv_deaths(path, id="id"))


@functools.cache
def phmrc_table(module: str) -> bytes:
    """A made-up table with the columns that the reader of a module needs: two deaths, nobody's."""
    header, *rows = phmrc(module)
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    out.writerow([*header, "word_fever"])
    out.writerows([*row, number] for number, row in enumerate(rows[:2], 1))
    return buffer.getvalue().encode()


def a_phmrc_file(raw: bytes, compat: bool, durations: bool, module: str) -> None:
    """A file with PHMRC's columns."""
    with written(raw) as path:
        deaths_or_problems(lambda: read_phmrc(module, path, features="hce_words", compat=compat, durations=durations))
        deaths_or_problems(lambda: read_phmrc(module, path, drop_unlabelled=True))


@functools.cache
def who2016_table() -> bytes:
    """Two deaths in the input form of InterVA-5, nobody's."""
    indicators = read_probbase().indicators
    rows = [["ID", *indicators], *([f"d{k}", *"yn."[k:], *["-"] * (len(indicators) - 3 + k)] for k in range(2))]
    return "\n".join(",".join(row) for row in rows).encode() + b"\n"


def a_who2016_file(raw: bytes, encoding: str) -> None:
    """A file in the input form of InterVA-5."""
    with written(raw) as path:
        deaths_or_problems(lambda: read_who2016(path, encoding=encoding))


@functools.cache
def packed_table() -> bytes:
    """The good table as the cache of parsed data keeps it."""
    with written(GOOD) as path:
        return pack(read_csv_deaths(path, id="id", covariates={"age": [0, 120]}))


def a_packed_table(raw: bytes) -> None:
    """A file of the cache gives what was packed or a `ValueError`."""
    try:
        deaths = unpack(raw)
    except ValueError:
        return
    assert deaths.fingerprint == unpack(packed_table()).fingerprint


PROPERTIES: dict[str, Property] = {
    "a study of one's own": Property(
        a_study_of_ones_own,
        {"raw": mangled(GOOD), "encoding": st.sampled_from(ENCODINGS), "sep": st.sampled_from([",", ";", "\t", "|"])},
        examples=150,
    ),
    "data check": Property(data_check, {"raw": mangled(GOOD)}, examples=40),
    "any file": Property(
        any_file,
        {
            "raw": st.binary(max_size=300) | mangled(GOOD),
            "wrap": st.sampled_from(["plain", "gzip", "zip", "cut gzip", "cut zip", "bent gzip", "bent zip"]),
        },
        examples=150,
    ),
    "a WHO 2016 file": Property(
        a_who2016_file,
        {"raw": mangled(who2016_table()), "encoding": st.sampled_from(["utf-8-sig", "latin-1", "utf-16"])},
        examples=15,
    ),
    "a packed table": Property(a_packed_table, {"raw": mangled(packed_table())}, examples=100),
    **{
        f"a PHMRC {module} file": Property(
            functools.partial(a_phmrc_file, module=module),
            {"raw": mangled(phmrc_table(module)), "compat": st.booleans(), "durations": st.booleans()},
            examples=10,
        )
        for module in ("adult", "child", "neonate")
    },
}
