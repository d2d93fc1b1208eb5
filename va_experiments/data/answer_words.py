"""Classify an answer as yes, no or unknown, in the words, codes and spellings that questionnaires use."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping

from va_experiments.data.decorated import undecorated

__all__ = ["MISSING_WORDS", "NO_WORDS", "YES_WORDS", "guess_value_map", "meaning_of", "normalised", "without_code"]

YES_WORDS = frozenset(
    {
        *("y", "yes", "1", "true", "t", "present", "oui", "o", "sí", "si", "s", "sim", "ndiyo", "ja", "j", "haan", "x"),
        *("vrai", "verdadero", "verdadeiro", "kweli"),
        *("tak", "да", "ya", "iya", "có", "نعم", "ہاں", "हाँ", "हां", "হ্যাঁ", "አዎ", "是", "有"),
    }
)
NO_WORDS = frozenset(
    {
        *("n", "no", "0", "false", "f", "absent", "non", "não", "nao", "hapana", "nein", "nahi", "2"),
        *("faux", "falso"),
        *("nie", "нет", "tidak", "không", "لا", "نہیں", "नहीं", "না", "አይ", "否", "没有", "無", "无"),
    }
)
MISSING_WORDS = frozenset(
    {
        *("", ".", "-", "--", "?", "na", "n/a", "nan", "none", "null", "missing", "unknown", "unk", "dk", "d/k", "ref"),
        *("rf", "r", "refused", "refused to answer", "don't know", "dont know", "do not know", "doesn't know", "u"),
        *("does not know", "not known", "no data", "no answer", "not applicable", "not asked", "maybe", "not sure"),
        *("ne sait pas", "nsp", "ns", "ne sais pas", "refus", "refuse", "inconnu", "no sabe", "no sé", "se niega"),
        *("não sabe", "nao sabe", "recusou", "sijui", "hajui", "9", "8", "99", "88", "-1", "-9", "999", "#n/a"),
        *(
            "nie wiem",
            "не знаю",
            "tidak tahu",
            "không biết",
            "لا أعرف",
            "पता नहीं",
            "জানি না",
            "不知道",
            "አላውቅም",
            "weiss nicht",
        ),
        *("refuse to answer", "refuses to answer", "declined", "declined to answer", "no response", "---"),
        *("refus de répondre", "refuse de répondre", "se niega a contestar", "recusou responder", "amekataa kujibu"),
        *(
            "a refusé",
            "a refusé de répondre",
            "refuse de repondre",
            "je ne sais pas",
            "sans réponse",
            "não sei",
            "nao sei",
        ),
        *("se negó", "se negó a responder", "se nego a responder", "se rehusó", "rehusó", "rehusó contestar"),
        *("no contesta", "no responde", "no quiso contestar", "recusou-se", "recusou-se a responder", "não respondeu"),
        *("alikataa", "alikataa kujibu", "amekataa", "hakujibu"),
        *("-7", "-8", "-77", "-88", "-99", "-888", "-999", "<na>"),
    }
)
"""Answers, in lower case, that say that nothing is known; numbers only where the column has 0 and 1 (or 1 and 2)."""

_QUOTES = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'", "\u00b4": "'", "\x92": "'"}
    | dict.fromkeys("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", "")
)
_WRAPPERS = ("=", '"', "'", "“")


@functools.lru_cache(maxsize=1 << 16)
def normalised(cell: str) -> str:
    """Return a cell without differences that mean nothing: case, spaces, quotes, ``12.0`` for ``12``, ``="Yes"``."""
    if cell.isascii() and cell.isalnum() and cell.islower():
        return cell
    text = cell.replace("\u00e2\x80\x99", "'")  # a typographic quote in UTF-8, read as Latin-1
    text = " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split()).casefold()
    if text[:1] in _WRAPPERS:  # ="Yes" and 'Yes of a spreadsheet
        text = undecorated(text).removeprefix("'")
    whole, point, rest = text.partition(".")
    if not point and text.count(",") == 1:  # 1,0 of a program with decimal commas; 1,000 is another number
        whole, point, rest = text.partition(",")
        rest = "" if len(rest) > 2 else rest
    return whole if point and whole.lstrip("-").isdigit() and rest.strip("0") == "" and rest else text


_CODE_FIRST = re.compile(
    r"[(\[]?-?\d{1,3}(?:[.:)\]]|\s*[-=\u2013]\s)\s*(?=[^\W\d])(.+)|[(\[]?-?\d{1,3}[)\].:=]?\s*=\s*(.+)"
)
_CODE_AND_WORD = re.compile(r"-?\d{1,3}\s+([^\W\d].*)")
_CODE_LAST = re.compile(r"(.*[^\W\d].*?)\s*[(\[]-?\d{1,3}[)\]]")


def without_code(cell: str) -> str:
    """Return the label of a cell that holds a code beside it (``1. Yes``, ``1 = Yes``, ``Yes (1)``); else the cell."""
    text = cell.strip()
    if match := _CODE_FIRST.fullmatch(text):
        return match[1] or match[2]
    return match[1] if (match := _CODE_LAST.fullmatch(text)) else cell


def meaning_of(cell: str) -> str | None:
    """Return ``Y``, ``N`` or ``.`` for a word that everybody understands, None for any other."""
    spaced = _CODE_AND_WORD.fullmatch(cell.strip())
    plain = normalised(cell)
    for text in (plain, normalised(spaced[1] if spaced else without_code(cell)), plain.rstrip(".,;:!") or plain):
        if text in YES_WORDS:
            return "Y"
        if text in NO_WORDS:
            return "N"
        if text in MISSING_WORDS:
            return "."
    return None


def guess_value_map(cells: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Guess what the cells of symptom columns mean.

    Parameters
    ----------
    cells : iterable of str
        Every distinct cell.

    Returns
    -------
    value_map : dict
        Cell as it stands in the file -> ``Y``, ``N`` or ``.``.
    unclear : list of str
        Cells that nobody can know the meaning of.
    """
    cells = sorted({c.strip() for c in cells})
    texts = {normalised(c) for c in cells}
    one_or_two = {"1", "2"} <= texts and "0" not in texts
    meanings: Mapping[str, str] = {"1": "Y", "2": "N"} if one_or_two else {"1": "Y", "0": "N"}
    value_map, unclear = {}, []
    for cell in cells:
        text = normalised(cell)
        meaning = meanings.get(text)
        if meaning is None and text != "2":  # 2 alone, or beside 0: no, or not known?
            meaning = meaning_of(cell)
        if meaning is None:
            unclear.append(cell)
        elif text != "":
            value_map[cell] = meaning
    return value_map, unclear
