"""Find what programs and people add to names without changing them: wrappers, unseen letters, look-alikes, marks.

In: names of sites, causes, columns and ids. Out: the names without what has no meaning (``="A"`` of a spreadsheet,
zero-width letters, full-width letters), and those that only a person can judge: letters of two alphabets that look the
same, and marks of footnotes (``A*``) beside the same name without one.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "doubtful_ids",
    "doubtful_names",
    "in_one_alphabet",
    "skeleton",
    "typed_map",
    "undecorated",
    "without_footnote",
]

_WRAPPED = re.compile(r'="(.*)"|"([^"]*)"|“([^“”]*)”|\'([^\']*)\'', re.DOTALL)
_JOINERS = "\u200c\u200d"
"""Letters that are not seen, but belong to words of Persian and of the scripts of India."""
_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_ALIKE = dict(
    zip(
        "аеорсухіјѕԁһвкмнтԛԝӏАВЕКМНОРСТХУІЈЅԌαοιυκρΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aeopcyxijsdhbkmhtqwlABEKMHOPCTXYIJSGaoiukpABEZHIKMNOPTYX",
        strict=True,
    )
)
"""Cyrillic and Greek letters -> the Latin ones that look the same."""
_TO_LATIN = str.maketrans(_ALIKE | {"ν": "v"})
_FROM_LATIN = {
    script: {latin: own for own, latin in reversed(_ALIKE.items()) if unicodedata.name(own).startswith(script)}
    for script in ("CYRILLIC", "GREEK")
}
_WORD = re.compile(r"[^\W\d_]+")
_BEHIND = re.compile(r"\s*(?:[*†‡§¶#°^~¹²³⁰⁴-⁹ª]+|[(\[]\s*(?:\d{1,3}|[*†‡a-e])\s*[)\]]|(?<=\w)[.,;:])$")
_BEFORE = re.compile(r"^(?:[*†‡§¶'’‘`´]+\s*)(?=\w)")
_FOOTNOTE = re.compile(r"\s*[*†‡§¶]+$")
_ID_MARK = re.compile(r"\s*(?:[*†‡§¶¹²³⁰⁴-⁹]+|[(\[]\d{1,3}[)\]])$")


def undecorated(text: str) -> str:
    """Return a name in one Unicode form (NFC), without what does not change it.

    Left out are spaces around it, the wrapper ``="..."`` by which spreadsheets keep text, quotes around the whole, and
    letters that are not seen; full-width letters, line ends and other kinds of spaces become the usual ones.
    """
    text = text.strip()
    if "\n" in text or "\r" in text or "\t" in text:
        text = " ".join(text.split())
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_WIDTH)
        keep = _JOINERS if any(ord(c) > 0x58F and c.isalpha() for c in text) else ""
        text = "".join(" " if c.isspace() else c for c in text if unicodedata.category(c) != "Cf" or c in keep)
        text = text.strip()
    while text[:1] in ('"', "=", "“", "'") and (match := _WRAPPED.fullmatch(text)):
        inner = next(part for part in match.groups() if part is not None).strip()
        if not inner:
            break
        text = inner
    return text


def skeleton(name: str) -> str:
    """Fold case, width, spaces and the Cyrillic and Greek letters that look Latin."""
    folded = unicodedata.normalize("NFKC", name).translate(_TO_LATIN)
    return "".join(c for c in folded if not unicodedata.category(c).startswith(("C", "Z"))).casefold()


def in_one_alphabet(name: str) -> str:
    """Return a name in which no word has letters of another alphabet that look like its own; else the name itself."""
    if name.isascii():
        return name
    latin = any(c.isalpha() and _script(c) == "LATIN" for c in name)
    return _WORD.sub(lambda match: _word_in_one_alphabet(match.group(), latin), name)


def doubtful_names(names: Collection[str], accepted: Collection[str] = ()) -> dict[str, tuple[str, str]]:
    """Return the names that are probably another one, each with the reason and with the name that it probably is.

    Parameters
    ----------
    names : collection of str
        All sites, or all causes, of a table; `undecorated`.
    accepted : collection of str
        Names that a person has confirmed.

    Returns
    -------
    dict of str to (str, str)
        Name -> (why, other name).
    """
    doubts: dict[str, tuple[str, str]] = {}
    doubtful = [n for n in names if n not in accepted]
    alphabets = "has letters of another alphabet that look the same"
    twins: dict[str, list[str]] = {}
    for name in names:
        twins.setdefault(skeleton(name), []).append(name)
    foreign = _foreign(names)
    for name in doubtful:
        other = in_one_alphabet(name)
        if other == name and not name.isascii():
            latin = [n for n in twins[skeleton(name)] if n.isascii()]
            whole = name.translate(_TO_LATIN)
            alone = not foreign and whole.isascii() and any(n.isascii() and _WORD.search(n) for n in names)
            other = latin[0] if latin and whole.isascii() else whole if alone else name
        if other != name:
            doubts[name] = (alphabets, other)
    by_key = {_without_marks(n).casefold(): n for n in names if _without_marks(n) == n}
    for name in doubtful:
        plain = _without_marks(name)
        if name not in doubts and plain != name and plain.casefold() in by_key:
            doubts[name] = ("differs from another name only in a mark", by_key[plain.casefold()])
        elif name not in doubts and without_footnote(name) != name:
            doubts[name] = ("ends with the mark of a footnote", without_footnote(name))
    if len(names) > 1 and all(n.endswith(".") for n in names):
        doubts |= {n: ("ends with a point, as all do", n.rstrip(". ")) for n in doubtful if n not in doubts}
    apostrophes = [n for n in names if n[:1] in ("'", "’")]
    if len(apostrophes) == len(names) > 1:
        doubts |= {
            n: ("begins with an apostrophe, by which spreadsheets mark text", n[1:].strip())
            for n in doubtful
            if n not in doubts and n[1:].strip()
        }
    return doubts


def without_footnote(name: str) -> str:
    """Return a name without the mark of a footnote behind it (``A*``); the name itself if nothing else is left."""
    return _FOOTNOTE.sub("", name) or name


def doubtful_ids(ids: Collection[str]) -> list[str]:
    """Return ids with the mark of a footnote (``d5*``, ``d5 (1)``) or with letters that only look Latin, if not all."""
    foreign = _foreign(ids)
    marked = [
        i
        for i in ids
        if (i[-1:] in "*†‡§¶¹²³⁰⁴⁵⁶⁷⁸⁹)]" and _ID_MARK.search(i))
        or (not i.isascii() and (in_one_alphabet(i) != i or (not foreign and i.translate(_TO_LATIN).isascii())))
    ]
    return marked if len(marked) < len(ids) else []


def doubtful_ids_sentence(marked: Collection[str], where: str) -> str:
    """Return the question about such ids, for readers that need ids."""
    return (
        f"{where}: {len(marked)} ids end with a mark or have letters of another alphabet, the others do not (such "
        f"as {next(iter(marked))!r}): are they deaths of their own? Write them like the others, or name another column "
        "of ids with data.id=COLUMN"
    )


def _word_in_one_alphabet(word: str, beside_latin: bool) -> str:
    scripts = {_script(c) for c in word}
    if len(scripts) == 1:
        foreign = beside_latin and scripts != {"LATIN"} and (scripts == {"CYRILLIC"} or word.isupper())
        latin = word.translate(_TO_LATIN)
        return latin if foreign and latin.isascii() else word
    if scripts - {"LATIN", "CYRILLIC", "GREEK"}:
        return word
    if all(_script(c) == "LATIN" or c in _ALIKE for c in word):
        return word.translate(_TO_LATIN)
    for script, letters in _FROM_LATIN.items():
        if script in scripts and all(_script(c) == script or c in letters for c in word):
            return "".join(c if _script(c) == script else letters[c] for c in word)
    return word


def _script(c: str) -> str:
    return "LATIN" if c.isascii() else unicodedata.name(c, "").partition(" ")[0]


def _foreign(names: Iterable[str]) -> bool:
    """Check whether a name has a Cyrillic or Greek letter that looks like no Latin one."""
    others = (c for name in names if not name.isascii() for c in name if c.isalpha())
    return any(c not in _ALIKE and _script(c) in ("CYRILLIC", "GREEK") for c in others)


def _without_marks(name: str) -> str:
    """Return a name without marks of footnotes before and behind it; the name itself if nothing else is left."""
    plain = _BEFORE.sub("", name)
    while (shorter := _BEHIND.sub("", plain)) != plain and shorter.strip():
        plain = shorter
    return plain.strip() or name


def typed_map(option: str, pairs: Mapping[str, str | None]) -> str:
    """Return a mapping of names as an option is typed in a shell."""
    inner = ", ".join(
        f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}" for k, v in pairs.items()
    )
    return shlex.quote(f"{option}={{{inner}}}")
