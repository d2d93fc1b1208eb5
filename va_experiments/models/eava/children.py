"""Causes of death of children (28 days to 59 months) by EAVA's rules, versions 1.1.0 and 1.0.0.

Source: Kalter, Perin and Black 2016, J Glob Health 6:010601, and the documented behaviour of EAVA 1.0.0 and 1.1.0. The
first diagnosis of the hierarchy that holds is the cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from va_experiments.models.eava import neonates
from va_experiments.models.eava.answers import Answers
from va_experiments.models.eava.three_valued import Truth, at_least, both, either, negated, neither

__all__ = ["CAUSES", "diagnoses"]

CAUSES: Final = (
    *("Intrapartum", "Malformation", "Preterm", "Injury", "AIDS", "Measles", "Meningitis/Encephalitis", "Malnutrition"),
    *("Diarrhea/Dysentery", "Other infections", "Pneumonia", "Malaria"),
)
"""Causes of the hierarchy; none of them: Unspecified."""

_FOUR_MONTHS = 121.6


@dataclass(frozen=True)
class _Infections:
    """Diagnoses of infections that others depend on."""

    aids: Truth
    measles: Truth
    meningitis: Truth
    malaria: Truth
    diarrhoea: Truth
    dysentery: Truth
    possible_diarrhoea: Truth
    pertussis: Truth
    pneumonia: Truth
    possible_respiratory: Truth
    haemorrhagic_fever: Truth
    sepsis: Truth

    def all(self) -> tuple[Truth, ...]:
        """Return all of them."""
        return tuple(vars(self).values())


def diagnoses(answers: Answers, version: str) -> list[tuple[str, Truth]]:
    """Return the hierarchy: cause and whether its diagnosis holds, the first that holds first.

    Parameters
    ----------
    answers : Answers
    version : {"1.1.0", "1.0.0"}
    """
    yes, first = answers.yes, version == "1.0.0"
    infections = _infections(answers, version)
    residual = both(yes("147"), neither(*infections.all()))
    others = [
        *(
            infections.aids,
            infections.measles,
            infections.meningitis,
            infections.dysentery,
            infections.diarrhoea,
            infections.pneumonia,
        ),
        *(
            infections.malaria,
            infections.possible_diarrhoea,
            infections.possible_respiratory,
            infections.haemorrhagic_fever,
        ),
        *(infections.sepsis, residual),
    ]
    injury = both(yes("077"), either(yes("120d"), yes("147"), neither(*others)))
    young = answers.aged(0, _FOUR_MONTHS)
    born_early = neonates.preterm(answers)
    malnourished = yes("244", "249")
    wasted = both(yes("249"), _longer(answers) if first else yes("swell_duration"))
    loose = either(infections.diarrhoea, infections.dysentery)
    possible = either(infections.possible_diarrhoea, infections.possible_respiratory)
    instead = neither(
        infections.measles,
        infections.meningitis,
        infections.pertussis,
        infections.malaria,
        infections.haemorrhagic_fever,
    )
    return [
        ("Intrapartum", both(young, neonates.intrapartum(answers))),
        ("Malformation", yes("370", "371", "372", "373")),
        ("Preterm", born_early if first else both(young, born_early)),
        ("Injury", injury),
        ("AIDS", both(infections.aids, instead)),
        ("Measles", infections.measles),
        ("Meningitis/Encephalitis", infections.meningitis),
        ("AIDS", both(infections.aids, loose)),
        ("Malnutrition", both(wasted, loose)),
        ("Diarrhea/Dysentery", loose),
        ("Other infections", infections.pertussis),
        ("AIDS", both(infections.aids, infections.pneumonia)),
        ("Malnutrition", both(wasted, infections.pneumonia)),
        ("Pneumonia", infections.pneumonia),
        ("Malaria", infections.malaria),
        ("AIDS", both(infections.aids, possible)),
        ("Malnutrition", both(wasted, possible)),
        ("Diarrhea/Dysentery", infections.possible_diarrhoea),
        ("Pneumonia", infections.possible_respiratory),
        ("Other infections", infections.haemorrhagic_fever),
        ("Other infections", infections.sepsis),
        ("Other infections", residual),
        ("Malnutrition", malnourished),
    ]


def _infections(answers: Answers, version: str) -> _Infections:
    yes, no, first = answers.yes, answers.no, version == "1.0.0"
    acute = both(yes("181"), yes("183c", "182e") if first else yes("183b", "184b"))
    diarrhoea, dysentery = both(acute, no("186")), both(acute, yes("186"))
    possible_diarrhoea = both(
        yes("181"),
        yes("147", "219", "218"),
        either(both(no("186"), negated(diarrhoea)), both(yes("186"), negated(dysentery))),
    )
    old_enough = either(answers.aged(365.25, np.inf), no("278"))
    with_chills = both(yes("150a"), yes("268", "219", "218"))
    on_and_off = both(yes("151b"), yes("268", "159", "219", "218"))
    bouts = with_chills if first else either(on_and_off, with_chills)
    malaria = both(yes("147"), yes("149"), no("208"), old_enough, bouts)
    rash = answers.known("i234d") if first else yes("234d")
    measles = both(answers.aged(120, np.inf), yes("147"), yes("148e"), yes("233"), rash, yes("235a", "235d"))
    pertussis = both(yes("153"), yes("154c"), yes("156", "158", "173b" if first else "173c"))
    pneumonia = both(
        either(both(yes("153"), yes("154d")), both(yes("159"), yes("161a"))),
        either(both(yes("166"), yes("167d")), yes("172"), yes("173c" if first else "173b")),
    )
    noise = "173c" if first else "173d"
    general = ("156", "166", "172", noise, "147", "219") + (() if first else ("218",))
    possible_respiratory = both(
        either(yes("153", "159"), both(yes("166"), yes("172", noise))),
        yes(*general),
        negated(pertussis),
        negated(pneumonia),
    )
    return _Infections(
        aids=_aids(answers),
        measles=measles,
        meningitis=both(yes("147"), yes("208", "278")),
        malaria=malaria,
        diarrhoea=diarrhoea,
        dysentery=dysentery,
        possible_diarrhoea=possible_diarrhoea,
        pertussis=pertussis,
        pneumonia=pneumonia,
        possible_respiratory=possible_respiratory,
        haemorrhagic_fever=both(yes("147"), yes("241", "239")),
        sepsis=both(yes("147"), yes("235b", "235d", "219", "218"), negated(malaria)),
    )


def _aids(answers: Answers) -> Truth:
    """Return AIDS: a diagnosis, or a positive or unknown test of mother or child with at least three of seven signs."""
    yes, no = answers.yes, answers.no
    signs = at_least(
        3,
        yes("244"),
        yes("200"),
        both(yes("181"), yes("182d")),
        both(yes("147"), yes("148d")),
        both(yes("233"), yes("234c")),
        yes("166"),
        yes("172"),
    )
    child, mother = answers.unsure("i126o"), answers.unsure("i446o")
    unsure = either(both(child, mother), both(child, no("446")), both(no("126"), mother))
    return either(yes("127"), both(yes("126", "446"), signs), both(unsure, yes("256", "245"), signs))


def _longer(answers: Answers) -> Truth:
    """Return whether the swelling lasted at least as long as the illness, compared as text, as version 1.0.0 does."""
    swelling, illness = answers.value("i250b"), answers.value("i120c")
    known = (swelling >= 0) & (illness >= 0)
    later = np.array([known[k] and f"{swelling[k]:g}" >= f"{illness[k]:g}" for k in range(len(known))], dtype=bool)
    return later.astype(np.int8)
