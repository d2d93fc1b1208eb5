"""Recognise UTF-8 text that a program read in another encoding and saved again, and give it back its letters.

In: text such as ``CÃ³rdoba``. Out: ``Córdoba``. The two bytes of ó in UTF-8 are the letters Ã and ³ of cp1252, √ and
≥ of a Mac, ├ and │ of DOS. Such pairs hardly ever stand in names; text is changed only where they are a letter of
its own alphabet.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping

from va_experiments.errors import shown

__all__ = ["corrected", "doubt"]

_CODECS = ("cp1252", "mac_roman", "cp850", "cp437", "cp1250")
_MOST_TIMES = 3
_LATIN = frozenset("ƁɓƊɗƘƙƎǝƠơƯưȘșȚțǸǹƐɛƆɔƔɣƲʋƉɖƖɩʊʻʼ")
"""Letters of African, Vietnamese and Romanian names beyond U+017F."""
_SIGNS = frozenset("‘’‚“”„–—…•€‑ƒˆ˜‰‹›†‡™")
_CLOSING = frozenset("‘’“”„–—…")


def corrected(text: str) -> str:
    """Return the text with the letters that it had before it was read in a wrong encoding; else the text itself."""
    for _ in range(_MOST_TIMES):
        if text.isascii():
            break
        once = next((new for codec in _CODECS if (new := _once(text, codec)) != text), text)
        if once == text:
            break
        text = once
    return text


def doubt(old: str, new: str, *, utf8: bool, times: int) -> str:
    """Return what a message says of a text that `corrected` changes, as the rest of a sentence.

    Parameters
    ----------
    old, new : str
    utf8 : bool
        Whether the file is UTF-8 but read in another encoding.
    times : int
        How many different texts are so.
    """
    more = f" and {times - 1} more" if times > 1 else ""
    if utf8:
        return f"holds {shown(old)}{more}: the file is UTF-8, in which it reads {shown(new)}; set `encoding: utf-8-sig`"
    return (
        f"holds {shown(old)}{more}: {shown(new)} in UTF-8, which was read in another encoding and saved again; correct "
        "such text with data.fix_encoding=true, or take it as it stands with data.fix_encoding=false"
    )


def _once(text: str, codec: str) -> str:
    pattern, byte_of = _table(codec)
    return pattern.sub(lambda match: _replacement(match, byte_of, codec == "cp1252"), text)


@functools.cache
def _table(codec: str) -> tuple[re.Pattern[str], Mapping[str, int]]:
    """Return the pattern of UTF-8 sequences as an encoding shows them, and the byte of each character."""
    byte_of: dict[str, int] = {}
    shown_as: dict[int, set[str]] = {}
    for byte in range(0x80, 0x100):
        letters = {bytes([byte]).decode(codec, "ignore")} - {""}
        if codec == "cp1252":
            letters.add(chr(byte))  # Latin-1 has control characters where cp1252 has signs
        shown_as[byte] = letters
        byte_of |= dict.fromkeys(letters, byte)

    def one_of(low: int, high: int) -> str:
        return f"[{''.join(re.escape(c) for b in range(low, high + 1) for c in sorted(shown_as[b]))}]"

    rest = one_of(0x80, 0xBF)
    if codec == "cp1252":
        forms = [
            f"{one_of(0xC2, 0xDF)}{rest}",
            f"{one_of(0xE0, 0xEF)}{rest}{{2}}",
            f"{one_of(0xF0, 0xF4)}{rest}{{3}}",
        ]
    else:  # the letters of western languages, and signs
        forms = [f"{one_of(0xC2, 0xC5)}{rest}", f"{one_of(0xE1, 0xE2)}{rest}{{2}}"]
    return re.compile(f"(?:{'|'.join(forms)})+"), byte_of


def _replacement(match: re.Match[str], byte_of: Mapping[str, int], other_alphabets: bool) -> str:
    try:
        read = bytes(byte_of[c] for c in match.group()).decode("utf-8")
    except UnicodeDecodeError:
        return match.group()
    text = match.string
    before, behind = text[max(match.start() - 1, 0) : match.start()], text[match.end() : match.end() + 1]
    if all(_is_latin(c) for c in read):  # É at the end of a quoted word is followed by a sign of its own
        return match.group() if read[-1] in _LATIN and match.group()[-1] in _CLOSING and not behind.isalpha() else read
    other = sum(unicodedata.category(c)[0] in "LM" and ord(c) > 0x2FF for c in read)
    known = all(unicodedata.category(c)[0] in "LMNPZ" for c in read)
    alone = not any(c.isalpha() and c.isascii() for c in before + behind)
    return read if other_alphabets and other > 1 and known and alone else match.group()


def _is_latin(c: str) -> bool:
    """Check whether a character stands in words of Latin letters."""
    letter = "\u0080" <= c <= "\u017f" or "\u0300" <= c <= "\u036f" or "\u1e00" <= c <= "\u1eff"
    return letter or c in _LATIN or c in _SIGNS
