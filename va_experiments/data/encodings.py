"""Judge which encodings a text that is not UTF-8 can have, by the words that they make of its bytes.

In: bytes. Out: whether an encoding gives words, and what to advise. A letter of another alphabet, a symbol between
letters (``C—rdoba``) or a capital behind a small letter (``cŽrŽbrale``) show that the text was written otherwise: by
a Mac, by DOS, or in another alphabet.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence

from va_experiments.errors import shown

__all__ = ["encoding_advice", "gives_words", "marked_encoding", "wide_encoding"]

_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_WORD = re.compile(rb"[A-Za-z\x80-\xff']*[\x80-\xff][A-Za-z\x80-\xff']*")
_CANDIDATES = ("mac_roman", "cp850", "cp1250", "cp1251", "cp1253", "cp1256", "gb18030", "shift_jis")
_MOST_WORDS = 300
_MOST_SHOWN = 3
_MOST_WRONG = 0.1
_BEFORE = "°§…«“„\"'¿¡µ±–—-’‘ \u00a0"
_AFTER = "»”\"'ª°º™®©…–—-’‘ \u00a0"
"""What may stand before and after a word."""
_BEHIND_APOSTROPHE = frozenset({"s", "t", "d", "m", "ll", "re", "ve"})


def encoding_advice(raw: bytes) -> str:
    """Return what to do about a text that is not UTF-8, as the rest of a sentence."""
    words = _words(raw)
    if gives_words(raw, "cp1252"):
        return "set `encoding: cp1252`"
    example = max(words, key=lambda w: (sum(b > 127 for b in w) / len(w) < 0.6, _wrong(_read(w, "cp1252")), len(w)))
    fitting = [c for c in _CANDIDATES if gives_words(raw, c)][:_MOST_SHOWN]
    read = f"in the usual cp1252 it would read {shown(_read(example, 'cp1252'))}"
    if not fitting:
        return (
            f"{read}, which is no word: name the encoding of the program that wrote it with data.encoding, or save it "
            "as UTF-8"
        )
    ways = " or ".join(f"`encoding: {c}` ({shown(_read(example, c))})" for c in fitting)
    return f"{read}, which is no word: set {ways}, whichever reads right"


def gives_words(raw: bytes, encoding: str) -> bool:
    """Check whether an encoding makes words of the parts of a text that are not ASCII."""
    words = _words(raw)
    try:
        wrong = sum(_wrong(word.decode(encoding)) for word in words)
    except UnicodeDecodeError:
        return False
    return wrong <= _MOST_WRONG * len(words)


def _words(raw: bytes) -> Sequence[bytes]:
    words: dict[bytes, None] = {}
    for match in _WORD.finditer(raw):
        words[match.group()] = None
        if len(words) == _MOST_WORDS:
            break
    return list(words)


def _read(word: bytes, encoding: str) -> str:
    return word.decode(encoding, "replace")


def _wrong(word: str) -> bool:
    """Check whether a text is no word of one language."""
    core = word.lstrip(_BEFORE).rstrip(_AFTER)
    if not any(c.isalpha() for c in core):
        return False
    alphabets = {unicodedata.name(c, "?").split()[0] for c in core if c.isalpha()}
    if len(alphabets) > 1 or "?" in alphabets:
        return True
    if alphabets == {"LATIN"} and len(core) > 2 and not any(c.isascii() and c.isalpha() for c in core):
        return True  # three accents in a row: another alphabet
    for k, c in enumerate(core):
        before = core[k - 1] if k else ""
        if c.isascii():
            continue
        if c in "’‘":
            short = len(core[:k]) <= 2 or core[:k].casefold().endswith(("ng", "qu", "ll"))
            if not (short or core[k + 1 :] in _BEHIND_APOSTROPHE or core[k + 1 : k + 2].isupper()):
                return True
        elif c == "\u00a0":
            continue
        elif unicodedata.category(c)[0] != "L" or unicodedata.category(c) == "Lm":
            if unicodedata.category(c)[0] != "M":
                return True
        elif c.isupper() and (before.islower() or (before.isupper() and core[k + 1 : k + 2].islower())):
            return True
    return False


def marked_encoding(start: bytes) -> str:
    """Return the encoding that the byte-order mark at the start of a file names; "" where it has none."""
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), "")


def wide_encoding(start: bytes) -> str:
    """Return UTF-16 or UTF-32 where a file begins with its mark, or with text of two bytes a letter; else ""."""
    if (marked := marked_encoding(start)) not in ("", "utf-8-sig"):
        return marked
    even, odd = start[0::2], start[1::2]
    if len(start) >= 32 and odd.count(0) > 0.7 * len(odd) and not even.count(0):
        return "utf-16-le"
    if len(start) >= 32 and even.count(0) > 0.7 * len(even) and not odd.count(0):
        return "utf-16-be"
    return ""
