"""Words of a narrative: which become columns, where they are present, and which features have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.deaths import ABSENT, PRESENT, Deaths
from va_experiments.data.readers.csv import read_csv_deaths
from va_experiments.data.readers.narrative import LEAST_DEATHS
from va_experiments.errors import InputError


def table(folder: Path, *, more: str = "") -> Path:
    """Write 40 deaths: 12 narratives of fever, 9 of snakes, 10 in other letters, 40 with "the"."""
    rows = [f"id,site,cause,cough,story{more}"]
    for k in range(40):
        story = "The child had" + (" FEVER; fever" if k < 12 else "") + (" snake" if k < 9 else "")
        story += " muerte súbita 3 días" if k % 4 == 0 else ""
        rows.append(f'd{k:02d},{"AB"[k % 2]},{"xy"[k // 2 % 2]},{"YN"[k // 4 % 2]},"{story}"' + (",Y" if more else ""))
    path = folder / "deaths.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def read(path: Path, **options: object) -> Deaths:
    return read_csv_deaths(path, id="id", narrative="story", **options)  # type: ignore[arg-type]


def test_words_of_enough_deaths_become_columns(tmp_path: Path):
    deaths = read(table(tmp_path))
    assert deaths.symptom_names == ("cough", "word_días", "word_fever", "word_muerte", "word_súbita")
    assert deaths.blocks == ("core", "word", "word", "word", "word")
    fever = deaths.symptoms[:, 2]
    assert deaths.id[fever == PRESENT].tolist() == [f"d{k:02d}" for k in range(12)]
    assert (fever[12:] == ABSENT).all()
    assert (deaths.symptoms[:, 1] == PRESENT).sum() == LEAST_DEATHS


def test_features_have_them_only_with_words(tmp_path: Path):
    deaths = read(table(tmp_path))
    assert deaths.with_features("hce").symptom_names == ("cough",)
    assert len(deaths.with_features("hce_words").symptom_names) == 5


def test_deaths_that_are_left_out_do_not_count(tmp_path: Path):
    deaths = read(table(tmp_path), site_map={"B": None})
    assert len(deaths) == 20
    assert deaths.symptom_names == ("cough", "word_días", "word_muerte", "word_súbita")
    assert np.array_equal(deaths.symptoms[:, 1], deaths.symptoms[:, 2])


def test_a_name_that_is_taken_and_a_column_that_is_not_there(tmp_path: Path):
    path = table(tmp_path, more=",word_fever")
    assert read(path).symptom_names == ("cough", "word_fever", "word_días", "word_fever_", "word_muerte", "word_súbita")
    with pytest.raises(InputError, match="missing column 'stori'"):
        read_csv_deaths(path, id="id", narrative="stori")
