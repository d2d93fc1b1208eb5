"""The PHMRC readers against the real files and against the conversion that the original programs were run on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.csv_blocks import read_columns
from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.phmrc import find_phmrc, read_phmrc
from va_experiments.data.readers.phmrc_labels import SITES
from va_experiments.data.readers.phmrc_modules import MODULES, module_of
from va_experiments.data.readers.phmrc_rules import is_label_equivalent
from va_experiments.data.text_source import open_source
from va_experiments.errors import InputError

ADULT_BY_SITE = {"AP": 1554, "Bohol": 1259, "Dar": 1726, "Mexico": 1586, "Pemba": 297, "UP": 1419}
CHILD_BY_SITE = {"UP": 499, "Dar": 467, "AP": 449, "Bohol": 262, "Pemba": 261, "Mexico": 126}
# deaths by cause code 1, 2, ...: counts published with the cause lists
ADULT_BY_CAUSE = """502 47 66 195 155 313 99 171 414 228 106 48 40 173 122 167 400 156 106 100 468 416 263 103 599 540
    86 48 416 202 62 630 124 276"""
CHILD_BY_CAUSE = "20 54 256 83 41 49 68 51 116 23 58 28 76 194 48 67 532 18 92 138 52"


@pytest.fixture(scope="module")
def adult(phmrc_dir: Path) -> Deaths:
    return read_phmrc("adult", phmrc_dir, features="hce_words")


@pytest.fixture(scope="module")
def child(phmrc_dir: Path) -> Deaths:
    return read_phmrc("child", phmrc_dir, features="hce_words")


def by_site(deaths: Deaths) -> dict[str, int]:
    return dict(zip(deaths.sites, np.bincount(deaths.site, minlength=len(deaths.sites)).tolist(), strict=True))


def by_cause(deaths: Deaths) -> list[int]:
    assert deaths.cause is not None
    return np.bincount(deaths.cause, minlength=len(deaths.causes)).tolist()


@pytest.mark.real_data
def test_adult_counts(adult: Deaths) -> None:
    assert len(adult) == 7841
    assert by_site(adult) == ADULT_BY_SITE
    assert by_cause(adult) == [int(n) for n in ADULT_BY_CAUSE.split()]
    assert adult.blocks.count("hce") == 14
    assert adult.blocks.count("core") == 154
    assert adult.blocks.count("word") == 679
    assert adult.causes[16] == "Acute Myocardial Infarction"
    assert adult.groups[20] == "maternal"
    assert not adult.simulated


@pytest.mark.real_data
def test_child_counts(child: Deaths) -> None:
    assert len(child) == 2064
    assert by_site(child) == CHILD_BY_SITE
    assert by_cause(child) == [int(n) for n in CHILD_BY_CAUSE.split()]
    assert child.blocks.count("word") == 215
    assert child.blocks.count("hce") == 5
    assert [c.symptom for c in child.learned_cuts] == ["c4_07b"]
    assert np.isnan(child.covariates["age"]).sum() == 1  # months and days count where years are blank


@pytest.mark.real_data
def test_adult_symptom_names(adult: Deaths, reference_dir: Path) -> None:
    names = json.loads((reference_dir / "adult_symptoms.json").read_text())
    assert list(adult.with_features("hce").symptom_names) == names
    assert len(adult.with_features("no_hce").symptom_names) == 154


def _rows(deaths: Deaths, symptoms: np.ndarray) -> Counter:
    assert deaths.cause is not None
    return Counter(
        (deaths.sites[s], int(c) + 1, row.tobytes())
        for s, c, row in zip(deaths.site, deaths.cause, symptoms, strict=True)
    )


@pytest.mark.real_data
def test_adult_conversion_equals_the_reference_input(adult: Deaths, phmrc_dir: Path, reference_dir: Path) -> None:
    """All 7,582 rows of the reference input are among ours: site, cause and each of 168 symptoms.

    The reference has `a4_04` computed from `a4_04`, so the default conversion matches; `compat`, with the published
    fault, differs from it in that one symptom only.
    """
    adult = adult.with_features("hce")
    table = read_columns(open_source(reference_dir / "adult_phmrc.csv.gz"))
    code = {"Y": 1, "": 0, ".": -1}
    theirs = np.column_stack(
        [np.array([code[v] for v in table[s].values], dtype=np.int8)[table[s].codes] for s in adult.symptom_names]
    )
    labels = list(zip(table["site"].text(), map(int, table["va34"].text()), strict=True))

    def agreeing(deaths: Deaths, keep: np.ndarray) -> int:
        ours = _rows(deaths, np.ascontiguousarray(deaths.symptoms[:, keep]))
        reference = Counter((*label, row.tobytes()) for label, row in zip(labels, theirs[:, keep], strict=True))
        return sum((ours & reference).values())

    every = np.ones(168, dtype=bool)
    but_one = np.array([s != "a4_04" for s in adult.symptom_names])
    assert agreeing(adult, every) == 7582
    compat = read_phmrc("adult", phmrc_dir, compat=True)
    assert agreeing(compat, but_one) == 7582
    assert agreeing(compat, every) == 6175
    assert np.array_equal(compat.id, adult.id)
    assert np.array_equal(compat.symptoms[:, but_one], adult.symptoms[:, but_one])


@pytest.mark.real_data
def test_naive_bayes_reproduces_its_scores_on_the_published_conversion(
    adult: Deaths, phmrc_dir: Path, leave_one_site_out: Callable[[Deaths], dict[str, tuple[float, float]]]
) -> None:
    """CSMF accuracy by top cause and top-1, one site left out, on openVA's matrix of all 7,841 deaths.

    The published fault in `a4_04` is in these figures: `compat` gives each of them to the last digit.
    """
    published = {
        "AP": (0.750, 0.380),
        "Bohol": (0.749, 0.362),
        "Dar": (0.667, 0.300),
        "Mexico": (0.775, 0.298),
        "Pemba": (0.572, 0.397),
        "UP": (0.747, 0.388),
    }
    compat = leave_one_site_out(read_phmrc("adult", phmrc_dir, compat=True))
    for site, figures in published.items():
        np.testing.assert_allclose(compat[site], figures, atol=0.0006, err_msg=site)
    corrected = leave_one_site_out(adult.with_features("hce"))
    np.testing.assert_allclose(np.mean(list(corrected.values()), axis=0), [0.710, 0.354], atol=0.01)


@pytest.mark.real_data
def test_missingness_identifies_the_site(adult: Deaths) -> None:
    """Shares of missing answers, published to two digits: .113 .155 .174 .106 .149 .119."""
    missing = adult.with_features("hce").symptoms < 0
    shares = [missing[adult.site == k].mean() for k in range(6)]
    np.testing.assert_allclose(shares, [0.113, 0.155, 0.174, 0.106, 0.149, 0.119], atol=0.0015)


@pytest.mark.real_data
@pytest.mark.parametrize("module", ["adult", "child"])
def test_no_label_equivalent_column_becomes_a_feature(module: str, phmrc_dir: Path) -> None:
    rules = module_of(module)
    header = open_source(find_phmrc(module, phmrc_dir), encoding="latin-1").header
    refused = {c for c in header if is_label_equivalent(c)}
    used = {c for r in rules.rules for c in r.columns} | {c for c, _ in rules.age}
    assert used & refused == set()
    assert {"site", "module", "newid", "va34", "va46", "va55", "gs_text34", "gs_level", "gs_comorbid1"} <= refused
    assert {c for c in header if c.startswith(("gs_", "g2_", "c6_", "a7_", "g4_"))} <= refused
    assert not any(c.startswith("word_") for c in refused)
    # what is neither used nor refused is known by name: a new column of the file must be judged before it is read
    rest = {c for c in header if c not in used | refused and not c.startswith("word_")}
    background = {"g1_08", "g1_09", "g1_10", "g5_02", "g5_05", "g5_06a", "g5_06b", "g5_07", "g5_08"}
    ages = {"g1_07b", "g1_07c", "g5_04b", "g5_04c"}
    if module == "adult":
        care = {c for c in header if c.startswith("a6_")} - refused
        assert rest == background | ages | care | {"a3_11", "a3_16"}
    else:
        papers = {"c5_04", "c5_05", "c5_07_1", "c5_07_2", "c5_10", "c5_11"}
        assert rest == background | papers | {"c1_08a", "c1_09", "c1_26", "c4_07a"}


def test_rules_name_each_symptom_once_and_never_the_truth() -> None:
    for name in MODULES:
        rules = module_of(name)
        symptoms = [r.symptom for r in rules.rules]
        assert len(set(symptoms)) == len(symptoms)
        assert not any(is_label_equivalent(c) for r in rules.rules for c in r.columns)
        assert len(rules.causes) == len(rules.groups) == {"adult": 34, "child": 21, "neonate": 6}[name]
    assert len(module_of("adult").rules) == 168


@pytest.mark.real_data
def test_every_rule_of_the_neonate_module_is_a_question_of_the_codebook(phmrc_dir: Path) -> None:
    known = {v.strip() for v in read_columns(open_source(phmrc_dir / "codebook.csv"), ["variable"])["variable"].values}
    for rule in module_of("neonate").rules:
        for column in rule.columns:
            assert column in known or column + "b" in known, column


@pytest.mark.real_data
def test_order_of_rows_and_columns_does_not_matter(child: Deaths, phmrc_dir: Path, tmp_path: Path) -> None:
    table = read_columns(open_source(find_phmrc("child", phmrc_dir), encoding="latin-1"))
    rng = np.random.default_rng(5)
    rows, columns = rng.permutation(len(child)), rng.permutation(list(table)).tolist()
    text = {c: table[c].text()[rows] for c in columns}

    def write(name: str, keep: list[str]) -> Path:
        import csv

        with open(tmp_path / name, "w", encoding="latin-1", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(keep)
            writer.writerows(zip(*(text[c] for c in keep), strict=True))
        return tmp_path / name

    again = read_phmrc("child", write("child.csv", columns), features="hce_words")
    shuffled = again.select(list(child.symptom_names))
    assert np.array_equal(shuffled.symptoms, child.symptoms)
    assert shuffled.id.tolist() == child.id.tolist() == sorted(child.id.tolist(), key=int)
    assert again.with_features("hce").fingerprint == child.with_features("hce").fingerprint
    # without newid the ids come from the content, whatever the order
    one = read_phmrc("child", write("a.csv", [c for c in columns if c != "newid"]))
    two = read_phmrc("child", write("b.csv", [c for c in sorted(columns) if c != "newid"]))
    assert one.fingerprint == two.fingerprint
    assert len(one) == 2064


@pytest.mark.real_data
def test_ledger_counts_changed_cells(adult: Deaths, child: Deaths) -> None:
    entry = {(e.action, e.column): e for e in adult.ledger}
    assert entry["corrected", "a4_04"].count == 1456
    assert any("Don't Know" in e.reason and e.count > 100_000 for e in adult.ledger)
    assert any(e.count == 128 and "repeat the answers" in e.reason for e in adult.ledger)
    assert {e.column for e in child.ledger if e.action == "corrected"} == {"c1_08b"}


@pytest.mark.real_data
def test_symptoms_without_content(adult: Deaths, child: Deaths, phmrc_dir: Path) -> None:
    """The adult file has none; the child file has 6 boxes of refused and don't know, and 10 that never vary."""
    assert (
        read_phmrc("adult", phmrc_dir, features="hce_words", drop_empty_symptoms=True).fingerprint == adult.fingerprint
    )
    deaths = read_phmrc("child", phmrc_dir, features="hce_words", drop_empty_symptoms=True)
    left = {e.reason: e.count for e in deaths.ledger if e.action == "left out"}
    assert sorted(left.values()) == [6, 10]
    assert child.n_symptoms - deaths.n_symptoms == 16
    answers = {name: set(column) - {-1} for name, column in zip(deaths.symptom_names, deaths.symptoms.T, strict=True)}
    assert all(len(values) == 2 for name, values in answers.items() if name != "c4_07b")


