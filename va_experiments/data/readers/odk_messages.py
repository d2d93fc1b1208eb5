"""Say which cells of an ODK export are no answers of the questionnaire, and with which options they can be read."""

from __future__ import annotations

from collections.abc import Sequence

from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_header import QuestionColumns
from va_experiments.data.readers.who2016_table import choices, kinds
from va_experiments.errors import shown

__all__ = ["advice", "refusal"]


def refusal(where: str, questions: QuestionColumns, question: str, cells: str) -> str:
    """Return the problem of a question whose cells are no answers: the column, the cells, what was expected."""
    kind = kinds().get(question, "number")
    expected = {"yes_no": "yes, no, dk or ref", "number": "a number, dk or ref"}.get(kind, "")
    expected = expected or ", ".join(dict.fromkeys(choices()[question].values())) + ", dk or ref"
    column = next(iter(questions.columns.get(question, [question])))
    return f"{where}: column {shown(column)}: {cells} are no answer to question {question}; expected {expected}"


def advice(refused: Sequence[str], answers: OdkAnswers) -> str:
    """Return the options with which the cells that are no answer can be read."""
    if not refused:
        return ""
    cells = sorted({c.strip() for q in refused for c in answers.unknown[q]})[:6]
    mapping = ", ".join(f'"{c}": dk' for c in cells)
    return (
        f"to read it, say what the cells mean with 'data.value_map={{{mapping}}}' (yes, no or a choice in place of dk; "
        f"for one question alone: {{{refused[0]}: {{{mapping}}}}}), or leave the questions out with "
        f"'data.exclude=[{', '.join(refused)}]'"
    )
