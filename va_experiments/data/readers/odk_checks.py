"""Check whether the answers of an ODK export were understood.

In: an `OdkExport` and its `Reading`. Out: `AnswerChecks`: what is refused, with hints, and the dates that are not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_doubts import ask_about_order_of_dates, ask_about_yes_and_no, differing_ages
from va_experiments.data.readers.odk_export import OdkExport, OdkOptions
from va_experiments.data.readers.odk_indicators import (
    ask_about_blanks,
    ask_about_codes,
    not_understood,
    rows_of_labels,
)
from va_experiments.data.readers.odk_messages import (
    advice,
    advice_on_dates,
    answers_elsewhere,
    refusal,
    refused_dates,
)
from va_experiments.data.readers.odk_person import unread_dates
from va_experiments.data.readers.odk_unused import ask_about_ages, ask_about_map, ask_about_zeros
from va_experiments.data.readers.odk_versions import Reading

__all__ = ["AnswerChecks", "check_answers"]


@dataclass(frozen=True)
class AnswerChecks:
    """What the checks of an export's answers show.

    Parameters
    ----------
    problems : list of str
    unread_dates : mapping of str to Counter
        Question -> forms of its dates that cannot be read, with the number of cells.
    refused_answers, refused_dates : sequence of str
        Questions with too many cells that are no answer, or no date.
    """

    problems: list[str]
    unread_dates: Mapping[str, Counter[str]]
    refused_answers: Sequence[str]
    refused_dates: Sequence[str]

    def hint(self, answers: OdkAnswers) -> str:
        """Return how the refused cells can be read."""
        return "; ".join(filter(None, (advice(self.refused_answers, answers), advice_on_dates(self.refused_dates))))


def check_answers(export: OdkExport, reading: Reading, options: OdkOptions, ledger: list[LedgerEntry]) -> AnswerChecks:
    """Check the answers, and list what is not understood.

    With `OdkOptions.as_pycrossva` only what pyCrossVA too would refuse or leave out is looked at.
    """
    answers, where = reading.answers, export.where
    refused, entries = not_understood(answers, options.max_unknown)
    problems = [f"{where}: {c}" for c in answers.conflicts]
    problems += answers_elsewhere(where, export.questions, export.passed_over, answers)
    if not options.as_pycrossva:
        problems += _doubts(answers, where, options, reading.version)
    labels = rows_of_labels(answers)
    for line in export.source.lines_of([int(row) + 2 for row in labels]):
        problems.append(f"{where}: line {line} holds no answers: a row of labels or totals, not a death; remove it")
    refused = [(q, c) for q, c in refused if answers.unknown[q].total() > len(labels)]
    problems += [refusal(where, export.questions, question, cells) for question, cells in refused]
    ledger += entries
    dates = {} if options.as_pycrossva else unread_dates(answers, reading.age, options.date_order, options.latest_year)
    dates_refused = [
        q for q, forms in dates.items() if forms.total() - len(labels) > options.max_unknown * answers.count_filled(q)
    ]
    problems += [refused_dates(where, export.questions, q, dates[q], answers.count_filled(q)) for q in dates_refused]
    if not options.as_pycrossva:
        ledger += differing_ages(answers)
        problems += ask_about_order_of_dates(
            answers, where, options.date_order, options.latest_year, options.max_unknown, ledger
        )
    return AnswerChecks(problems, dates, [q for q, _ in refused], dates_refused)


def _doubts(answers: OdkAnswers, where: str, options: OdkOptions, version: str) -> list[str]:
    """List cells that can mean two things."""
    problems = []
    if "" not in {str(cell).strip() for cell in options.value_map or {}}:
        problems += ask_about_blanks(answers, where)
    problems += ask_about_codes(answers, where) + ask_about_yes_and_no(answers, where)
    problems += ask_about_ages(answers, where) + ask_about_map(answers, where)
    return problems + ask_about_zeros(answers, where, version[-3:])
