"""IMMCMC: PHMRC's questionnaire in a simulated file; nobody here has seen the real one, so what may differ is asked."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.readers.immcmc import N_DEATHS, find_immcmc, read_immcmc
from va_experiments.data.readers.phmrc_modules import MODULES, module_of
from va_experiments.errors import InputError

AGES = {"adult": lambda k: 20 + k % 60, "child": lambda k: k % 12, "neonate": lambda k: ""}
SITES = ("Bangladesh", "Papua New Guinea", "Philippines")


def simulated(folder: Path, module: str = "adult", n: int = 60, **changes: object) -> Path:
    """Write a file of that form with random answers: `cause`, `absent` (columns), `site` and `code` change it."""
    rules = module_of(module)
    rng = np.random.default_rng(2011)
    questions = dict.fromkeys(c for rule in rules.rules for c in rule.columns)
    absent = changes.get("absent", ())
    columns = [c for c in questions if c not in absent and c not in ("g1_05", "g1_07a")]  # type: ignore[operator]
    numbers = {r.columns[0] for r in rules.rules if r.cut is not None or r.learned}
    listed = {c: sorted(r.yes | r.no) for r in rules.rules for c in r.columns if r.cut is None and not r.learned}
    path = folder / f"{module}.csv"
    with open(path, "w", newline="", encoding="latin-1") as file:
        writer = csv.writer(file)
        writer.writerow(["newid", changes.get("site", "site"), "gs_text34", "va34", "g1_05", "g1_07a", *columns])
        for k in range(n):
            cause = rules.causes[k % len(rules.causes)]
            cells = [
                str(rng.integers(0, 40)) if c in numbers else str(rng.choice([*listed.get(c, ["Yes", "No"]), ""]))
                for c in columns
            ]
            leading = [k + 1, SITES[k % 3], changes.get("cause", cause), k % len(rules.causes) + 1]
            writer.writerow([*leading, ("Male", "Female")[k % 2], AGES[module](k), *cells])
    return path


def test_a_simulated_file_gives_phmrc_s_symptoms_and_the_file_s_sites(tmp_path: Path) -> None:
    deaths = read_immcmc("adult", simulated(tmp_path))
    rules = module_of("adult")
    assert deaths.symptom_names == tuple(r.symptom for r in rules.rules)
    assert (deaths.sites, deaths.causes, deaths.name) == (SITES, rules.causes, "immcmc_adult")
    assert np.bincount(deaths.site).tolist() == [20, 20, 20]
    assert np.asarray(deaths.cause).tolist() == [k % 34 for k in range(60)]
    assert deaths.covariates["age"].tolist() == [20 + k % 60 for k in range(60)]
    assert f"the published file has {N_DEATHS['adult']:,} deaths" in {e.reason for e in deaths.ledger}
    assert not [e for e in deaths.ledger if e.action == "corrected"]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_reads_as_with_phmrc_s_own_reader(module: str, tmp_path: Path) -> None:
    deaths = read_immcmc(module, simulated(tmp_path, module))
    assert deaths.labelled
    assert len(deaths) == 60
    assert {c.symptom for c in deaths.learned_cuts} == {r.symptom for r in module_of(module).rules if r.learned}


def test_questions_that_the_file_lacks_are_not_answered_and_listed(tmp_path: Path) -> None:
    deaths = read_immcmc("adult", simulated(tmp_path, absent=("a2_02", "a4_03")))
    place = deaths.symptom_names.index("a2_02")
    assert set(deaths.symptoms[:, place].tolist()) == {-1}
    (entry,) = [e for e in deaths.ledger if "not in the file" in e.reason]
    assert (entry.count, entry.examples) == (2, ("a2_02", "a4_03"))
    absent = tuple(c for r in module_of("adult").rules[20:120] for c in r.columns)
    with pytest.raises(InputError, match=r"columns of the PHMRC adult questionnaire are missing"):
        read_immcmc("adult", simulated(tmp_path, absent=absent))


def test_causes_are_names_or_asked(tmp_path: Path) -> None:
    path = simulated(tmp_path, cause="ischaemic heart")
    with pytest.raises(InputError, match=r"'gs_text34' holds 1 causes .* \(lines 2, 3, .* 60 in all\)") as caught:
        read_immcmc("adult", path)
    assert 'data.cause_map={"ischaemic heart": CAUSE}' in str(caught.value)
    mapped = read_immcmc("adult", path, cause_map={"Ischaemic Heart": "acute myocardial infarction"})
    assert set(np.asarray(mapped.cause).tolist()) == {16}
    with pytest.raises(InputError, match=r"data\.cause_map: 'Heart' is not in the list"):
        read_immcmc("adult", path, cause_map={"ischaemic heart": "Heart"})
    left_out = read_immcmc("adult", simulated(tmp_path), cause_map={"Stroke": None})
    assert [(e.reason, len(e.ids)) for e in left_out.excluded] == [("cause is left out", 1)]


def test_numbers_are_phmrc_s_codes_only_if_one_says_so(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    with pytest.raises(InputError, match=r"'va34' holds 34 causes .* data\.phmrc_codes=true if they are"):
        read_immcmc("adult", path, cause="va34")
    same = read_immcmc("adult", path)
    assert read_immcmc("adult", path, cause="va34", phmrc_codes=True).fingerprint == same.fingerprint


def test_the_column_of_the_site_is_asked(tmp_path: Path) -> None:
    path = simulated(tmp_path, site="hospital")
    with pytest.raises(InputError, match=r"no column site or country; name the column of the site with data\.site"):
        read_immcmc("adult", path)
    assert read_immcmc("adult", path, site="Hospital").sites == SITES


def test_another_module_and_a_missing_file_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="PHMRC file of the child module"):
        read_immcmc("adult", simulated(tmp_path, "child"))
    monkeypatch.delenv("VA_IMMCMC_DIR", raising=False)
    with pytest.raises(InputError, match="the IMMCMC adult file is not given; the article says where"):
        find_immcmc("adult")
    monkeypatch.setenv("VA_IMMCMC_DIR", str(tmp_path))
    assert find_immcmc("child") == tmp_path / "child.csv"


def test_a_row_without_a_site_is_refused(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    path.write_text(path.read_text("latin-1").replace("\n3,Philippines", "\n3,", 1), "latin-1")
    with pytest.raises(InputError, match=r"rows without a site in column 'site' \(line 4\)"):
        read_immcmc("adult", path)


def test_deaths_that_occur_twice_are_refused_until_asked(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    expected = read_immcmc("adult", path).fingerprint
    first = path.read_text(encoding="latin-1").splitlines()[1]
    with open(path, "a", encoding="latin-1") as file:
        file.write(f"999,{first.partition(',')[2]}\n")
    with pytest.raises(InputError, match=r"1 deaths occur twice: .* \(lines 62\).*data\.duplicates=first"):
        read_immcmc("adult", path)
    assert read_immcmc("adult", path, duplicates="first").fingerprint == expected
    assert len(read_immcmc("adult", path, duplicates="keep")) == 61


def test_sites_lose_what_programs_add_and_doubtful_ones_are_asked_about(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    text, site = path.read_text(), SITES[0]
    path.write_text(text.replace(f",{site},", f",\u200b{site}\u00a0,"), encoding="utf-8")
    assert read_immcmc("adult", path).sites == SITES
    for other in (f"{site}*", site.upper(), f"{site[:2]}-{site[2:]}"):
        path.write_text(text.replace(f",{site},", f",{other},", 1))
        with pytest.raises(InputError, match=r"Write each site in one way"):
            read_immcmc("adult", path)
