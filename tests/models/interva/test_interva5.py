"""InterVA-5: the data check against a plain one, the two products against each other, the rules, bad input."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import CAUSES, CIRCUMSTANCES, PREGNANCY, read_probbase
from va_experiments.errors import InputError
from va_experiments.models.interva.datacheck import check_consistency
from va_experiments.models.interva.interva import cause_fractions
from va_experiments.models.interva.interva5 import InterVA5, _products, _products_in_order, prior_for


def make(n: int, seed: int = 0) -> Deaths:
    rng = np.random.default_rng(seed)
    base = read_probbase()
    symptoms = rng.choice([1, 0, -1], size=(n, 353), p=[0.12, 0.55, 0.33]).astype(np.int8)
    return Deaths(
        symptoms=symptoms,
        symptom_names=base.indicators,
        causes=base.causes,
        cause=None,
        sites=("all",),
        site=np.zeros(n, dtype=np.int16),
        id=np.array([f"d{i:05d}" for i in range(n)]),
        simulated=True,
    )


def plain_check(answers: np.ndarray, base, only_substantive: bool) -> np.ndarray:
    """The rules one death and one indicator at a time, as they are written."""
    x = answers.astype(int).copy()
    by = {kind: {} for kind in ("dont_ask", "ask_if", "neonates_only")}
    for kind, rules in by.items():
        for rule in getattr(base, kind):
            rules.setdefault(rule.indicator, []).append(rule)
    for _ in range(2):
        for j in range(len(x)):
            says = int(base.substantive[j])
            for rule in by["dont_ask"].get(j, []):
                if x[j] >= 0 and x[rule.other] == int(rule.yes) and (x[j] == says or not only_substantive):
                    x[j] = -1
            for rule in by["ask_if"].get(j, []):
                v = int(rule.yes)
                if x[j] == says and (x[rule.other] == -1 or (x[rule.other] != v and x[rule.other] != says)):
                    x[rule.other] = v
            for rule in by["neonates_only"].get(j, []):
                if x[j] == says and x[rule.other] != 1:
                    x[j] = -1
    return x


@pytest.mark.parametrize("only_substantive", [True, False])
def test_the_check_on_bit_planes_equals_the_plain_one(only_substantive):
    deaths, base = make(70), read_probbase()  # 70: more than one word of 64
    checked = check_consistency(deaths.symptoms, base, only_substantive=only_substantive)
    expected = np.array([plain_check(a, base, only_substantive) for a in deaths.symptoms])
    assert np.array_equal(checked.symptoms, expected)
    assert checked.removed.sum() == ((deaths.symptoms >= 0) & (expected < 0)).sum() > 0
    assert checked.filled.sum() == ((expected >= 0) & (deaths.symptoms != expected)).sum() > 0


def test_the_check_leaves_its_input_alone():
    deaths = make(10)
    before = deaths.symptoms.tobytes()
    check_consistency(deaths.symptoms, read_probbase())
    assert deaths.symptoms.tobytes() == before


def test_log_space_equals_the_product_in_order():
    deaths, base = make(300), read_probbase()
    fired = check_consistency(deaths.symptoms, base).symptoms == base.substantive
    prior = prior_for(base, hiv="h", malaria="l")
    a, b = _products(fired, base, prior), _products_in_order(fired, base, prior)
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-15)
    for block in (PREGNANCY, CAUSES, CIRCUMSTANCES):
        total = a[:, block].sum(axis=1)
        assert np.all((np.abs(total - 1) < 1e-9) | (total == 0))


def test_priors_by_prevalence():
    base = read_probbase()
    priors = {
        (hiv, malaria): prior_for(base, hiv=hiv, malaria=malaria)[
            [base.outputs.index(c) for c in ("b_0103", "b_0105", "b_0403")]
        ].tolist()
        for hiv, malaria in ("hl", "lh", "vv")
    }
    assert priors == {
        ("h", "l"): [0.05, 0.005, 1e-5],
        ("l", "h"): [0.005, 0.05, 0.05],
        ("v", "v"): [1e-5, 1e-5, 1e-5],
    }


def test_deaths_without_age_sex_or_symptoms_are_not_assessed():
    deaths, base = make(4), read_probbase()
    symptoms = deaths.symptoms.copy()
    symptoms[:, base.index("i022a")] = symptoms[:, base.index("i019a")] = symptoms[:, base.index("i077o")] = 1
    symptoms[1, base.index("i022a") : base.index("i022g") + 1] = 0
    symptoms[2, base.index("i019a") : base.index("i019b") + 1] = -1
    symptoms[3, base.index("i077o") : base.index("i408o") + 1] = 0
    deaths = dataclasses.replace(deaths, symptoms=symptoms)
    model = InterVA5().fit()
    prediction = model.predict(deaths)
    assert prediction.top_cause[1:].tolist() == [-1, -1, -1]
    assert prediction.probability[1:].sum() == 0
    assert [prediction.diagnostics[f"rejected: no {what}"] for what in ("age", "sex", "symptoms")] == [1, 1, 1]
    alone = model.predict(deaths.take([0]))
    assert np.allclose(prediction.csmf, alone.csmf)  # they stay out of the CSMF
    assert model.table(deaths)["ID"].tolist() == ["d00000"]


def test_all_missing_deaths_leave_no_csmf():
    deaths = dataclasses.replace(make(3), symptoms=np.full((3, 353), -1, dtype=np.int8))
    prediction = InterVA5().fit().predict(deaths)
    assert prediction.csmf.sum() == 0
    assert prediction.diagnostics["undetermined"] == 1
    assert InterVA5().fit().table(deaths).empty


def test_the_table_is_that_of_interva5():
    table = InterVA5(hiv="l", malaria="v").fit().table(make(200))
    expected = "ID MALPREV HIVPREV PREGSTAT PREGLIK CAUSE1 LIK1 CAUSE2 LIK2 CAUSE3 LIK3 INDET COMCAT COMNUM"
    assert " ".join(table) == expected
    assert set(table["HIVPREV"]) == {"l"}
    assert set(table["MALPREV"]) == {"v"}
    shown = table[["LIK1", "LIK2", "LIK3"]].replace(" ", "0").astype(int)
    assert ((shown.sum(axis=1) + table["INDET"]) == 100).all()
    assert ((table["CAUSE1"] == " ") == (table["INDET"] == 100)).all()
    assert InterVA5().fit().table(make(5), whole=True).shape[1] == 14 + 70


def test_pregnancy_needs_a_yes_unless_compat():
    deaths, base = make(1), read_probbase()
    symptoms = np.full((1, 353), -1, dtype=np.int8)
    for code, answer in (("i019b", 1), ("i022b", 1), ("i022l", 0), ("i022m", 0), ("i022n", 0), ("i077o", 1)):
        symptoms[0, base.index(code)] = answer
    deaths = dataclasses.replace(deaths, symptoms=symptoms)
    assert InterVA5(check_data=False).fit().table(deaths)["PREGSTAT"].tolist() == ["n/a"]
    assert InterVA5(check_data=False, reference_compat=True).fit().table(deaths)["PREGSTAT"].tolist() != ["n/a"]


def test_a_tie_on_paper_is_shown_unless_exact():
    half = 0.5 * (1 - 2e-16)
    p = np.array([[2 / 3, 2 / 3 * half, 1 - 2 / 3 - 2 / 3 * half]])
    counted, lost = cause_fractions(p)
    assert counted[1] > 0
    exact, more = cause_fractions(p, exact=True)
    assert exact[1] == 0
    assert more > lost


def test_the_rule_by_hand():
    # 0.6 and 0.35 reach half of the best (0.3), 0.05 does not; the second death stays below 0.4; the third has nothing.
    p = np.array([[0.6, 0.35, 0.05], [0.39, 0.31, 0.30], [0, 0, 0]])
    fractions, undetermined = cause_fractions(p)
    np.testing.assert_allclose(fractions, [0.2, 0.35 / 3, 0])
    assert undetermined == pytest.approx((0.05 + 1 + 1) / 3)
    plain, nothing = cause_fractions(p, rule=False)
    np.testing.assert_allclose(plain, [0.495, 0.33, 0.175])
    assert nothing == 0


def test_columns_in_another_order_and_other_causes():
    deaths = make(20)
    shuffled = deaths.select(deaths.symptom_names[::-1])
    model = InterVA5().fit()
    assert np.array_equal(model.predict(deaths).probability, model.predict(shuffled).probability)
    with pytest.raises(InputError, match="61 of the probbase"):
        model.predict(dataclasses.replace(deaths, causes=("a", "b"), groups=()))
    with pytest.raises(InputError, match="lacks 1 of the 353"):
        model.predict(deaths.select(deaths.symptom_names[1:]))


@pytest.mark.parametrize(
    ("options", "message"), [({"hiv": "high"}, "hiv is 'high'"), ({"probbase": "nowhere.csv"}, "no file")]
)
def test_parameters(options, message):
    with pytest.raises(InputError, match=message):
        InterVA5(**options).check_parameters()
