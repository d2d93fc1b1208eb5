"""Read an age as people write it: a number, alone or with its unit, or in several units one behind the other.

In: a cell such as ``43``, ``6 months``, ``10d``, ``45y 3m``, ``1 1/2 years``. Out: a number and its unit. What may be
two ages, or a class of ages (``15-49``, ``<1``), is none.
"""

from __future__ import annotations

import math
import re
import unicodedata

from va_experiments.data.answer_words import normalised

__all__ = ["AGE_UNITS", "UNIT_WORDS", "parse_age"]

AGE_UNITS = {"years": 1.0, "months": 1 / 12, "weeks": 7 / 365.25, "days": 1 / 365.25, "hours": 1 / 8766}
"""Years in each unit."""
UNIT_WORDS: dict[str, str] = {
    **dict.fromkeys(("years", "year", "yrs", "yr", "y", "yo", "an", "ans", "año", "años", "ano", "anos"), "years"),
    **dict.fromkeys(("months", "month", "mths", "mth", "mos", "mo", "m", "mois", "mes", "meses", "mês"), "months"),
    **dict.fromkeys(("weeks", "week", "wks", "wk", "w", "semaines", "semaine", "semanas", "semana"), "weeks"),
    **dict.fromkeys(("days", "day", "d", "jours", "jour", "dias", "días", "dia", "día"), "days"),
    **dict.fromkeys(("hours", "hour", "hrs", "hr", "h", "heures", "horas"), "hours"),
}
"""Word for a unit -> unit."""
_MOST_BEHIND = {"months": 12.0, "weeks": 53.0, "days": 366.0, "hours": 24.0}
"""Largest number of a unit behind a larger one."""
_BETWEEN = frozenset({"and", "&", "+", ",", "et", "y", "e"})
_THOUSANDS = re.compile(r"\d{1,3},\d{3}")  # 1,825 days are no 1.825
_OLD = re.compile(r"\s*(?:old|of age)$|^aged\s+")
_YEARS_OLD = re.compile(r"(?<=\d)\s*(?:y\.\s?o\.?|y/o)$")
_SCIENTIFIC = re.compile(r"[0-9]\.[0-9]+e\+[0-9]{2}")  # as programs write it
_TOKEN = re.compile(
    r"\s*(?:(?P<mixed>(?:[0-9]+\s+)?[0-9]+/[0-9]+)|(?P<number>[0-9]+(?:[.,][0-9]+)?)|(?P<word>[^\W\d_]+)\.?|(?P<sign>[&+,]))"
)


def parse_age(cell: str) -> tuple[float, str | None]:
    """Return the number in a cell and its unit, if the cell names one; (NaN, None) if it is no age.

    An age in several units is given in the first of them: ``45y 3m`` is 45.25 years.
    """
    text = _YEARS_OLD.sub(" years", _OLD.sub("", normalised(_in_plain_digits(cell))))
    if _SCIENTIFIC.fullmatch(text):
        return float(text), None
    if re.fullmatch(r"p(?:[0-9]+[ymwd])+", text):
        text = text[1:]  # a duration of ISO 8601
    parts = _parts(text)
    if not parts or (len(parts) > 1 and any(unit is None for _, unit in parts)):
        return math.nan, None
    total, first = parts[0]
    units = [unit or "years" for _, unit in parts]
    for k, (number, _) in enumerate(parts[1:], start=1):
        unit, larger = units[k], units[k - 1]
        if AGE_UNITS[unit] >= AGE_UNITS[larger] or number > _MOST_BEHIND[unit] or not parts[k - 1][0].is_integer():
            return math.nan, None
        total += number * AGE_UNITS[unit] / AGE_UNITS[units[0]]
    return total, first


def _in_plain_digits(cell: str) -> str:
    """Return the cell with digits of other scripts as 0 to 9, and ½ as .5: normalised Unicode makes 11/2 of 1½."""
    if cell.isascii():
        return cell
    cell = "".join(str(unicodedata.decimal(c, c)) for c in cell)
    return re.sub(
        r"(\d*)\s?([\u00bc-\u00be\u2150-\u215e])", lambda m: f"{int(m[1] or 0) + unicodedata.numeric(m[2]):.6g}", cell
    )


def _parts(text: str) -> list[tuple[float, str | None]]:
    """Return the numbers of a text with their units; nothing where it holds anything else."""
    parts: list[tuple[float, str | None]] = []
    at, between = 0, True  # between: no unit can come next
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return []
        at = match.end()
        word = match["word"] or match["sign"]
        if word is None:
            number = _number(match["mixed"] or match["number"])
            if math.isnan(number) or (parts and parts[-1][1] is None):
                return []
            parts.append((number, None))
            between = False
        elif not between and parts[-1][1] is None and word in UNIT_WORDS:
            parts[-1] = (parts[-1][0], UNIT_WORDS[word])
        elif not between and parts[-1][1] is not None and word in _BETWEEN and at < len(text):
            between = True
        else:
            return []
    bare = len(parts) == 1 and parts[0][1] is None and re.fullmatch(r"[0-9]+/[0-9]+", text)
    return [] if between or bare else parts  # 1/2 alone may be a date, or a class


def _number(text: str) -> float:
    if "/" in text:
        whole, _, fraction = text.rpartition(" ")
        above, below = (int(n) for n in fraction.split("/"))
        return int(whole or 0) + above / below if 0 < above < below <= 12 else math.nan
    return math.nan if _THOUSANDS.fullmatch(text) else float(text.replace(",", "."))
