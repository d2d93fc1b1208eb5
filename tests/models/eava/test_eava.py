"""EAVA's rules: single deaths by hand, the published fractions, the data that it takes and refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from va_experiments.data.convert import write_indicators
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import Deaths
from va_experiments.data.eava_columns import EAVA_COLUMNS, from_table
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.who2016_odk import read_who2016_odk
from va_experiments.data.registry import load
from va_experiments.errors import InputError
from va_experiments.models import EAVA
from va_experiments.models.eava import children, neonates
from va_experiments.models.eava.answers import INDICATORS as INDICATORS_NEEDED
from va_experiments.models.eava.answers import Answers
from va_experiments.models.eava.eava import EAVA_CAUSES, INTERVA_NAMES

INDICATORS = read_probbase().indicators


def death(age: float, yes: str = "", no: str = "", **covariates: float) -> Deaths:
    """Return one death with these answers; a code such as 147 is i147o, 183b is i183b."""
    symptoms = np.full((1, len(INDICATORS)), -1, dtype=np.int8)
    added = dict.fromkeys(EAVA_COLUMNS, -1.0) | covariates
    symptoms[0, INDICATORS.index("i110o")] = 1  # breathed: a neonate that is not known to be is a stillbirth in 1.0.0
    for codes, value in ((yes, 1), (no, 0)):
        for code in codes.split():
            name = f"i{code}" if code[-1].isalpha() else f"i{code}o"
            if code in EAVA_COLUMNS or name in EAVA_COLUMNS:
                added[code if code in EAVA_COLUMNS else name] = value
            else:
                symptoms[0, INDICATORS.index(name)] = value
    return Deaths(
        symptoms=symptoms,
        symptom_names=INDICATORS,
        causes=read_probbase().causes,
        cause=None,
        sites=("all",),
        site=np.zeros(1, dtype=np.int16),
        id=np.array(["d"]),
        covariates={"age_days": np.array([age])} | {k: np.array([v]) for k, v in added.items()},
    )


CASES = {
    "nothing": (death(5), "Unspecified", "Unspecified"),
    "tetanus": (death(5, "219 271 273"), "NNT", "NNT"),
    "tetanus by crying": (death(5, "219 107", "106a"), "NNT", "Sepsis"),
    "too old for tetanus": (death(27, "219 271 273"), "Sepsis", "Sepsis"),
    "malformation before all but tetanus": (death(5, "370 115 367c"), "Malformation", "Malformation"),
    "asphyxia on the first day": (death(0, "106a"), "Intrapartum", "Intrapartum"),
    "very preterm": (death(3, "367c"), "Preterm", "Preterm"),
    "distress needs no fever": (death(3, "367b 166 fb_day0", "147 284"), "Preterm", "Preterm"),
    "fast breathing alone": (death(9, "166 167c"), "Unspecified", "Pneumonia"),
    "fast breathing with two signs": (death(9, "166 167c 172 107"), "Pneumonia", "Pneumonia"),
    "possible diarrhoea": (death(9, "181 147"), "Diarrhea", "Sepsis"),
    "sudden death": (death(9, "290 105 111 271"), "Other", "Other"),
    "sudden death of one who did not cry": (death(9, "290 111 271", "105"), "Unspecified", "Unspecified"),
    "malnutrition": (death(700, "244"), "Malnutrition", "Malnutrition"),
    "dysentery": (death(700, "181 183b 186"), "Diarrhea/Dysentery", "Unspecified"),
    "malaria with severe fever": (death(700, "147 149 150a 219", "208"), "Malaria", "Malaria"),
    "malaria that comes and goes": (death(700, "147 149 151b 159", "208"), "Malaria", "Pneumonia"),
    "measles": (death(300, "147 148e 233 234d 235a"), "Measles", "Measles"),
    "measles of the first months": (death(100, "147 148e 233 234d 235a"), "Other infections", "Other infections"),
    "pertussis": (death(300, "153 154c 156"), "Other infections", "Other infections"),
    "AIDS by signs": (death(700, "244 200 166 126"), "AIDS", "AIDS"),
    "AIDS of two unknown tests": (death(700, "244 200 166 256", i126o=2.0, i446o=2.0), "AIDS", "AIDS"),
    "two signs are too few": (death(700, "244 200 126"), "Malnutrition", "Malnutrition"),
    "preterm of a child": (death(200, "367c"), "Unspecified", "Preterm"),
    "injury": (death(700, "077 120d 181 183b"), "Injury", "Injury"),
}
"""What -> a death, its cause by 1.1.0, and by 1.0.0; worked out by hand from the rules."""


@pytest.mark.parametrize("what", CASES)
def test_single_deaths(what: str) -> None:
    deaths, now, first = CASES[what]
    assert EAVA().causes(deaths)[1].tolist() == [now]
    assert EAVA(version="1.0.0").causes(deaths)[1].tolist() == [first]


def test_every_answer_that_a_rule_asks_for_is_required() -> None:
    class Recorded(Answers):
        needed: ClassVar[set[str]] = set()

        def value(self, name: str) -> np.ndarray:
            self.needed.add(name)
            return super().value(name)

    answers = Recorded(death(9), poisoned=False)
    for version in ("1.0.0", "1.1.0"):
        neonates.diagnoses(answers, version)
        children.diagnoses(answers, version)
        neonates.is_stillbirth(answers, version)
    groups = {f"i022{letter}" for letter in "efhijk"}
    assert Recorded.needed - groups == {*INDICATORS_NEEDED, *EAVA_COLUMNS}


def test_an_empty_cell_hides_a_diagnosis_only_as_in_r() -> None:
    deaths = death(9, "159 172 107", i161b=np.nan)
    assert EAVA().causes(deaths)[1].tolist() == ["Pneumonia"]
    assert EAVA(reference_compat=True).causes(deaths)[1].tolist() == ["Sepsis"]


def test_who_is_not_assessed() -> None:
    signs = "104 109 110"
    still, adult, unknown = death(0, no=signs), death(9000), death(np.nan)
    for deaths, reason in ((still, "stillbirth"), (adult, "another age"), (unknown, "age not known")):
        group, cause = EAVA().causes(deaths)
        assert (group.tolist(), cause.tolist()) == ([""], [reason])
        prediction = EAVA().predict(deaths)
        assert prediction.csmf.sum() == 0
        assert prediction.diagnostics[f"rejected: {reason}"] == 1
    assert EAVA().causes(death(0))[0].tolist() == ["neonate"]
    silent = dataclasses.replace(death(0), symptoms=np.full((1, len(INDICATORS)), -1, dtype=np.int8))
    assert EAVA().causes(silent)[0].tolist() == ["neonate"]
    assert EAVA(version="1.0.0").causes(silent)[1].tolist() == ["stillbirth"]
    assert EAVA(age_group="child").causes(death(5))[1].tolist() == ["another age"]


def test_an_age_group_stands_for_an_age() -> None:
    deaths = death(np.nan, "022f 244")
    assert EAVA().causes(deaths)[0].tolist() == ["child"]


def test_causes_by_the_names_of_the_data() -> None:
    deaths = death(9, "166 167c 172 107")
    prediction = EAVA().predict(deaths)
    assert deaths.causes[prediction.top_cause[0]] == "Neonatal pneumonia"
    assert set(INTERVA_NAMES.values()) <= set(deaths.causes)
    renamed = dataclasses.replace(
        deaths, causes=tuple(dict.fromkeys(c for g in EAVA_CAUSES.values() for c in g)), groups=()
    )
    assert renamed.causes[EAVA().predict(renamed).top_cause[0]] == "Pneumonia"
    other = dataclasses.replace(deaths, causes=("Pneumonia", "Rest"), groups=())
    with pytest.raises(InputError, match=r"declares 2 causes, and 16 that EAVA names are not among them \(NNT, "):
        EAVA().predict(other)
    rest = dict.fromkeys((c for g in EAVA_CAUSES.values() for c in g if c != "Pneumonia"), "Rest") | {"Sepsis": None}
    assert EAVA(cause_map=rest).predict(other).probability.tolist() == [[1, 0]]


def test_other_data_are_refused_in_words(small_deaths: Deaths) -> None:
    with pytest.raises(InputError, match=r"lacks 63 of the 63 indicators of InterVA-5 that it needs"):
        EAVA().fit(small_deaths)
    bare = dataclasses.replace(death(5), covariates={})
    with pytest.raises(InputError, match=r"lacks 17 of the columns .* data=who2016 data.eava_columns=true"):
        EAVA().fit(bare)
    with pytest.raises(InputError, match=r"version is '1.2.0'; expected one of 1.1.0, 1.0.0"):
        EAVA(version="1.2.0").check_parameters()
    with pytest.raises(InputError, match=r"'Sepsys' is no cause of EAVA; did you mean 'Sepsis'"):
        EAVA(cause_map={"Sepsys": None}).check_parameters()


def test_cells_of_a_table() -> None:
    codes = np.arange(7, dtype=np.int32)
    made, odd = from_table({"i126o": CodedColumn(codes, ["yes", "No", "dk", "ref", ".", "", "maybe so"])})
    np.testing.assert_array_equal(made["i126o"], [1, 0, 2, 2, -1, np.nan, np.inf])
    assert odd == {"i126o": ["maybe so"]}


EXPORT = """\
meta-instanceID,Id10019,ageInDays,Id10104,Id10109,Id10110,Id10111,Id10120,Id10126,Id10446,Id10147,Id10148,Id10151,\
Id10153,Id10154,Id10159,Id10161,Id10166,Id10167,Id10172,Id10173,Id10181,Id10182,Id10183,Id10233,Id10234,Id10250
u1,male,9,yes,yes,yes,yes,3,dk,,yes,31,on_and_off,no,,yes,1,yes,9,yes,grunting,yes,99,4,yes,3,4
u2,female,400,,,,,1,no,yes,no,,,yes,15,no,,yes,0,no,stridor wheezing,yes,31,5,no,,
"""


def test_the_added_columns_of_an_export(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(EXPORT)
    deaths = read_who2016_odk(path)
    columns = {name: values.tolist() for name, values in deaths.covariates.items()}
    assert columns["age_days"] == [9, 400]
    yes_first = {"i148d", "i148e", "i161b", "i167c", "i167d", "i173b", "i151b", "i234d", "swell_duration", "fb_day0"}
    assert {name for name in EAVA_COLUMNS if columns[name][0] == 1} == yes_first | {"i173d"}
    yes_second = {"i183b", "i183c", "i182d", "i182e", "i154c", "i154d", "i173c", "i173d", "i120d", "i446o"}
    assert {name for name in EAVA_COLUMNS if columns[name][1] == 1} == yes_second | {"i120c"}
    assert (columns["i126o"], columns["i446o"]) == ([2, 0], [-1, 1])
    assert (columns["i182d"][0], columns["fb_day0"][1], columns["i167c"][1]) == (-1, 0, 0)
    out = tmp_path / "indicators.csv"
    write_indicators(path, out, {"eava_columns": True})
    again = load("who2016", {"path": str(out), "eava_columns": True})
    for name in ("age_days", *EAVA_COLUMNS):
        np.testing.assert_array_equal(again.covariates[name], deaths.covariates[name], err_msg=name)
    write_indicators(path, tmp_path / "bare.csv", {})
    with pytest.raises(InputError, match="has none of the columns that EAVA adds"):
        load("who2016", {"path": str(tmp_path / "bare.csv"), "eava_columns": True})
