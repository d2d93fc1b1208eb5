"""Define the rules of the PHMRC adult questionnaire: 168 symptoms and 34 causes.

Cut-offs: James, Flaxman and Murray 2011, Population Health Metrics 9:31, additional files 9 and 10. Causes: the 34 of
the Tariff analyses; groups: the five broad ones used for calibration.
"""

from __future__ import annotations

from va_experiments.data.readers.phmrc_rules import Module, Rule, answers, categories, cut_off

__all__ = ["ADULT"]

_ORDER = """
g1_05 g1_05_s1 g1_07a a1_01_1:14 a2_01:04 a2_05 a2_05_s1 a2_06:08 a2_09_1a a2_09_1a_s1 a2_09_1a_s2 a2_09_1a_s3 a2_09_1b
a2_10:38 a2_38_s1 a2_39_1 a2_39_1_s1 a2_39_1_s2 a2_39_1_s3 a2_40:45 a2_46a a2_46a_s1 a2_46b a2_47:62 a2_63_1 a2_63_2
a2_64:86 a2_87_1:9 a2_87_10a a3_01:10 a3_12:15 a3_17:20 a4_01 a4_02_1:4 a4_02_5a a4_02_6:7 a4_03:06 a4_06_s1 a5_01_1:8
a5_01_9a a5_02:04
"""

_CUTS = cut_off(
    {
        "a2_01": 528.8,
        "a2_03": 8.8,
        "a2_08": 3.1,
        "a2_15": 0.3,
        "a2_22": 54.1,
        "a2_24": 55.2,
        "a2_26": 36.0,
        "a2_28": 20.3,
        "a2_33": 107.0,
        "a2_37": 100.3,
        "a2_41": 43.0,
        "a2_48": 4.9,
        "a2_54": 3.2,
        "a2_58": 55.2,
        "a2_62": 16.7,
        "a2_65": 45.4,
        "a2_68": 34.4,
        "a2_70": 3.2,
        "a2_73": 2.2,
        "a2_76": 1.1,
        "a2_79": 7.8,
        "a2_83": 0.0,
        "a2_86": 20.4,
        "a3_08": 2.9,
        "a5_04": 8.5,
    }
)
_CUTS += cut_off({"a4_03": 1.2, "a4_04": 4.2}, unit="per day")
_CUTS += cut_off({"g1_07a": 67.6}, unit="years")

_RASH = ("a2_09_1a", "a2_09_2a")
_CHEST = frozenset({"Upper/middle chest", "Lower chest"})
_CATEGORIES = [
    *categories("g1_05", "Female", "Male"),
    *categories("a2_04", ("Moderate", "Severe"), no=("Mild",)),
    *categories("a2_05", "Continuous", "On and Off", no=("Only at Night",)),
    *categories("a2_09_1a", "Face", "Trunk", "Extremities", "Everywhere", no=("Other",), second="a2_09_2a"),
    # published under the name of the free-text column, which itself is not read
    Rule("a2_09_1b", _RASH, frozenset({"Other"}), frozenset({"Face", "Trunk", "Extremities", "Everywhere"})),
    *categories("a2_19", ("Moderate", "Large"), no=("Slight",)),
    *categories("a2_38", "Continuous", "On and Off"),
    *categories("a2_39_1", "Lying", "Sitting", "Walking/Exertion", "Didn't matter", second="a2_39_2"),
    *categories("a2_44", ">24 hr", no=("<30 minutes", "0.5-24 hours")),
    *categories("a2_46a", sorted(_CHEST), "Left Arm", no=("Other",)),
    Rule("a2_46b", ("a2_46a",), frozenset({"Other"}), _CHEST | {"Left Arm"}),
    *categories("a2_59", "Both", no=("Solids", "Liquids")),
    *categories("a2_63_1", "Lower belly", no=("Upper belly",)),
    *categories("a2_63_2", "Lower belly", no=("Upper belly",)),
    *categories("a2_66", "Rapidly/Fast", no=("Slow(ly)",)),
    *categories("a2_71", "Rapidly/Fast", no=("Slow(ly)",)),
    *categories("a2_75", "Suddenly", no=("Slowly",)),
    *categories("a2_80", "Suddenly", no=("Slowly",)),
    *categories("a4_06", ("Moderate", "High"), "Low"),
]


def _rules() -> tuple[Rule, ...]:
    special = {r.symptom: r for r in [*_CATEGORIES, *_CUTS, *answers("a1_01_1:14", block="hce")]}
    return tuple(special.get(r.symptom, r) for r in answers(_ORDER))


_CAUSES = {
    "AIDS": "infectious",
    "Asthma": "ncd",
    "Bite of Venomous Animal": "external",
    "Breast Cancer": "ncd",
    "Cervical Cancer": "ncd",
    "Cirrhosis": "ncd",
    "Colorectal Cancer": "ncd",
    "COPD": "ncd",
    "Diabetes": "ncd",
    "Diarrhea/Dysentery": "infectious",
    "Drowning": "external",
    "Epilepsy": "ncd",
    "Esophageal Cancer": "ncd",
    "Falls": "external",
    "Fires": "external",
    "Homicide": "external",
    "Acute Myocardial Infarction": "circulatory",
    "Leukemia/Lymphomas": "ncd",
    "Lung Cancer": "ncd",
    "Malaria": "infectious",
    "Maternal": "maternal",
    "Other Cardiovascular Diseases": "circulatory",
    "Other Infectious Diseases": "infectious",
    "Other Injuries": "external",
    "Other Non-communicable Diseases": "ncd",
    "Pneumonia": "infectious",
    "Poisonings": "external",
    "Prostate Cancer": "ncd",
    "Renal Failure": "ncd",
    "Road Traffic": "external",
    "Stomach Cancer": "ncd",
    "Stroke": "circulatory",
    "Suicide": "external",
    "TB": "infectious",
}

ADULT = Module(
    name="adult",
    n_deaths=7841,
    rules=_rules(),
    causes=tuple(_CAUSES),
    groups=tuple(_CAUSES.values()),
    age=(("g1_07a", 1.0), ("g5_04a", 1.0)),
    age_range=(11.0, 120.0),  # 8 and 9 are "refused" and "don't know" in files with numbers
)
"""Adults, 12 years and older."""