@pytest.mark.real_data
def test_durations_and_age(phmrc_dir: Path) -> None:
    deaths = read_phmrc("adult", phmrc_dir, durations=True)
    assert len(deaths.covariates) == 1 + 27
    fever = deaths.covariates["a2_03_days"]
    j = deaths.symptom_names.index("a2_03")
    assert np.array_equal(deaths.symptoms[:, j] == 1, np.nan_to_num(fever) > 8.8)
    age = deaths.covariates["age"]
    assert np.nanmin(age) == 11  # one age below the nominal 12 years stands in the file
    assert np.nanmax(age) <= 120


@pytest.mark.real_data
def test_another_module_s_file_is_named(phmrc_dir: Path) -> None:
    with pytest.raises(
        InputError, match=r"is the PHMRC file of the child module; read it with data=phmrc_child data.path="
    ):
        read_phmrc("adult", phmrc_dir / "child.csv.gz")


def test_the_error_for_a_missing_file_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VA_PHMRC_DIR", raising=False)
    with pytest.raises(
        InputError, match=r"adult file is not given; get .*ghdx\.healthdata\.org.*account.*VA_PHMRC_DIR"
    ):
        read_phmrc("adult")
    monkeypatch.setenv("VA_PHMRC_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"holds none of child\.csv, child\.csv\.gz, IHME_PHMRC_VA_DATA_CHILD"):
        read_phmrc("child")
    with pytest.raises(InputError, match=r"no such file; get the PHMRC neonate file"):
        read_phmrc("neonate", tmp_path / "neonate.csv")
    with pytest.raises(InputError, match=r"unknown PHMRC module 'adlut'; .* did you mean 'adult'"):
        read_phmrc("adlut")
    official = tmp_path / "IHME_PHMRC_VA_DATA_ADULT_Y2013M09D11_0.csv"
    official.write_text("site,va34\nAP,1\n")
    assert find_phmrc("adult") == official
    assert SITES[0] == "AP"
