"""Define the rules of the PHMRC child questionnaire (28 days to 11 years): sections c1, c4 and c5, and 21 causes.

Cut-offs from the source of the adult rules (James, Flaxman and Murray 2011); every other question follows the same
pattern: listed answers become present or absent, the rest is missing. Not read, with the reason:

- dates (c1_10, c1_24, c5_08), free text (c1_19_4b, c4_45, c4_47_8b) and death certificates (c5_12-16, c6): they can
  reveal the cause or the site;
- c1_08a, c4_07a: the units of the next question; c1_26: the same for every child;
- c1_09: a second sex, which contradicts g1_05 for 318 children;
- c5_04, c5_05, c5_10, c5_11: whether papers could be shown; c5_07: weights known for a few children only.

The dates of the last two visits (c5_06) count only as "a dated visit is on record", never by their value.
"""

from __future__ import annotations

from va_experiments.data.readers.phmrc_rules import Module, Rule, answers, categories, cut_off

__all__ = ["CHILD"]

_PLACE = ("Hospital", "Other Health Facility", "On Route to Health Facility", "Home")
_BODY = ("Face", "Trunk", "Extremities", "Everywhere")

_RULES: list[Rule] = [
    *categories("g1_05", "Female", "Male"),
    *cut_off({"g1_07a": 2.4}, unit="years"),
    *categories("c1_01", "Multiple", no=("Singleton",)),
    *categories("c1_02", "First", ("Second", "Third or More")),
    *answers("c1_03"),
    *categories("c1_04", "During", "After"),
    *cut_off({"c1_05": 21.4}),
    *categories("c1_06a", *_PLACE, no=("Other",)),
    *categories("c1_07", ("Very small", "smaller than usual"), "larger than usual", no=("About average",)),
    *cut_off({"c1_08b": 2623.0}, unit="g"),
    *categories("c1_11", "Dead", no=("Alive",)),
    *answers("c1_12:18 c1_19_1:3 c1_19_4a c1_19_5:6"),
    *cut_off({"c1_20": 1574.3, "c1_21": 63.4}),
    *categories("c1_22a", *_PLACE, no=("Other",)),
    *cut_off({"c1_25": 1618.6}),
    *answers("c4_01"),
    *cut_off({"c4_02": 337.3}),
    *answers("c4_03"),
    *categories("c4_04", ("Moderate", "Severe"), no=("Mild",)),
    *categories("c4_05", "Continuous", "On and Off", no=("Only at Night",)),
    *answers("c4_06"),
    *cut_off({"c4_07b": None}, unit="per day"),
    *cut_off({"c4_08": 99.9}),
    *answers("c4_09"),
    *cut_off({"c4_10": 15.6}),
    *answers("c4_11:12"),
    *cut_off({"c4_13": 5.7}),
    *answers("c4_14:16"),
    *cut_off({"c4_17": 9.1}),
    *answers("c4_18"),
    *cut_off({"c4_19": 1.5}),
    *answers("c4_20 c4_22:26"),
    *categories("c4_27", "24 hours or more", "6-23 hours", no=("<6 hours",)),
    *answers("c4_28:30"),
    *categories("c4_31_1", *_BODY, no=("Other",), second="c4_31_2"),
    *categories("c4_32", *_BODY, no=("Other",)),
    *cut_off({"c4_33": 1.1}),
    *answers("c4_34:36"),
    *cut_off({"c4_37": 2.2}),
    *answers("c4_38:44 c4_46 c4_47_1:7 c4_47_8a c4_47_9:11 c4_48"),
    *cut_off({"c4_49": 0.6}),
    *answers("c5_01 c5_02_1:10 c5_02_11a c5_02_12:14"),
    Rule("c5_06_1", ("c5_06_1d", "c5_06_1m", "c5_06_1y"), block="hce", recorded=True),
    Rule("c5_06_2", ("c5_06_2d", "c5_06_2m", "c5_06_2y"), block="hce", recorded=True),
    # the codebook's flag is 0, but a test and a diagnosis reported by a health worker are health care experience
    *answers("c5_17:19", block="hce"),
]

_CAUSES = {
    "AIDS": "infectious",
    "Bite of Venomous Animal": "external",
    "Diarrhea/Dysentery": "infectious",
    "Drowning": "external",
    "Encephalitis": "infectious",
    "Falls": "external",
    "Fires": "external",
    "Hemorrhagic fever": "infectious",
    "Malaria": "infectious",
    "Measles": "infectious",
    "Meningitis": "infectious",
    "Other Cancers": "ncd",
    "Other Cardiovascular Diseases": "circulatory",
    "Other Defined Causes of Child Deaths": "ncd",
    "Other Digestive Diseases": "ncd",
    "Other Infectious Diseases": "infectious",
    "Pneumonia": "infectious",
    "Poisonings": "external",
    "Road Traffic": "external",
    "Sepsis": "infectious",
    "Violent Death": "external",
}

CHILD = Module(
    name="child",
    n_deaths=2064,
    rules=tuple(_RULES),
    causes=tuple(_CAUSES),
    groups=tuple(_CAUSES.values()),
    age=(
        ("g1_07a", 1.0),
        ("g1_07b", 1 / 12),
        ("g1_07c", 1 / 365.25),
        ("g5_04a", 1.0),
        ("g5_04b", 1 / 12),
        ("g5_04c", 1 / 365.25),
    ),
    age_range=(0.0, 12.0),
    no_answer=("c1_19_5", "c1_19_6", "c4_47_9", "c4_47_10", "c5_02_13", "c5_02_14"),
    never=(
        *("c1_15", "c1_16", "c1_17", "c1_18", "c1_19_1", "c1_19_2", "c1_19_3", "c1_19_4a", "c1_19_5", "c1_19_6"),
        *("c4_02", "c4_08", "c5_02_13", "c5_02_14"),
    ),
)
"""Children, 28 days to 11 years."""
