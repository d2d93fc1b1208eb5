"""Mappings, cause lists and predictions in other encodings and spellings: the same names, or refused with the line."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from va_experiments.data.cause_lists import causes_of_table
from va_experiments.data.name_tables import read_two_columns
from va_experiments.data.outside_predictions import read_outside_predictions
from va_experiments.data.prediction_columns import Columns
from va_experiments.data.readers.csv import read_csv_deaths
from va_experiments.errors import InputError

MAP = "source,target\nC\u00f4te,Stroke\nMalaria,Malaria\nOther (NCD),Other\n"
PAIRS = {"C\u00f4te": "Stroke", "Malaria": "Malaria", "Other (NCD)": "Other"}
CAUSES = ("C\u00f4te", "Malaria", "Stroke")
ONE_EACH = "id,cause\n" + "".join(f"d{k},{CAUSES[k % 3]}\n" for k in range(6))
WIDE = "id,C\u00f4te,Malaria,Stroke\n" + "".join(f"d{k},0.5,0.3,0.2\n" for k in range(3))

SAME: dict[str, bytes | str] = {
    "a byte-order mark": MAP.encode("utf-8-sig"),
    "UTF-16": MAP.encode("utf-16"),
    "separate accents": unicodedata.normalize("NFD", MAP),
    "hard blanks": MAP.replace("Malaria,", "Malaria\u00a0,"),
    "letters that are not seen": MAP.replace("Malaria,", "Mal\u200baria,"),
    "a spreadsheet's text": MAP.replace("Malaria,", '"=""Malaria""",'),
    "semicolons": MAP.replace(",", ";"),
    "tabs": MAP.replace(",", "\t"),
    "carriage returns": MAP.replace("\n", "\r"),
    "a title": "My mapping\n" + MAP,
    "names of columns in another case": MAP.replace("source,target", "Source,TARGET "),
    "empty rows": MAP + ",\n,\n",
    "a pair twice": MAP + "Malaria,Malaria\n",
}
"""What is changed in the mapping, which is read all the same -> the file."""

REFUSED: dict[str, tuple[bytes | str, str]] = {
    "Latin-1": (MAP.encode("latin-1"), "not UTF-8 at byte 16 (line 2); save it as UTF-8 (in a spreadsheet: CSV UTF-8)"),
    "a Mac": (MAP.encode("mac_roman"), "not UTF-8 at byte 16 (line 2); save it as UTF-8"),
    "UTF-16 without a mark": (MAP.encode("utf-16-le"), "looks like UTF-16-LE; save it as UTF-8"),
    "UTF-8 read as Latin-1": (MAP.encode().decode("latin-1"), "read in another encoding and saved again; correct such"),
    "a Cyrillic letter": (MAP.replace("Malaria,", "M\u0430laria,"), "line 3: 'M\u0430laria' has letters of another"),
    "two alphabets": (
        MAP + "M\u0430laria,Other\n",
        "line 5: 'M\u0430laria' looks like 'Malaria', but has other letters",
    ),
    "two partners": (MAP + "Malaria,Stroke\n", "line 5: 'Malaria' has two partners, 'Malaria' and 'Stroke'; keep one"),
    "two partners in two forms": (MAP + "Co\u0302te,Malaria\n", "line 5: 'C\u00f4te' has two partners"),
    "two partners in two cases": (MAP + "MALARIA,Stroke\n", "line 5: 'MALARIA' and 'Malaria' differ only in case"),
    "a target alone": (MAP + ",Stroke\n", "line 5: 'Stroke' has no source; write one, or remove the row"),
    "a workbook called CSV": (b"PK\x03\x04" + b"\0" * 40, "m.csv"),
}
"""What is changed in the mapping -> the file, and why it is refused."""


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("what", SAME)
def test_the_same_mapping(what: str, tmp_path: Path) -> None:
    assert read_two_columns(write(tmp_path / "m.csv", SAME[what]), "source", "target") == PAIRS


@pytest.mark.parametrize("what", REFUSED)
def test_a_mapping_is_refused_with_file_line_and_way_out(what: str, tmp_path: Path) -> None:
    content, message = REFUSED[what]
    with pytest.raises(InputError) as caught:
        read_two_columns(write(tmp_path / "m.csv", content), "source", "target")
    assert message in str(caught.value)
    assert "m.csv" in str(caught.value)
    assert "data." not in str(caught.value), "options of a reader, which the mapping does not have"


