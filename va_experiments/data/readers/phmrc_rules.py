"""Turn questions of a PHMRC file into symptoms: the rules, how to apply them, and which columns are never symptoms.

A rule turns the answers of one or two questions into one symptom. The published conversion (James, Flaxman and Murray
2011, Population Health Metrics 9:31, additional files 9 and 10) is a list of such rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import ABSENT, MISSING, NOT_UNDERSTOOD, PRESENT, LedgerEntry
from va_experiments.data.readers.phmrc_codes import as_words

__all__ = [
    "NEGATIVE",
    "NOT_LISTED",
    "UNKNOWN",
    "Module",
    "Rule",
    "answers",
    "apply_rule",
    "categories",
    "cut_off",
    "is_label_equivalent",
    "note_no_numbers",
    "numbers",
]

NOT_LISTED = NOT_UNDERSTOOD[1]
"""Reason in the ledger."""

NEGATIVE = "a negative number"
"""Reason in the ledger for an answer to a question of how many or how long."""

UNKNOWN = frozenset({"", "don't know", "refused to answer", "unknown", "no data"})
"""Answers without information, in the form of `normalised`; they count as missing."""

_LABEL_EQUIVALENT = re.compile(
    r"""gs_.*|va(34|46|55)|site|module|newid       # the truth, and what stands for it
      |a6_1[1-5]|c5_1[2-6]|[ac]7_.*|c6_.*          # causes on the death certificate
      |g2_.*|g3_.*|g4_.*                           # interviewer, consent, respondent
      |(g1_01|g1_06|g5_01|g5_03|a6_06_[12]|a6_07|c1_10|c1_24|c5_08)[dmy]?""",
    re.VERBOSE,
)
_FREE_TEXT = re.compile(
    r"a2_09_[12]b|a2_46b|a2_87_10b|a4_02_5b|c1_19_4b|c2_01_13|c2_08b|c2_1[35]b|c3_03_4b|c3_43|c4_45|c4_47_8b"
)


def is_label_equivalent(column: str) -> bool:
    """Check whether a raw column reveals the cause, the site or the interview, and so must not be a symptom.

    ``a2_09_1b`` and other free text are excluded too, because free text can name the cause.
    """
    return bool(_LABEL_EQUIVALENT.fullmatch(column) or _FREE_TEXT.fullmatch(column))


@dataclass(frozen=True)
class Rule:
    """How to compute one symptom.

    Parameters
    ----------
    symptom : str
    columns : tuple of str
        The question; a second column is a second answer, which can only add a "yes".
    yes, no : frozenset of str
        Listed answers. Any other answer is missing, and with `compat` absent, as published.
    cut : float, optional
        The symptom is present where the number is strictly greater.
    learned : bool
        No cut-off is published; it is learned on training rows.
    recorded : bool
        Present if any of the columns has an answer, independent of its content; absent otherwise.
    block : str
        ``core``, ``hce`` or ``word``.
    unit : str
        ``days``, ``years``, ``g``, ``per day``: of `cut` and of the covariate.
    """

    symptom: str
    columns: tuple[str, ...]
    yes: frozenset[str] = frozenset({"Yes"})
    no: frozenset[str] = frozenset({"No"})
    cut: float | None = None
    learned: bool = False
    recorded: bool = False
    block: str = "core"
    unit: str = ""

    @property
    def covariate(self) -> str:
        """Name of the number behind a cut-off, such as ``a2_03_days``."""
        return f"{self.columns[0]}_{self.unit.replace(' ', '_')}"


@dataclass(frozen=True)
class Module:
    """One questionnaire: its rules and its cause list.

    Parameters
    ----------
    name : str
        ``adult``, ``child`` or ``neonate``.
    n_deaths : int
        Deaths in the published file.
    rules : tuple of Rule
        Without the words of the narrative, which come from the file.
    causes, groups : tuple of str
        In the order of the codes 1, 2, ...
    age : tuple of (str, float)
        Column and years per unit; the first with a number is used; columns of one source are not added.
    age_range : tuple of float
        Years outside the range are set to missing.
    stems : tuple of (str, str)
        If set, causes are matched by the first of these stems that `gs_text34` contains, and not by code.
    no_answer : tuple of str
        Symptoms that only say that a list of boxes was refused or not known.
    never : tuple of str
        Symptoms that no death of the published file has.
    """

    name: str
    n_deaths: int
    rules: tuple[Rule, ...]
    causes: tuple[str, ...]
    groups: tuple[str, ...]
    age: tuple[tuple[str, float], ...]
    age_range: tuple[float, float]
    stems: tuple[tuple[str, str], ...] = ()
    no_answer: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def answers(columns: str, *, block: str = "core") -> list[Rule]:
    """Make Yes/No rules for the columns named in a text; ``a2_87_1:9`` means ``a2_87_1`` to ``a2_87_9``."""
    rules = []
    for word in columns.split():
        stem, _, last = word.partition(":")
        if last:
            prefix, first = re.fullmatch(r"(.*_)(\d+)", stem).groups()  # type: ignore[union-attr]
            names = [f"{prefix}{k:0{len(first)}d}" for k in range(int(first), int(last) + 1)]
        else:
            names = [stem]
        rules += [Rule(n, (n,), block=block) for n in names]
    return rules


def categories(
    column: str, *levels: str | Sequence[str], no: Sequence[str] = (), second: str | None = None
) -> list[Rule]:
    """Make one rule for each listed answer of a question: ``q``, ``q_s1``, ``q_s2``, ...

    Parameters
    ----------
    column : str
    *levels : answers that make the first, second, ... symptom present
    no : listed answers that make none present
    second : column of a second answer
    """
    sets = [frozenset([level] if isinstance(level, str) else level) for level in levels]
    everything = frozenset().union(*sets, no)
    columns = (column,) if second is None else (column, second)
    return [
        Rule(column if k == 0 else f"{column}_s{k}", columns, yes=level, no=everything - level)
        for k, level in enumerate(sets)
    ]


def cut_off(cuts: Mapping[str, float | None], unit: str = "days") -> list[Rule]:
    """Make "greater than" rules; None means a cut-off to be learned."""
    return [Rule(c, (c,), cut=v, learned=v is None, unit=unit) for c, v in cuts.items()]


def numbers(column: CodedColumn) -> npt.NDArray[np.float64]:
    """Convert cells to numbers, NaN if they are not finite numbers."""
    parsed = np.full(len(column.values), np.nan)
    for k, value in enumerate(column.values):
        try:
            parsed[k] = float(value)
        except ValueError:
            continue
    parsed[~np.isfinite(parsed)] = np.nan
    return parsed[column.codes]


def note_no_numbers(name: str, column: CodedColumn, ledger: list[LedgerEntry]) -> None:
    """Enter the cells that are neither a finite number nor an answer that says that nothing is known."""
    finite = np.isfinite(numbers(CodedColumn(np.arange(len(column.values), dtype=np.int32), column.values)))
    odd = [k for k, v in enumerate(column.values) if not finite[k] and normalised(v) not in UNKNOWN]
    if odd:
        count = int(np.isin(column.codes, odd).sum())
        examples = tuple(sorted(column.values[k] for k in odd))[:5]
        ledger.append(LedgerEntry("set missing", name, count, NOT_LISTED, examples))


def apply_rule(
    rule: Rule, table: Mapping[str, CodedColumn], *, compat: bool, ledger: list[LedgerEntry]
) -> npt.NDArray[np.int8]:
    """Compute one symptom, int8 of shape (n_deaths,), and record every answer that is not listed.

    Rules with a cut are applied to numbers elsewhere (:func:`va_experiments.data.readers.phmrc.read_phmrc`).
    """
    first = as_words(rule.columns[0], table[rule.columns[0]])
    yes, no = ({normalised(w) for w in words} for words in (rule.yes, rule.no))
    codes = np.full(len(first.values), ABSENT if compat else MISSING, dtype=np.int8)
    unlisted = []
    for k, raw in enumerate(first.values):
        value = normalised(raw)
        if value in UNKNOWN:
            codes[k] = MISSING
        elif value in yes:
            codes[k] = PRESENT
        elif value in no:
            codes[k] = ABSENT
        else:
            unlisted.append(k)
    symptom = codes[first.codes]
    if unlisted:
        count = int(np.isin(first.codes, unlisted).sum())
        ledger.append(
            LedgerEntry(
                "set absent" if compat else "set missing",
                rule.symptom,
                count,
                NOT_LISTED,
                tuple(sorted(first.values[k] for k in unlisted))[:5],
            )
        )
    for name in rule.columns[1:]:
        second = as_words(name, table[name])
        words_of = [normalised(v) for v in second.values]
        also = np.array([w in yes for w in words_of], dtype=bool)
        symptom[also[second.codes]] = PRESENT
        unlisted = [k for k, w in enumerate(words_of) if w not in UNKNOWN and w not in yes and w not in no]
        if unlisted and not compat and rule.symptom == rule.columns[0]:  # the first of the rules of a question
            count = int(np.isin(second.codes, unlisted).sum())
            examples = tuple(sorted(second.values[k] for k in unlisted))[:5]
            ledger.append(LedgerEntry("set missing", name, count, NOT_LISTED, examples))
    return symptom
