"""Read the probbase of InterVA-5, the expert table of how likely each symptom is for each cause, and check it."""

from __future__ import annotations

import csv
import functools
import gzip
import importlib.util
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from va_experiments.data.safe_open import check_file
from va_experiments.errors import MAX_SHOWN, InputError, did_you_mean, shown, shown_path

__all__ = ["CAUSES", "CIRCUMSTANCES", "LETTERS", "LEVEL_VALUES", "PREGNANCY", "Probbase", "Rule", "read_probbase"]

MAX_BYTES: Final = 64 << 20
"""Of a probbase, also once it is expanded: InterVA-5's has 80 kB."""

LETTERS: Final = ("I", "A+", "A", "A-", "B+", "B", "B-", "C+", "C", "C-", "D+", "D", "D-", "E", "N")
"""Names of the levels, from the highest probability to the lowest."""

LEVEL_VALUES: Final = np.array([1, 0.8, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 1e-4, 1e-5, 0])
"""InterVA's probability of each level."""

PREGNANCY: Final = slice(0, 3)
CAUSES: Final = slice(3, 64)
CIRCUMSTANCES: Final = slice(64, 70)
"""Columns of the three blocks of outputs: pregnancy status, causes of death, circumstances of mortality."""

_N_OUTPUTS = 70
_META = ("indic", "qdesc", "sdesc", "subst", *(f"dontask{k}" for k in range(1, 9)), "doaskif", "nnonly")
_RULE = re.compile(r"^(.{5})([YN])$", re.IGNORECASE)
_LEVEL = {**{letter: k for k, letter in enumerate(LETTERS)}, "B -": LETTERS.index("B-"), "": LETTERS.index("N")}
_CIRCUMSTANCE_NAMES = ("Culture", "Emergency", "Health systems", "Inevitable", "Knowledge", "Resources")


class Rule(NamedTuple):
    """One consistency rule of an indicator: it applies if `other` has the value `yes`."""

    indicator: int
    other: int
    yes: bool


@dataclass(frozen=True, eq=False)
class Probbase:
    """InterVA-5's table of expert knowledge.

    Parameters
    ----------
    version : str
        As the file names it.
    indicators : tuple of str
        The 353 questions, by code, in order.
    outputs : tuple of str
        The 70 outputs, by code: 3 pregnancy states, 61 causes, 6 circumstances.
    names : tuple of str
        Their names.
    substantive : bool array, shape (n_indicators,)
        The informative answer: True for yes, False for no.
    level : int8 array, shape (n_indicators, 70)
        Level of P(substantive answer | output): index into `LETTERS`.
    prior_level : int8 array, shape (70,)
    dont_ask : tuple of Rule
        In order: the answer is deleted if `other` has this value.
    ask_if : tuple of Rule
        A substantive answer implies this value of `other`.
    neonates_only : tuple of Rule
        A substantive answer is deleted unless `other` (the neonate indicator) is yes.
    """

    version: str
    indicators: tuple[str, ...]
    outputs: tuple[str, ...]
    names: tuple[str, ...]
    substantive: npt.NDArray[np.bool_]
    level: npt.NDArray[np.int8]
    prior_level: npt.NDArray[np.int8]
    dont_ask: tuple[Rule, ...]
    ask_if: tuple[Rule, ...]
    neonates_only: tuple[Rule, ...]

    @property
    def causes(self) -> tuple[str, ...]:
        """Names of the 61 causes of death."""
        return self.names[CAUSES]

    @property
    def probability(self) -> npt.NDArray[np.float64]:
        """P(substantive answer | output) in InterVA's values, shape (n_indicators, 70)."""
        return LEVEL_VALUES[self.level]

    def index(self, code: str) -> int:
        """Return the position of an indicator."""
        return self.indicators.index(code)


def read_probbase(path: str | Path | None = None) -> Probbase:
    """Read the probbase in `path` (``.csv`` or ``.csv.gz``), or the one in the package vacheck.

    Raises
    ------
    InputError
        Missing columns, letters that are not a level, a cause without any level, repeated indicators, rules about
        unknown indicators, no row of priors: all problems of the file at once.
    """
    if path is None:
        return _bundled()
    file = Path(path)
    if not file.is_file():
        raise InputError(
            f"probbase: no file {shown_path(path)}; expected a CSV file laid out as InterVA-5's probbaseV5"
        )
    check_file(file, MAX_BYTES)
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        try:
            content = stream.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"probbase {shown_path(path)}: damaged or no gzip file ({error})") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"probbase {shown_path(path)}: expands to more than {MAX_BYTES >> 20} MB")
    return _parse(content, file.name)


@functools.lru_cache(maxsize=1)
def _bundled() -> Probbase:
    spec = importlib.util.find_spec("vacheck")  # only its data file is used: importing the package would import pandas
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "probbase: the package vacheck, which carries the probbase, is not installed; expected version 0.0.3"
        )
    return _parse((Path(spec.submodule_search_locations[0]) / "data" / "probbaseV5.csv").read_bytes(), "of vacheck")


