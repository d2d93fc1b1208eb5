"""Read the published misclassification matrices of EAVA, InSilicoVA and InterVA in children who died in CHAMPS sites.

Posterior Dirichlet shapes of each row (true cause; columns: named cause) in seven countries and for other ones, from
the R package ``vacalibration`` 2.2 (MIT licence; matrices of version 20241004): Pramanik et al. 2026, BMJ Global Health
11(3):e021747; Child Health and Mortality Prevention Surveillance (CHAMPS) network. They were estimated with these
programs in neonates and children under five, and hold for nothing else.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["AGE_GROUPS", "ALGORITHMS", "BROAD_CAUSES", "broad_cause", "champs_shapes"]

ALGORITHMS = ("eava", "insilicova", "interva")

BROAD_CAUSES = {
    "neonate": ("congenital_malformation", "pneumonia", "sepsis_meningitis_inf", "ipre", "other", "prematurity"),
    "child": (
        "malaria",
        "pneumonia",
        "diarrhea",
        "severe_malnutrition",
        "hiv",
        "injury",
        "other",
        "other_infections",
        "nn_causes",
    ),
}
"""Age group -> its causes, in the order of the tables; ipre is the intrapartum-related causes."""

AGE_GROUPS = tuple(BROAD_CAUSES)

_NEONATE = {
    "congenital_malformation": "congenital malformation; malformation",
    "pneumonia": "neonatal pneumonia; acute resp infect incl pneumonia; pneumonia",
    "sepsis_meningitis_inf": "neonatal sepsis; pregnancy-related sepsis; sepsis (non-obstetric); meningitis and "
    "encephalitis; dengue fever; diarrhoeal diseases; diarrhea; haemorrhagic fever (non-dengue); hiv/aids related "
    "death; malaria; measles; other and unspecified infect dis; pertussis; pulmonary tuberculosis; tetanus; sepsis; "
    "meningitis; nnt",
    "ipre": "birth asphyxia; intrapartum",
    "prematurity": "prematurity; preterm",
    "other": "other",
}
_CHILD = {
    "malaria": "malaria",
    "pneumonia": "acute resp infect incl pneumonia; neonatal pneumonia; pneumonia",
    "diarrhea": "diarrhoeal diseases; diarrhea/dysentery",
    "severe_malnutrition": "severe malnutrition; malnutrition",
    "hiv": "hiv/aids related death; aids",
    "injury": "road traffic accident; other transport accident; accid fall; accid drowning and submersion; accid expos "
    "to smoke fire & flame; accid poisoning & noxious subs; intentional self-harm; assault; exposure to force of "
    "nature; other and unspecified external cod; injury",
    "other_infections": "dengue fever; haemorrhagic fever (non-dengue); measles; meningitis and encephalitis; neonatal "
    "sepsis; other and unspecified infect dis; pertussis; pregnancy-related sepsis; pulmonary tuberculosis; sepsis "
    "(non-obstetric); tetanus; meningitis/encephalitis; other infections",
    "nn_causes": "congenital malformation; birth asphyxia; prematurity; malformation; intrapartum; preterm",
    "other": "other",
}


@lru_cache(maxsize=2)
def _names(age_group: str) -> dict[str, str]:
    listed = _NEONATE if age_group == "neonate" else _CHILD
    return {name: broad for broad, names in listed.items() for name in names.split("; ")}


def broad_cause(age_group: str, name: str) -> str:
    """Return the broad cause of a cause of InterVA-5, InSilicoVA or EAVA; ``other`` for all that are not listed."""
    return _names(age_group).get(name.strip().casefold(), "other")


def champs_shapes(algorithm: str, age_group: str, country: str = "other") -> npt.NDArray[np.float64]:
    """Return the Dirichlet shapes, shape (n_causes, n_causes), in the order of `BROAD_CAUSES`.

    Raises
    ------
    InputError
        For an unknown algorithm, age group or country, with the nearest known one.
    """
    if age_group not in BROAD_CAUSES:
        raise InputError(f"the published matrices are of {' and '.join(AGE_GROUPS)}; got age group {shown(age_group)}")
    table = _table(age_group)
    countries = sorted({country for _, country in table})
    problems = [
        f"the published matrices have no {what} {shown(name)}; known: {', '.join(known)}{did_you_mean(name, known)}"
        for what, name, known in (("algorithm", algorithm, ALGORITHMS), ("country", country, countries))
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    return table[algorithm, country].copy()


@lru_cache(maxsize=2)
def _table(age_group: str) -> dict[tuple[str, str], npt.NDArray[np.float64]]:
    path = Path(__file__).with_name(f"champs_{age_group}.csv")
    counts: dict[tuple[str, str], dict[str, list[float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values = [float(row[cause]) for cause in BROAD_CAUSES[age_group]]
            counts.setdefault((row["algorithm"], row["country"]), {})[row["true_cause"]] = values
    return {key: np.array([rows[c] for c in BROAD_CAUSES[age_group]]) for key, rows in counts.items()}
