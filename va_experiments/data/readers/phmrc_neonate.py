"""Define the rules of the PHMRC neonate questionnaire (stillbirths and deaths before 28 days), and 6 causes.

Sections c1, c2, c3 and c5. No cut-off for durations is published for this module: each is learned, on training rows
only, by :func:`va_experiments.data.learned_cutoffs.apply_learned_cuts`. The columns are those of the codebook.
"""

from __future__ import annotations

from va_experiments.data.readers.phmrc_rules import Module, Rule, answers, categories, cut_off

__all__ = ["NEONATE"]

_PLACE = ("Hospital", "Other Health Facility", "On Route to Health Facility", "Home")
_TIME = ("One day or more",)


def _days(*columns: str) -> list[Rule]:
    return cut_off(dict.fromkeys(columns))


_RULES: list[Rule] = [
    *categories("g1_05", "Female", "Male"),
    *categories("c1_01", "Multiple", no=("Singleton",)),
    *categories("c1_02", "First", ("Second", "Third or More")),
    *answers("c1_03"),
    *categories("c1_04", "During", "After"),
    *_days("c1_05"),
    *categories("c1_06a", *_PLACE, no=("Other",)),
    *categories("c1_07", ("Very small", "smaller than usual"), "larger than usual", no=("About average",)),
    *cut_off({"c1_08b": None}, unit="g"),
    *categories("c1_11", "Dead", no=("Alive",)),
    *answers("c1_12:18 c1_19_1:3 c1_19_4a c1_19_5:6"),
    *_days("c1_20", "c1_21"),
    *categories("c1_22a", *_PLACE, no=("Other",)),
    *_days("c1_25"),
    *answers("c2_01_1:12 c2_01_14"),
    *_days("c2_02"),
    *categories("c2_03", "Early", "Late", no=("On Time",)),
    *answers("c2_04"),
    *_days("c2_05"),
    *categories("c2_06", "Before", no=("During",)),
    *categories("c2_07", *_TIME, no=("< 1 day",)),
    *categories("c2_08a", "Green or brown", "Other", no=("Clear (normal)",)),
    *answers("c2_09"),
    *_days("c2_10"),
    *answers("c2_11"),
    *categories("c2_12", "One", "Two", ("Three", "Four", "5 or More")),
    *categories("c2_13a", *_PLACE, no=("Other",)),
    *categories(
        "c2_15a", "Doctor", "Nurse/midwife", "Traditional birth attendant", no=("relative", "Self/mother", "Other")
    ),
    *categories("c2_17", "Vaginal with Forceps", "C-Section", no=("Vaginal without Forceps", "Vaginal Don't Know")),
    *answers("c2_18 c3_01:02 c3_03_1:3 c3_03_4a c3_03_5:6 c3_04:07"),
    *categories("c3_08", "Within 5 minutes", "Within 6-30 min.", "More than 30 minutes", "Never"),
    *answers("c3_09"),
    *categories("c3_10", *_TIME, no=("< 1 day",)),
    *answers("c3_11:13"),
    *_days("c3_14"),
    *categories("c3_15", *_TIME, no=("< 1 day",)),
    *answers("c3_16:17"),
    *_days("c3_18", "c3_19"),
    *answers("c3_20"),
    *_days("c3_21", "c3_22"),
    *answers("c3_23:26"),
    *_days("c3_27", "c3_28"),
    *answers("c3_29"),
    *_days("c3_30", "c3_31"),
    *answers("c3_32:42 c3_44"),
    *cut_off({"c3_45b": None}, unit="per day"),
    *answers("c3_46:49"),
    *answers("c5_01 c5_02_1:10 c5_02_11a c5_02_12:14"),
    Rule("c5_06_1", ("c5_06_1d", "c5_06_1m", "c5_06_1y"), block="hce", recorded=True),
    Rule("c5_06_2", ("c5_06_2d", "c5_06_2m", "c5_06_2y"), block="hce", recorded=True),
    *answers("c5_17:19", block="hce"),
]

_CAUSES = {
    "Birth asphyxia": "perinatal",
    "Congenital malformation": "ncd",
    "Meningitis/Sepsis": "infectious",
    "Pneumonia": "infectious",
    "Preterm Delivery": "perinatal",
    "Stillbirth": "perinatal",
}

NEONATE = Module(
    name="neonate",
    n_deaths=2625,
    rules=tuple(_RULES),
    causes=tuple(_CAUSES),
    groups=tuple(_CAUSES.values()),
    age=(("g1_07c", 1 / 365.25), ("g5_04c", 1 / 365.25), ("g1_07b", 1 / 12), ("g1_07a", 1.0)),
    age_range=(0.0, 1.0),
    no_answer=("c1_19_5", "c1_19_6", "c2_01_11", "c2_01_12", "c3_03_5", "c3_03_6", "c5_02_13", "c5_02_14"),
    # the five preterm groups and the two sepsis groups of the finer list collapse into one cause each
    stems=(
        ("stillbirth", "Stillbirth"),
        ("preterm", "Preterm Delivery"),
        ("sepsis", "Meningitis/Sepsis"),
        ("meningitis", "Meningitis/Sepsis"),
        ("pneumonia", "Pneumonia"),
        ("asphyxia", "Birth asphyxia"),
        ("malformation", "Congenital malformation"),
    ),
)
"""Stillbirths and deaths before 28 days."""
