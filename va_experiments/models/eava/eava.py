"""EAVA: expert algorithms that name one cause for each death of a neonate or child, by fixed rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.errors import did_you_mean, shown
from va_experiments.models.base import Model, Prediction
from va_experiments.models.eava import children, neonates
from va_experiments.models.eava.answers import ADDED_LATER, NOT_ASSESSED_BY_EAVA, Answers, check_columns, refuse

__all__ = ["EAVA", "EAVA_CAUSES", "UNSPECIFIED"]

UNSPECIFIED: Final = "Unspecified"

EAVA_CAUSES: Final = {"neonate": neonates.CAUSES, "child": children.CAUSES}
"""Causes that EAVA names, by age group."""

_AGES: Final = {"neonate": (0, 28), "child": (28, 60 * 30.4)}
"""Age in days from which, and below which, an age group holds."""

INTERVA_NAMES: Final = {
    "NNT": "Tetanus",
    "Malformation": "Congenital malformation",
    "Intrapartum": "Birth asphyxia",
    "Preterm": "Prematurity",
    "Meningitis": "Meningitis and encephalitis",
    "Meningitis/Encephalitis": "Meningitis and encephalitis",
    "Diarrhea": "Diarrhoeal diseases",
    "Diarrhea/Dysentery": "Diarrhoeal diseases",
    "Sepsis": "Neonatal sepsis",
    "Other": "Other and unspecified neonatal CoD",
    "Injury": "Other and unspecified external CoD",
    "AIDS": "HIV/AIDS related death",
    "Measles": "Measles",
    "Malnutrition": "Severe malnutrition",
    "Other infections": "Other and unspecified infect dis",
    "Malaria": "Malaria",
}
"""EAVA's cause -> the cause of InterVA-5 that stands for it; pneumonia depends on the age group."""

_PNEUMONIA: Final = {"neonate": "Neonatal pneumonia", "child": "Acute resp infect incl pneumonia"}


