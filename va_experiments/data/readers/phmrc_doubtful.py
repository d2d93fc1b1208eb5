"""Note what can be read in a file with PHMRC's questionnaire, but may not be meant.

In: coded columns, the rules of a module, the symptoms. Out: entries of the ledger, each of which is one warning before
a run: questions that nobody answers, symptoms with one answer, and a question with numbers where others hold words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import ABSENT, DOUBTFUL, PRESENT, LedgerEntry
from va_experiments.data.doubtful_columns import ENOUGH_DEATHS, MANY_DEATHS, columns_and, mixed_codes, original_name
from va_experiments.data.readers.phmrc_codes import as_words, has_choices
from va_experiments.data.readers.phmrc_rules import UNKNOWN, Module

__all__ = ["doubtful_questions"]


def doubtful_questions(
    table: Mapping[str, CodedColumn],
    rules: Module,
    symptoms: npt.NDArray[np.int8],
    names: Sequence[str],
    absent: Collection[str] = (),
) -> list[LedgerEntry]:
    """Return an entry for each kind of question that may not be what it seems.

    Parameters
    ----------
    table : mapping of str to CodedColumn
    rules : Module
    symptoms : int8 array, shape (n_deaths, n_symptoms)
    names : sequence of str
        Of the symptoms.
    absent : collection of str
        Questions that the file does not have.
    """
    n = len(symptoms)
    if n < ENOUGH_DEATHS:
        return []
    empty: dict[str, None] = {}
    answers: dict[str, set[str]] = {}
    for rule in rules.rules:
        question = rule.columns[0]
        if rule.recorded or question in absent or question in answers:
            continue
        answers[question] = set()
        column = table[question]
        used = np.bincount(column.codes, minlength=len(column.values)) > 0
        words = [normalised(w) for w in as_words(question, column).values]
        if not any(u and w not in UNKNOWN for u, w in zip(used.tolist(), words, strict=True)):
            empty[question] = None
        if rule.cut is None and not rule.learned and not has_choices(question):
            answers[question] = {
                normalised(v) for v, w, u in zip(column.values, words, used.tolist(), strict=True)
                if u and w in ("yes", "no")
            }  # fmt: skip
    yes, no = (symptoms == PRESENT).sum(axis=0), (symptoms == ABSENT).sum(axis=0)
    numbers = {r.symptom for r in rules.rules if r.cut is not None or r.learned or r.recorded}
    is_asked = ~np.isin(names, sorted(numbers | {*rules.never}))
    always = [names[j] for j in np.flatnonzero((no == 0) & (yes >= 0.5 * n) & is_asked).tolist()]
    never = [names[j] for j in np.flatnonzero((yes == 0) & (no > 0) & is_asked).tolist()]
    copies = [c for c in table if c not in answers and (original := original_name(c, table)) and original in answers]
    entries = [
        LedgerEntry(DOUBTFUL, columns[0], len(columns), f"{columns_and(columns, one, several)} {reason}")
        for columns, one, several, reason in (
            ([*empty], "has", "have", "no answer at any death"),
            (always, "says", "say", "yes at every death that has an answer"),
            (never if n >= MANY_DEATHS else [], "says", "say", "no at every death that has an answer"),
            (copies, "has", "have", "the name of a copy of a question; it is not read"),
        )
        if columns
    ]
    return entries + mixed_codes({c: cells for c, cells in answers.items() if cells}, ", as in the codebook")