def _parse(content: bytes, source: str) -> Probbase:
    """Parse a probbase: check the header, sort the rows by kind, read levels and rules, and list every problem."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"probbase {source}: not UTF-8 at byte {error.start + 1}; save it as UTF-8") from None
    rows = list(csv.reader(io.StringIO(text)))
    column, outputs = _parse_header(rows[0] if rows else [], source)
    problems: list[str] = []
    parts = _sort_rows(rows[1:], column, len(rows[0]), problems)
    if parts.prior is None:
        raise InputError(
            f"probbase {source}: no row '[UNCONDITIONAL PRIOR]' (column qdesc); expected one with the priors"
        )
    indicators = tuple(row[column["indic"]].strip().lower() for _, row in parts.body)
    problems += [f"indicator '{c}' occurs twice" for c in dict.fromkeys(indicators) if indicators.count(c) > 1]
    level = _parse_levels([parts.prior, *parts.body], _first_output(column), outputs, problems)
    substantive, rules = _parse_rules(parts.body, column, indicators, problems)
    if problems:
        raise InputError([f"probbase {source}: {problem}" for problem in problems])
    labels = None if parts.labels is None else parts.labels[_first_output(column) :]
    return Probbase(
        version=parts.prior[1][column["sdesc"]].strip() or source,
        indicators=indicators,
        outputs=outputs,
        names=_names(labels, outputs),
        substantive=substantive,
        level=level[1:].astype(np.int8),
        prior_level=level[0].astype(np.int8),
        dont_ask=tuple(rules["dontask"]),
        ask_if=tuple(rules["doaskif"]),
        neonates_only=tuple(rules["nnonly"]),
    )


_Line = tuple[int, list[str]]
"""A row with its line in the file."""


@dataclass
class _Parts:
    """The rows of a probbase by kind: indicators, priors, names of the outputs."""

    body: list[_Line] = field(default_factory=list)
    prior: _Line | None = None
    labels: list[str] | None = None


def _parse_header(row: Sequence[str], source: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the place of each column, and the names of the outputs."""
    header = [name.strip().lower() for name in row]
    if absent := [name for name in _META if name not in header]:
        raise InputError(
            [f"probbase {source}: no column '{name}'{did_you_mean(name, header)}" for name in absent]
            + [f"probbase {source}: expected the columns of InterVA-5's probbaseV5 (17 of rules, 70 of outputs)"]
        )
    column = {name: k for k, name in enumerate(header)}
    outputs = tuple(header[_first_output(column) :])
    blocks = [sum(code.startswith(letter) for code in outputs) for letter in ("a_", "b_", "c_")]
    if blocks != [3, 61, 6] or list(outputs) != sorted(outputs, key=lambda code: code[0]):
        raise InputError(
            f"probbase {source}: {blocks[0]} pregnancy (a_), {blocks[1]} cause (b_) and {blocks[2]} circumstance (c_) "
            f"columns; expected 3, 61 and 6, in this order"
        )
    return column, outputs


def _first_output(column: Mapping[str, int]) -> int:
    """Return the place of the first output: after the columns of rules."""
    return max(column[name] for name in _META) + 1


def _sort_rows(rows: Sequence[list[str]], column: Mapping[str, int], n_columns: int, problems: list[str]) -> _Parts:
    """Return the rows by kind, and add those of another width to the problems."""
    parts = _Parts()
    for line, row in enumerate(rows, start=2):
        if len(row) < n_columns:
            if any(row):
                problems.append(f"line {line}: {len(row)} fields; expected {n_columns}")
        elif row[column["indic"]].strip():
            parts.body.append((line, row))
        elif "PRIOR" in row[column["qdesc"]].upper():
            parts.prior = line, row
        elif "OUTPUT" in row[column["qdesc"]].upper():
            parts.labels = row
    return parts


def _parse_levels(
    rows: Sequence[_Line], first: int, outputs: tuple[str, ...], problems: list[str]
) -> npt.NDArray[np.int64]:
    """Return the levels of the priors (row 0) and the indicators, and add cells without a level to the problems."""
    level = np.array([[_level(cell) for cell in row[first : first + _N_OUTPUTS]] for _, row in rows])
    for j, k in np.argwhere(level < 0)[:MAX_SHOWN]:
        line, row = rows[j]
        letters = ", ".join(LETTERS)
        problems.append(f"line {line}, column {outputs[k]}: {shown(row[first + k])}; expected one of {letters}")
    empty = (level[1:, CAUSES] == _LEVEL["N"]).all(axis=0)
    problems += [f"column {outputs[CAUSES][k]}: no indicator has a level above N" for k in np.flatnonzero(empty)]
    return level


def _parse_rules(
    body: Sequence[_Line], column: Mapping[str, int], indicators: Sequence[str], problems: list[str]
) -> tuple[npt.NDArray[np.bool_], dict[str, list[Rule]]]:
    """Return which indicators are substantive, and the rules between them."""
    place = {code: k for k, code in enumerate(indicators)}
    rules: dict[str, list[Rule]] = {"dontask": [], "doaskif": [], "nnonly": []}
    substantive = np.ones(len(body), dtype=bool)
    for j, (line, row) in enumerate(body):
        answer = row[column["subst"]].strip().upper()
        if answer not in ("Y", "N"):
            problems.append(f"line {line}, column subst: {shown(answer)}; expected Y or N")
        substantive[j] = answer != "N"
        for name in _META[4:]:
            if not (text := row[column[name]].strip()):
                continue
            match = _RULE.match(text)
            if match is None or match[1].lower() not in place:
                known = did_you_mean(text[:5], indicators)
                problems.append(f"line {line}, column {name}: {shown(text)}; expected an indicator and Y or N{known}")
                continue
            rules[name.rstrip("12345678")].append(Rule(j, place[match[1].lower()], match[2].upper() == "Y"))
    return substantive, rules


def _level(cell: str) -> int:
    return _LEVEL.get(cell.strip(), -1)


def _names(labels: list[str] | None, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """Name the outputs without WHO's numbers; a file without names gets those of the bundled probbase."""
    if labels is None:
        known = dict(zip(_bundled().outputs, _bundled().names, strict=True))
        return tuple(known.get(code, code) for code in outputs)
    plain = [re.sub(r"^[\d.]+( & [\d.]+)? ", "", label.strip()) for label in labels[: CIRCUMSTANCES.start]]
    return (*plain, *_CIRCUMSTANCE_NAMES)
