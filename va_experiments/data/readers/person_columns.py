"""Read the column of the sex in any of its codes, and tell columns of sexes and of units of time from others."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import MISSING_WORDS, normalised, without_code
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.decorated import undecorated
from va_experiments.data.readers.age_text import UNIT_WORDS
from va_experiments.data.readers.csv_columns import Collected
from va_experiments.data.text_source import TextSource
from va_experiments.errors import shown, shown_path

__all__ = ["Sexes", "is_sex_column", "is_sex_name", "is_unit_column"]

_FEMALE = frozenset(
    {
        *("f", "female", "woman", "girl", "w", "femme", "féminin", "feminin", "fille", "mujer", "femenino", "femenina"),
        *("fem", "hembra", "niña", "feminino", "mulher", "weiblich", "frau", "mwanamke", "ke", "perempuan", "wanita"),
        *("женский", "жен", "महिला", "स्त्री", "أنثى", "女", "nữ", "kobieta"),
    }
)
_SEX_NAMES = frozenset({"sex", "gender", "sexe", "sexo", "genre"})
_MALE = frozenset(
    {
        *("m", "male", "man", "boy", "homme", "masculin", "garçon", "hombre", "masculino", "h", "masc", "varón"),
        *("varon", "niño", "homem", "männlich", "mann", "mwanaume", "mwanamume", "laki-laki", "pria", "мужской"),
        *("муж", "पुरुष", "ذكر", "男", "nam", "mężczyzna"),
    }
)


def is_sex_name(column: str) -> bool:
    """Check whether the name of a column says that it holds the sex."""
    return undecorated(column).casefold() in _SEX_NAMES


def is_sex_column(values: list[str]) -> bool:
    """Check whether the cells of a column are words or letters for female and male."""
    texts = {_sex_word(v) for v in values} - MISSING_WORDS
    return bool(texts) and texts <= _FEMALE | _MALE and not _two_languages(texts)


def _sex_word(cell: str) -> str:
    """Return a cell without differences that mean nothing, and without a code beside a word (``1 - Male``)."""
    return normalised(without_code(cell)).rstrip(". ")


def _two_languages(texts: Collection[str]) -> bool:
    """Check for H beside M: hombre and mujer, or two letters for men."""
    return {"h", "m"} <= set(texts)


def _with_cells(cells: Sequence[str]) -> str:
    """Return how to say which of the cells is which."""
    if len(cells) != 2:
        return "; empty cells that stand for neither"
    one, other = (json.dumps(list(c), ensure_ascii=False) for c in (cells, cells[::-1]))
    return f": 'data.sex_codes={one}' if {shown(cells[0])} is female, 'data.sex_codes={other}' if it is male"


def is_unit_column(values: list[str]) -> bool:
    """Check whether the cells of a column are units of time."""
    texts = {normalised(v) for v in values} - MISSING_WORDS
    return bool(texts) and texts <= set(UNIT_WORDS) and bool(texts - {"m", "h", "y", "d", "w"})


class Sexes(Collected):
    """One column of the sex, read as a number: 1 female, 0 male, NaN not known.

    Parameters
    ----------
    column : str
    codes : tuple of str
        Cells for female and for male, where these are no words; empty to recognise words and letters.
    """

    def __init__(self, column: str, codes: tuple[str, ...] = ()) -> None:
        super().__init__(column)
        self._female = {normalised(c) for c in codes[:1]} or _FEMALE
        self._male = {normalised(c) for c in codes[1:]} or _MALE

    def values(self) -> npt.NDArray[np.float64]:
        """Return the column, NaN where the sex is not known."""
        coded = self.coded()
        return np.array([self._parse(v) for v in coded.values], dtype=np.float64)[coded.codes]

    def _parse(self, cell: str) -> float:
        for text in (normalised(cell), _sex_word(cell)):
            if text in self._female or text in self._male:
                return float(text in self._female)
        return math.nan

    def problems(self, source: TextSource) -> list[str]:
        """List the cells that are neither female nor male nor a known missing."""
        coded = self.coded()
        known = self._female | self._male
        known |= MISSING_WORDS - {"u"}
        bad = [v for v in coded.values if not {normalised(v), _sex_word(v)} & known]
        if self._male is _MALE and _two_languages({_sex_word(v) for v in coded.values}):
            bad += [v for v in coded.values if _sex_word(v) in ("h", "m")]
        numbers = [v for v in coded.values if normalised(v) in ("0", "1", "2")]
        if not bad and numbers and math.isnan(np.nanmax([self._parse(v) for v in coded.values] + [math.nan])):
            bad = numbers
        if not bad:
            return []
        cells = ", ".join(shown(v) for v in sorted(set(bad))[:4])
        every = sorted({v.strip() for v in coded.values if normalised(v) not in MISSING_WORDS - {"u", "9", "99"}})
        return [
            f"{shown_path(source.path)}: column {shown(self.column)} (data.sex): cells {cells} are neither female nor "
            f"male; say which is which with 'data.sex_codes=[FEMALE, MALE]'{_with_cells(every)}"
        ]


def coded_values(column: CodedColumn) -> list[str]:
    """Return the distinct cells of a column that are not empty."""
    return [v for v in column.values if v.strip()]
