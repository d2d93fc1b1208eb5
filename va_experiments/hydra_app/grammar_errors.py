"""Say how to write an override that Hydra's grammar does not accept: what to quote, and what the shell has divided."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from va_experiments.errors import InputError, shown
from va_experiments.redaction import redacted

__all__ = ["MOST_CHARACTERS", "check_length", "parse_overrides"]

MOST_CHARACTERS = 30_000
"""Of all overrides of a command: Hydra's parser takes about a second for each 5,000 characters of a list."""

_OPEN = {"(": ")", "[": "]", "{": "}"}
_CALL = re.compile(r"(\w+)\s*\(.*\)\s*", re.DOTALL)
_FUNCTIONS = {
    "interval": "takes two numbers, the smaller first, such as interval(0.1,10)",
    "range": "takes whole numbers or decimals: start, stop and step, such as range(1,10,2)",
    "choice": "takes one value or more, such as choice(1,10,100)",
    "shuffle": "takes one value or more, a list or a range, such as shuffle(1,2,3)",
    "sort": "takes one value or more, a list or a range, such as sort(3,1,2)",
    "glob": "takes a pattern of names, such as glob(*)",
    "tag": "takes names and one sweep, such as tag(a,choice(1,2))",
}
"""What the functions of Hydra's grammar accept."""
_NAME = re.compile(r"\w[\w .+*%@?|/-]*|'[^']*'|\"[^\"]*\"")


def check_length(overrides: Sequence[str]) -> None:
    """Refuse a command whose overrides would take minutes to be parsed.

    Raises
    ------
    InputError
        Naming the longest one, and where its value can stand instead.
    """
    total = sum(map(len, overrides))
    if total > MOST_CHARACTERS:
        longest = max(overrides, key=len)
        key = redacted(shown(longest.partition("=")[0]))
        raise InputError(
            f"the overrides of this command have {total:,} characters, of which {key} has {len(longest):,}; at most "
            f"{MOST_CHARACTERS:,} are read: put the value into a file (--config-dir FOLDER with "
            "FOLDER/experiment/NAME.yaml, and experiment=NAME)"
        )


def parse_overrides(overrides: Sequence[str], loader: Any = None) -> list[Any]:
    """Return the overrides of a command as Hydra reads them (``hydra.core.override_parser.types.Override``).

    Parameters
    ----------
    overrides : sequence of str
    loader : hydra.core.config_loader.ConfigLoader, optional
        Lists the files of a group for ``glob``.

    Raises
    ------
    InputError
        For all that do not follow the grammar, each with the way to write it.
    """
    parsed, problems = [], []
    skip = 0
    for number, text in enumerate(overrides):
        if skip:
            skip -= 1
            continue
        override = _parse(text, loader) or _parse(_with_quoted_names(text), loader)
        if override is None or not override.key_or_group:
            problem, skip = _explain(text, overrides[:number], overrides[number + 1 :])
            problems.append(problem)
        else:
            parsed.append(override)
    if problems:
        raise InputError([f"cannot read an override: {p}" for p in problems])
    return parsed


def _parse(text: str, loader: Any = None) -> Any:
    """Return the override, or None if the grammar does not accept it."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create(config_loader=loader).parse_overrides([text])[0]
    except (HydraException, ValueError, RecursionError):
        return None


def _with_quoted_names(text: str) -> str:
    """Return an override with quotes around names such as São Tomé, since Hydra's grammar knows plain letters only."""
    key, _, value = text.partition("=")
    names = [name.strip() for name in value.split(",")]
    if value.isascii() or not all(_NAME.fullmatch(name) for name in names):
        return text
    return f"{key}=" + ",".join(name if name.isascii() or name[0] in "'\"" else f"'{name}'" for name in names)


def _explain(text: str, before: Sequence[str], after: Sequence[str]) -> tuple[str, int]:
    """Return what is wrong with an override, and how many of the arguments after it belong to it."""
    key, equals, value = text.partition("=")
    quoted = redacted(shown(text))
    continues = bool(before) and "=" in before[-1] and (before[-1].endswith("=") or text.startswith(","))
    spaced, number = _spaced(f"{before[-1]} {text}" if continues else text, after)
    if (
        spaced != text
        and not set(_OPEN) & set(spaced)
        and "=" in spaced
        and _parse(tight := spaced.replace(" ", "")) is not None
    ):
        return f"{redacted(shown(spaced))} was divided at a space by the shell; write {redacted(tight)}", number
    if not equals or not re.fullmatch(r"[+~]{0,2}\S+", key):
        joined = f"{before[-1]} {text}" if before and "=" in before[-1] and not equals else ""
        way = _quoted(joined) if joined else ""
        space = f"; if the space belongs to the value before it, write {redacted(way)}" if way else ""
        if equals and key.strip() and not space and _parse(tight := f"{key.strip()}={value.strip()}") is not None:
            space = f"; write it without spaces around the equals sign: {redacted(tight)}"
        return f"{quoted} is not KEY=VALUE (or ~KEY){space}", 0
    if _parse(f"{key}=1") is None:
        return f"{quoted}: a key has plain letters, digits and _ . / @; got {shown(key)}", 0
    depth, number, whole = _depth(value), 0, text
    while depth > 0 and number < len(after):  # the shell divides [a, b] and {a: b} at their spaces
        whole += f" {after[number]}"
        depth += _depth(after[number])
        number += 1
    if number and depth == 0 and _parse(whole) is not None:
        return f"{quoted} was divided at a space by the shell; write {redacted(shlex.quote(whole))}", number
    if re.search(r"(^|,)\s*(,|$)", value):
        return f"{quoted} has a comma without a value beside it; remove the comma, or name the value", 0
    if value.startswith("=") and _parse(tight := f"{key}={value.lstrip('=')}") is not None:
        return f"{quoted} has two equals signs; write {redacted(tight)}", 0
    call = _CALL.fullmatch(value)
    if call and (accepts := _FUNCTIONS.get(call[1])):
        return f"{quoted} cannot be read: {call[1]}() {accepts}", 0
    if way := _quoted(text):
        return f"{quoted} holds characters that must be quoted (one of ( ) [ ] {{ }} , : = ' \" $): {redacted(way)}", 0
    return f"{quoted} is not KEY=VALUE; a list is written [a,b], a mapping {{a: 1, b: 2}}, text in quotes", 0


def _spaced(text: str, after: Sequence[str]) -> tuple[str, int]:
    """Return an override with the words after it that an equals sign or a comma joins to it, and how many they are."""
    number = 0
    for word in after:
        joins = text.endswith(("=", ",")) or word.startswith(("=", ","))
        if not joins or "=" in (word.lstrip("=") if "=" not in text else word):
            break
        text, number = f"{text} {word}", number + 1
    return text, number


def _depth(text: str) -> int:
    """Return how many brackets are opened and not closed."""
    return sum(text.count(o) - text.count(c) for o, c in _OPEN.items())


def _quoted(text: str) -> str:
    """Return a command-line argument that sets the key to the text behind its equals sign; nothing if there is none."""
    key, _, value = text.partition("=")
    mark = '"' if "'" in value else "'"
    whole = f"{key}={mark}{value}{mark}"
    override = _parse(whole)
    if override is None or str(getattr(override.value(), "text", override.value())) != value:
        return ""
    return shlex.quote(whole) if mark == '"' else f'"{whole}"' if not set('"$`\\!') & set(whole) else shlex.quote(whole)
