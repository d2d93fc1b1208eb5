"""Find names of sites or causes that are probably another name of the same column, written in another way.

In: names and how often each occurs. Out: each doubtful name with the reason and the name that it probably is. Nobody
but the owner of a table knows: readers ask.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

__all__ = ["numbers_among_words", "spelling_doubts"]

_CODE = r"(?:[A-Za-z]\d{2}(?:\.\d{1,2})?|\d{1,3}(?:\.\d{1,2})?)"
_CODE_FIRST = re.compile(
    rf"[(\[]?{_CODE}[)\]]?\s*[-\u2013\u2014:.)=]?\s+(?=[^\W\d])(.+)|{_CODE}[-\u2013:)=](?=[^\W\d])(.+)"
)
_CODE_LAST = re.compile(rf"(.*[^\W\d].*?)\s*(?:[(\[]{_CODE}[)\]]|\s[-\u2013\u2014:]\s*{_CODE})")
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[ T][\d:.]+)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}-[A-Za-z]{3}(?:-\d{2,4})?"
)
_BETWEEN = re.compile(r"\s*[;|+]\s*")
_RARE = 0.02
"""Deaths of a name, as a share of those of the name that it resembles, up to which it may be a typing error."""
_FEWEST = 20
"""Deaths that the other name then has at least."""
_SHORTEST = 5


def spelling_doubts(
    counts: Mapping[str, int], accepted: Collection[str] = (), apart: Collection[str] = ()
) -> dict[str, tuple[str, str]]:
    """Return the names that are probably another one: accents, hyphens, a code beside it, a letter too much.

    Parameters
    ----------
    counts : mapping of str to int
        Name -> its deaths.
    accepted : collection of str
        Names that a person has confirmed.
    apart : collection of str
        Those of them that are no other name either.

    Returns
    -------
    dict of str to (str, str)
        Name -> (why, other name).
    """
    doubts: dict[str, tuple[str, str]] = {}
    order = sorted({*counts}.difference(apart), key=lambda n: (n not in accepted, -counts[n], n))
    commonest: dict[str, str] = {}
    for name in order:
        first = commonest.setdefault(_key(name), name)
        if first != name and name not in accepted and name.casefold() != first.casefold():
            doubts[name] = ("differs from another name only in accents, spaces or signs", first)
    for name in order:
        if name in doubts or name in accepted:
            continue
        plain = _without_code(name)
        parts = [commonest.get(_key(p), "") for p in _BETWEEN.split(name)]
        if plain != name and commonest.get(_key(plain), name) != name:
            doubts[name] = ("differs from another name only in a code", commonest[_key(plain)])
        elif len(parts) > 1 and all(parts):
            doubts[name] = ("holds several names", parts[0])
        elif other := next((n for n in order if n not in doubts and _typing_error(name, n, counts)), ""):
            doubts[name] = (f"occurs {_times(counts[name])} and differs from another name in one letter", other)
    return doubts


def numbers_among_words(names: Collection[str], accepted: Collection[str] = ()) -> list[str]:
    """Return the names that are bare numbers, or dates that a spreadsheet made, if most others are words."""
    numbers = [n for n in names if n.isdecimal() or _DATE.fullmatch(n)]
    words = [n for n in names if n not in numbers and any(c.isalpha() for c in n)]
    return [n for n in numbers if n not in accepted] if len(words) >= len(numbers) else []


def _without_code(name: str) -> str:
    """Return a name without a code before or behind it: ``Stroke`` for ``I64 - Stroke``, ``12. Stroke``."""
    if match := _CODE_FIRST.fullmatch(name):
        return match[1] or match[2]
    return match[1] if (match := _CODE_LAST.fullmatch(name)) else name


def _key(name: str) -> str:
    """Fold case, accents of Latin letters, spaces and signs; ``3.0`` is ``3``, but ``1.1`` is not ``11``."""
    if re.fullmatch(r"\d+\.0+", name):
        return name.partition(".")[0]
    letters, latin = [], False
    for c in unicodedata.normalize("NFKD", name):
        if unicodedata.category(c) == "Mn":
            if not latin:
                letters.append(c)
            continue
        latin = c.isalpha() and (c.isascii() or unicodedata.name(c, "").startswith("LATIN"))
        letters.append(c)
    text = re.sub(r"(?<=\d)[^\w]+(?=\d)", "\0", "".join(letters).casefold())
    return "".join(c for c in text if c.isalnum() or c == "\0" or unicodedata.category(c).startswith("M")) or name


def _typing_error(name: str, other: str, counts: Mapping[str, int]) -> bool:
    """Check whether a rare name becomes a frequent one by one letter."""
    if counts[other] < _FEWEST or counts[name] > max(1.0, _RARE * counts[other]):
        return False
    first, second = name.casefold(), other.casefold()
    if first == second or min(len(first), len(second)) < _SHORTEST or abs(len(first) - len(second)) > 1:
        return False
    k = next((k for k, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    changed = first[k : k + 1] + second[k : k + 1]
    if not changed.isalpha():
        return False
    return first[k + 1 :] == second[k + 1 :] or first[k:] == second[k + 1 :] or first[k + 1 :] == second[k:]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