class EAVA(Model):
    """EAVA: rules of experts for deaths of neonates (0 to 27 days) and children (28 days to 59 months).

    Nothing is learned. Each death gets the first diagnosis of a hierarchy that holds, with probability 1; where none
    holds, the death is *unspecified*, which is an undetermined death. Stillbirths and deaths at other ages are not
    assessed: they are undetermined and stay out of the CSMF; the numbers are in the diagnostics.

    Parameters
    ----------
    version : {"1.1.0", "1.0.0"}
        Version of the rules. They differ much: docs/models/eava.md.
    age_group : {"auto", "neonate", "child"}
        Deaths to assess; ``auto``: both.
    cause_map : mapping, optional
        EAVA's cause -> cause of the data, or null for undetermined. By default EAVA's own names are used where the data
        declare them, and those of InterVA-5 that stand for them otherwise.
    reference_compat : bool
        Treat empty cells as the original does: a diagnosis that depends on one is not available. By default an empty
        cell is neither yes nor no, as ``.`` is in both.
    """

    trains: ClassVar[bool] = False

    def __init__(
        self,
        *,
        version: str = "1.1.0",
        age_group: str = "auto",
        cause_map: Mapping[str, str | None] | None = None,
        reference_compat: bool = False,
    ) -> None:
        self.version = version
        self.age_group = age_group
        self.cause_map = cause_map
        self.reference_compat = reference_compat

    def check_parameters(self) -> None:
        """Check the version, the age group, and the names of the mapping."""
        self.check_choice("version", ("1.1.0", "1.0.0"))
        self.check_choice("age_group", ("auto", *EAVA_CAUSES))
        known = [*dict.fromkeys(c for causes in EAVA_CAUSES.values() for c in causes)]
        self.check(
            [
                (c in known, f"cause_map: {shown(str(c))} is no cause of EAVA{did_you_mean(c, known)}")
                for c in self.cause_map or {}
            ]
        )

    def fit(self, train: Deaths | None = None, *, seed: int = 0) -> Self:
        """Check the names of the data; nothing is learned."""
        self.check_parameters()
        if train is not None:
            self._check(train)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return one cause a death, and the fractions of the causes among the assessed deaths."""
        self.check_parameters()
        targets = self._check(test)
        group, names = self.causes(test)
        top = np.full(len(test), -1, dtype=np.int16)
        for age_group, places in targets.items():
            for name, place in places.items():
                top[(group == age_group) & (names == name)] = place
        probability = np.zeros((len(test), len(test.causes)))
        named = np.flatnonzero(top >= 0)
        probability[named, top[named]] = 1
        assessed = (group != "") & (names != "")
        n = int(assessed.sum())
        csmf = probability[assessed].sum(axis=0) / max(n, 1)
        diagnostics: dict[str, Any] = {"undetermined": 1 - float(csmf.sum()), "version": self.version}
        for reason in NOT_ASSESSED_BY_EAVA:
            diagnostics[f"rejected: {reason}"] = int((names[group == ""] == reason).sum())
        for (age_group, name), count in sorted(Counter(zip(group[assessed], names[assessed], strict=True)).items()):
            diagnostics[f"{age_group}: {name}"] = count
        if absent := [c for c in ADDED_LATER if self.version == "1.1.0" and not _has(test, c)]:
            diagnostics["columns taken as not known"] = absent
        return Prediction(probability, csmf, top_cause=top, diagnostics=diagnostics)

    def causes(self, deaths: Deaths) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]]:
        """Return the age group and the cause of each death, in EAVA's names.

        Returns
        -------
        group : array of str, shape (n_deaths,)
            ``neonate``, ``child``, or empty for a death that is not assessed.
        cause : array of str, shape (n_deaths,)
            A name of `EAVA_CAUSES` or ``Unspecified``; for a death that is not assessed, the reason.
        """
        refuse(check_columns(deaths, self.version))
        answers = Answers(deaths, poisoned=self.reference_compat)
        group = np.full(len(deaths), "", dtype="<U8")
        cause = np.full(len(deaths), "another age", dtype="<U24")
        cause[np.isnan(answers.age)] = "age not known"
        for name, rules in (("neonate", neonates), ("child", children)):
            if self.age_group not in ("auto", name):
                continue
            low, high = _AGES[name]
            in_age_group = (answers.age >= low) & (answers.age < high)
            group[in_age_group], cause[in_age_group] = name, UNSPECIFIED
            for diagnosis, holds in reversed(rules.diagnoses(answers, self.version)):
                cause[in_age_group & (holds == 1)] = diagnosis
        still = (group == "neonate") & (neonates.is_stillbirth(answers, self.version) == 1)
        group[still], cause[still] = "", "stillbirth"
        return group, cause

    def fractions(self, deaths: Deaths, age_group: str) -> dict[str, float]:
        """Return the share of each cause among the assessed deaths of an age group, in EAVA's names, largest first."""
        group, cause = self.causes(deaths)
        counts = Counter(cause[group == age_group].tolist())
        return {name: count / counts.total() for name, count in counts.most_common()}

    def _check(self, deaths: Deaths) -> dict[str, dict[str, int]]:
        """Return the place of each cause of EAVA in the data's list, or raise `InputError` if EAVA cannot be used."""
        problems = check_columns(deaths, self.version)
        place = {name.casefold(): k for k, name in enumerate(deaths.causes)}
        targets: dict[str, dict[str, int]] = {}
        absent: list[str] = []
        for age_group, causes in EAVA_CAUSES.items():
            if self.age_group not in ("auto", age_group):
                continue
            targets_of_group = targets.setdefault(age_group, {})
            for cause in causes:
                target = self._target(cause, age_group, place)
                if target is None:
                    continue
                if target.casefold() in place:
                    targets_of_group[cause] = place[target.casefold()]
                else:
                    absent.append(cause)
        if absent := [*dict.fromkeys(absent)]:
            listed = ", ".join(f"{c}: CAUSE" for c in absent)
            problems.append(
                f"EAVA: data '{deaths.name}' declares {len(deaths.causes)} causes, and {len(absent)} that EAVA names "
                f"are not among them ({', '.join(absent)}); say which cause of the data each is, or null, with "
                f"'model.cause_map={{{listed}}}'"
            )
        refuse(problems)
        return targets

    def _target(self, cause: str, age_group: str, place: Mapping[str, int]) -> str | None:
        if self.cause_map is not None and cause in self.cause_map:
            return self.cause_map[cause]
        if cause.casefold() in place:
            return cause
        return _PNEUMONIA[age_group] if cause == "Pneumonia" else INTERVA_NAMES[cause]


def _has(deaths: Deaths, column: str) -> bool:
    return column in {c.casefold() for c in (*deaths.symptom_names, *deaths.covariates)}
