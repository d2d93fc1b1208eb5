"""Say what the results advise somebody who has to decide, and what they do not show."""

from __future__ import annotations

from collections.abc import Sequence

from va_experiments.analysis.headline import Answer
from va_experiments.analysis.leaderboard import Leaderboard

__all__ = ["recommendation"]

FEW_SITES = 6


def recommendation(answers: Sequence[Answer], board: Leaderboard) -> str:
    """Return the advice that one setting's answers support, with its limits, as a paragraph.

    Parameters
    ----------
    found : sequence of Answer
        As `va_experiments.analysis.headline.answers` returns them.
    board : Leaderboard
    """
    if board.setting.simulated:
        return "Recommendation: none. Simulated deaths show that the software runs, not which model is right."
    by_question = {a.sentence.partition(":")[0]: a for a in answers}
    advice = []
    fractions, deaths = by_question.get("Cause fractions"), by_question.get("Single deaths")
    if fractions is not None and fractions.best:
        if fractions.verdict == "better":
            advice.append(f"for cause fractions at a site like these, {fractions.best}")
        else:
            advice.append(
                "for cause fractions, no model: none is shown to be better than a baseline, so collect deaths of known "
                "cause at the site"
            )
    if deaths is not None and deaths.best:
        if deaths.verdict == "better":
            advice.append(f"for naming single deaths, {deaths.best}")
        else:
            advice.append("for naming single deaths, no model: none is shown to be better than a baseline")
    if not advice:
        return ""
    n = len(board.sites)
    few = f" With {n} site{'s' if n > 1 else ''}, intervals are wide and a close second is as good."
    return (
        f"Recommendation: {'; '.join(advice)}. Limits: it holds for sites, age groups and interviews like those of "
        f"this data set ({board.setting.data or 'not named'}); causes that are rare here were hardly tested."
        f"{few if n <= FEW_SITES else ''} Check it with deaths of known cause before use, and decide nothing about a "
        "single person by it."
    )
