"""Causes of death of neonates (0 to 27 days) by EAVA's rules, versions 1.1.0 and 1.0.0.

Source: Kalter, Perin and Black 2016, J Glob Health 6:010601, and the documented behaviour of EAVA 1.0.0 and 1.1.0. The
first diagnosis of the hierarchy that holds is the cause.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from va_experiments.models.eava.answers import Answers
from va_experiments.models.eava.three_valued import Truth, at_least, both, either, negated, neither

__all__ = ["CAUSES", "diagnoses", "intrapartum", "is_stillbirth", "preterm"]

CAUSES: Final = (
    *("NNT", "Malformation", "Intrapartum", "Preterm", "Meningitis", "Diarrhea", "Pneumonia", "Sepsis", "Other"),
)
"""Causes in the order of the hierarchy; none of them: Unspecified."""


def diagnoses(answers: Answers, version: str) -> list[tuple[str, Truth]]:
    """Return the hierarchy: cause and whether its diagnosis holds, the first that holds first.

    Parameters
    ----------
    answers : Answers
    version : {"1.1.0", "1.0.0"}
    """
    yes, no, first = answers.yes, answers.no, version == "1.0.0"
    cried = yes("106a") if first else no("106a")
    tetanus = both(
        ((answers.age > 2) & (answers.age < 27)).astype(np.int8),
        yes("219"),
        either(both(yes("271"), yes("273")), both(cried, yes("107"))),
    )
    meningitis = both(yes("147"), yes("278", "219", "275", "276"), yes("286", "281"), negated(tetanus))
    diarrhoea = both(yes("181"), yes("183b"))
    fast = both(yes("166"), yes("167c"))
    hard = both(yes("159"), yes("161b"))
    signs = at_least(2, yes("172"), yes("173b"), either(no("104"), yes("107")))
    pneumonia = either(fast, both(hard, signs)) if first else both(either(fast, hard), signs)
    sepsis = _sepsis(answers)
    nothing = np.zeros(len(answers.age), dtype=np.int8)
    possible_diarrhoea = nothing if first else both(yes("181"), sepsis, negated(diarrhoea))
    possible_pneumonia = both(yes("159"), sepsis, negated(pneumonia))
    quiet = both(no("147"), no("284"))
    jaundice = both(yes("289", "265"), yes("273", "286", "215", "282", "283"), quiet)
    haemorrhage = both(yes("241"), quiet)
    return [
        ("NNT", tetanus),
        ("Malformation", yes("370", "371", "372", "373")),
        ("Intrapartum", intrapartum(answers)),
        ("Preterm", preterm(answers)),
        ("Meningitis", meningitis),
        ("Diarrhea", diarrhoea),
        ("Pneumonia", pneumonia),
        ("Diarrhea", possible_diarrhoea),
        ("Pneumonia", possible_pneumonia),
        ("Sepsis", both(sepsis, negated(tetanus))),
        ("Other", jaundice),
        ("Other", haemorrhage),
        ("Other", _sudden(answers)),
    ]


def intrapartum(answers: Answers) -> Truth:
    """Return injury at birth or birth asphyxia."""
    yes, no = answers.yes, answers.no
    breathless = either(yes("106a"), no("111"))
    first_day = (answers.age == 0).astype(np.int8)
    return either(
        yes("115"), both(breathless, either(no("271"), yes("219"), yes("275"), yes("276"), yes("286"), first_day))
    )


def preterm(answers: Answers) -> Truth:
    """Return preterm birth with respiratory distress, or very preterm birth."""
    yes, no = answers.yes, answers.no
    distress = both(yes("367b"), yes("166"), yes("fb_day0"), no("147"), no("284"))
    return either(distress, yes("367c"))


def is_stillbirth(answers: Answers, version: str) -> Truth:
    """Return stillbirths, which EAVA leaves out: no cry, no movement and no breath; in 1.0.0 also if not known."""
    signs = ("104", "109", "110")
    if version == "1.0.0":
        return both(*(negated(answers.yes(s)) for s in signs))
    return both(*(answers.no(s) for s in signs))


def _sepsis(answers: Answers) -> Truth:
    """Return fever or a cold body, or at least two of six signs."""
    yes, no = answers.yes, answers.no
    fever = yes("147", "284")
    return either(
        fever,
        at_least(
            2,
            fever,
            either(no("271"), yes("273")),
            yes("219"),
            yes("107"),
            yes("286", "281"),
            yes("172", "173b"),
        ),
    )


def _sudden(answers: Answers) -> Truth:
    """Return sudden unexplained death: looked healthy and died suddenly, without any sign of illness."""
    yes, no = answers.yes, answers.no
    illness = (
        *("115", "370", "112", "113", "107", "273", "159", "166", "172", "173b", "219", "147", "284", "286", "281"),
        *("278", "287", "288", "240", "239", "241", "181", "188", "289", "265"),
    )
    well_born = either(negated(no("105")), no("106a"))
    return both(yes("290"), negated(no("111")), well_born, negated(no("271")), neither(*(yes(s) for s in illness)))