def test_lists_of_causes_in_workbooks_one_column_and_other_forms(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["cause", "deaths"], ["C\u00f4te", 4], ["Malaria", 2]):
        book.active.append(row)
    book.save(tmp_path / "l.xlsx")
    forms = {
        "a.csv": "cause\nC\u00f4te\nMalaria\n",
        "b.csv": "Cause;n\nCo\u0302te;1\nMalaria\u00a0;2\nMalaria;1\n;\n",
        "c.csv": "cause,n\nC\u00f4te,1\nMalaria,2\n".encode("utf-16"),
    }
    for name, content in forms.items():
        write(tmp_path / name, content)
    for name in ("l.xlsx", *forms):
        assert causes_of_table(str(tmp_path / name)) == ("C\u00f4te", "Malaria"), name
    for content in (b"cause,n\nC\xf4te,1\n", "cause,n\nMalaria,1\nM\u0430laria,2\n"):
        with pytest.raises(InputError, match=r"l\.csv.*line [23]"):
            causes_of_table(str(write(tmp_path / "l.csv", content)))


PREDICTIONS: dict[str, bytes | str] = {
    "UTF-16": ONE_EACH.encode("utf-16"),
    "a byte-order mark": ONE_EACH.encode("utf-8-sig"),
    "separate accents": unicodedata.normalize("NFD", ONE_EACH),
    "separate accents now and then": ONE_EACH.replace("C\u00f4te", "Co\u0302te", 1),
    "hard blanks": ONE_EACH.replace("Malaria", "Malaria\u00a0", 1).replace("d5", "d5\u00a0"),
    "letters that are not seen": ONE_EACH.replace("Malaria", "Mal\u200baria", 1),
    "a spreadsheet's text": "id,cause\n" + "".join(f'"=""d{k}""","=""{CAUSES[k % 3]}"""\n' for k in range(6)),
    "semicolons": ONE_EACH.replace(",", ";"),
    "a title": "Causes by our program\n" + ONE_EACH,
}


@pytest.mark.parametrize("what", PREDICTIONS)
def test_the_same_predictions(what: str, tmp_path: Path) -> None:
    predictions = read_outside_predictions(write(tmp_path / "p.csv", PREDICTIONS[what]), Columns())
    assert predictions.causes == ("C\u00f4te", "Malaria", "Stroke")
    assert predictions.id.tolist() == [f"d{k}" for k in range(6)]
    assert predictions.named is not None
    assert predictions.named.tolist() == [0, 1, 2] * 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ONE_EACH.encode("latin-1"), "not UTF-8 at byte 14 (line 2); set model.encoding=cp1252"),
        (ONE_EACH.encode("utf-16-be"), "looks like UTF-16-BE; set model.encoding=utf-16-be"),
        (ONE_EACH + "d2,Malaria\n", "1 ids occur more than once (such as 'd2' on lines 4, 8)"),
        (ONE_EACH + "d2\u00a0,Malaria\n", "1 ids occur more than once (such as 'd2' on lines 4, 8)"),
        (WIDE.replace("Malaria", "STROKE"), "columns 'STROKE' and 'Stroke' are the same cause in two spellings"),
        (
            WIDE.replace("Malaria", "Co\u0302te"),
            "are the same cause in two spellings; keep one of them, or add them up",
        ),
        (WIDE.replace("Malaria", "Stroke"), "column 'Stroke' appears twice (positions 3, 4)"),
    ],
)
def test_predictions_are_refused_with_a_way_out(content: bytes | str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_outside_predictions(write(tmp_path / "p.csv", content), Columns())
    assert message in str(caught.value)


def test_the_encoding_that_is_advised_reads_the_predictions(tmp_path: Path) -> None:
    for encoding in ("cp1252", "utf-16-be", "mac_roman"):
        path = write(tmp_path / f"{encoding}.csv", ONE_EACH.encode(encoding))
        with pytest.raises(InputError, match=f"model.encoding={encoding}"):
            read_outside_predictions(path, Columns())
        assert read_outside_predictions(path, Columns(), encoding=encoding).causes[0] == "C\u00f4te"


@pytest.mark.parametrize(
    ("option", "mapping", "message"),
    [
        (
            "site_map",
            {"UP": "\u0410P"},
            "data.site_map leads to '\u0410P', which looks like 'AP', but has other letters",
        ),
        ("cause_map", {"B": "a"}, "data.cause_map leads to 'a', which looks like 'A', but has other letters, case"),
    ],
)
def test_a_mapping_to_a_name_that_only_looks_like_another(
    option: str, mapping: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", "id,site,cause,s1,s2\nd1,AP,A,Y,N\nd2,UP,B,.,Y\n")
    options: dict[str, Any] = {option: mapping}
    with pytest.raises(InputError, match=message):
        read_csv_deaths(path, id="id", **options)
