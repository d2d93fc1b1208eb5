"""Words show in which encodings a text can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from va_experiments.data.check import suggest
from va_experiments.data.encodings import encoding_advice, gives_words
from va_experiments.errors import InputError

TEXTS = {
    "Spanish": "Córdoba Ñuñoa María niño corazón 1º Mª José",
    "French": "Côte d’Ivoire, malaria cérébrale, fièvre à l’hôpital n° 5 – été",
    "Portuguese": "São Tomé pulmão coração região",
    "English": "don’t patient’s “quoted” word — dash, Ng’ang’a, ½ cup of 5 µg at 37 °C",
    "German": "Köln Düsseldorf Straße",
}


@pytest.mark.parametrize("language", TEXTS)
def test_western_text_of_windows_is_told_as_that(language: str) -> None:
    assert encoding_advice(TEXTS[language].encode("cp1252")) == "set `encoding: cp1252`"


@pytest.mark.parametrize("language", ["Spanish", "French", "Portuguese"])
def test_text_of_a_mac_is_not_taken_for_windows(language: str) -> None:
    advice = encoding_advice(TEXTS[language].encode("mac_roman"))
    assert "which is no word: set `encoding: mac_roman`" in advice
    assert "cp1252`" not in advice


@pytest.mark.parametrize(
    ("text", "encoding"), [("coração região", "cp850"), ("Малярия Туберкулёз", "cp1251"), ("疟疾 结核", "gb18030")]
)
def test_the_way_out_is_named(text: str, encoding: str) -> None:
    advice = encoding_advice(text.encode(encoding))
    assert f"`encoding: {encoding}`" in advice
    assert not gives_words(text.encode(encoding), "cp1252")


def test_the_check_asks_and_takes_the_answer(tmp_path: Path) -> None:
    rows = [f"d{k},{('Córdoba', 'Ñuñoa')[k % 2]},{'XY'[k % 3 > 0]},{'YN'[k % 5 > 1]},Y" for k in range(20)]
    path = tmp_path / "study.csv"
    path.write_bytes("\n".join(["id,site,cause,s1,s2", *rows, ""]).encode("mac_roman"))
    with pytest.raises(InputError, match="set `encoding: mac_roman`"):
        suggest(path)
    assert suggest(path, {"encoding": "mac_roman"}).options["site"] == "site"
