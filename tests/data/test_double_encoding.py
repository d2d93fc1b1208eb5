"""UTF-8 text that was read in another encoding before it was saved gets its letters back, and no other text changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from va_experiments.data.check import suggest
from va_experiments.data.double_encoding import corrected
from va_experiments.data.readers.csv import read_csv_deaths
from va_experiments.data.readers.who2016_odk import read_who2016_odk
from va_experiments.errors import InputError

NAMES = ("Córdoba", "Malária", "São Tomé", "Île-de-France", "Đà Nẵng", "Kɔforidua", "Łódź", "Don’t know", "Naïve – no")
OTHER_ALPHABETS = ("Малярия", "ማላሪያ", "मलेरिया", "مالاريا")
STUDY = "id,site,cause,fièvre,toux\n" + "".join(
    f"d{k},{('Córdoba', 'Río')[k % 2]},{('Malária', 'Gripe', 'AVC')[k % 3]},{'YN'[k % 5 > 1]},{'YN'[k % 7 > 2]}\n"
    for k in range(60)
)


def as_read(text: str, encoding: str) -> str:
    """Return UTF-8 as a program shows it that takes it for another encoding; bytes that this lacks are kept."""
    return "".join(bytes([b]).decode(encoding, "ignore") or chr(b) for b in text.encode())


@pytest.mark.parametrize("name", NAMES + OTHER_ALPHABETS)
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_text_read_once_or_twice_in_a_western_encoding(name: str, encoding: str) -> None:
    once = as_read(name, encoding)
    assert once != name
    assert corrected(once) == corrected(as_read(once, encoding)) == name


@pytest.mark.parametrize("encoding", ["mac_roman", "cp850", "cp437"])
@pytest.mark.parametrize("name", ["Córdoba", "Malária", "São Tomé", "Łódź", "Đà Nẵng"])
def test_text_read_in_the_encodings_of_a_mac_or_of_dos(name: str, encoding: str) -> None:
    assert corrected(as_read(name, encoding)) == name


@pytest.mark.parametrize(
    "text",
    [*NAMES, *OTHER_ALPHABETS, "CAFÉ…", "«CAFÉ»", "“CAFÉ”", "SÃO PAULO", "Ó”", "Гірський", "Fußübung", "Âge", "PÃES",
     "Nº 3", "½ dose", "MÜLLER’S", "Maßstäbe", "El Niño", "√2 ≥ 1"],
)  # fmt: skip
def test_text_with_its_own_letters_stays(text: str) -> None:
    assert corrected(text) == text


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "study.csv"


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850"])
def test_a_table_is_refused_until_asked_and_then_the_same_data_set(encoding: str, table: Path) -> None:
    table.write_text(STUDY, encoding="utf-8")
    good = read_csv_deaths(table, id="id")
    table.write_text(as_read(STUDY, encoding), encoding="utf-8")
    with pytest.raises(InputError, match=r"the header holds .*'fièvre' in UTF-8.*data\.fix_encoding=true"):
        read_csv_deaths(table, id="id")
    deaths = read_csv_deaths(table, id="id", fix_encoding=True)
    assert deaths.fingerprint == good.fingerprint
    assert any(e.reason.startswith("letters that a wrong encoding had changed are corrected") for e in deaths.ledger)
    assert read_csv_deaths(table, id="id", fix_encoding=False).sites[0] == as_read("Córdoba", encoding)
    assert suggest(table).options["fix_encoding"] is True


def test_two_spellings_of_one_name_are_never_two_sites(table: Path) -> None:
    head, first, *rest = STUDY.splitlines()
    table.write_text("\n".join([head, first.replace("Córdoba", "CÃ³rdoba"), *rest, ""]), encoding="utf-8")
    with pytest.raises(InputError, match=r"column 'site' holds 'CÃ³rdoba': 'Córdoba' in UTF-8"):
        read_csv_deaths(table, id="id")
    assert read_csv_deaths(table, id="id", fix_encoding=True).sites == ("Córdoba", "Río")


def test_a_file_of_utf8_that_is_read_as_latin1_is_told_as_that(table: Path) -> None:
    table.write_text(STUDY, encoding="utf-8")
    with pytest.raises(InputError, match=r"the file is UTF-8, in which it reads 'fièvre'; set `encoding: utf-8-sig`"):
        read_csv_deaths(table, id="id", encoding="latin-1")


def test_columns_that_become_one_are_refused(table: Path) -> None:
    table.write_text("id,site,cause,toux é,toux Ã©\nd1,A,X,Y,N\nd2,B,Z,N,Y\n", encoding="utf-8")
    with pytest.raises(InputError, match="have one name when their letters are corrected"):
        read_csv_deaths(table, id="id", fix_encoding=True)


def test_an_export_of_odk_is_refused_too(table: Path) -> None:
    header = ["place", *(f"x-Id{k}" for k in range(10125, 10155)), "meta-instanceID"]
    rows = [["CÃ³rdoba", *(["yes"] * 30), f"uuid:{k}"] for k in range(2)]
    table.write_text("\n".join(",".join(row) for row in (header, *rows)) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="column 'place' holds 'CÃ³rdoba'"):
        read_who2016_odk(table, site="place", duplicates="keep")
    assert read_who2016_odk(table, site="place", duplicates="keep", fix_encoding=True).sites == ("Córdoba",)
