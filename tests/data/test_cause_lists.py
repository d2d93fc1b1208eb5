"""Cause lists and their mappings: complete, without spelling mistakes, and refused where a cause maps nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from va_experiments.data.cause_lists import CauseMap, cause_list, cause_lists, cause_maps, causes_of_table, map_causes
from va_experiments.data.probbase import read_probbase
from va_experiments.errors import InputError


@pytest.mark.parametrize("table", cause_maps(), ids=lambda m: m.file)
def test_a_mapping_has_every_cause_of_its_source_and_no_other_target(table: CauseMap) -> None:
    assert tuple(table.pairs) == cause_list(table.source).causes
    assert set(table.pairs.values()) <= set(cause_list(table.target).causes)


def test_lists_are_those_of_readers_and_models() -> None:
    assert cause_list("interva5").causes == read_probbase().causes
    assert {n: len(lst.causes) for n, lst in cause_lists().items()} == {
        **{"va34": 34, "va46": 46, "va55": 53, "va21": 21, "va6": 6, "interva5": 61},
        **{"eava_child": 12, "eava_neonate": 9, "broad_adult": 5, "broad_child": 9, "broad_neonate": 6, "gbd": 3},
    }


def test_the_broad_groups_are_those_of_the_literature() -> None:
    """Pramanik 2025: neonates' infections are one group; venomous animals are no injury of children."""
    _, neonate, _ = map_causes(cause_list("interva5").causes, "broad_neonate", what="x")
    assert neonate["Tetanus"] == neonate["Neonatal sepsis"] == "sepsis_meningitis_inf"
    assert neonate["Neonatal pneumonia"] == "pneumonia"
    assert neonate["Fresh stillbirth"] == "other"
    _, child, _ = map_causes(cause_list("interva5").causes, "broad_child", what="x")
    assert child["Contact with venomous plant/animal"] == "other"
    assert child["Assault"] == "injury"
    assert child["Birth asphyxia"] == "nn_causes"


def test_levels_of_a_chain_agree() -> None:
    maps = {(m.source, m.target): m.pairs for m in cause_maps()}
    for first, second in (("va55", "va46"), ("va46", "va34")):
        for target in ("va34", "gbd", "broad_adult"):
            if (first, target) in maps and (second, target) in maps:
                via = {s: maps[second, target][t] for s, t in maps[first, second].items()}
                assert via == maps[first, target]


def test_names_are_found_whatever_their_case_and_punctuation() -> None:
    _, mapping, where = map_causes(["road.traffic", "TB"], "va34", what="x")
    assert mapping == {"road.traffic": "Road Traffic", "TB": "TB"}
    assert where == "the same names"


def test_broad_is_the_list_that_the_causes_have_a_mapping_to() -> None:
    assert map_causes(cause_list("va6").causes, "broad", what="x")[0].name == "broad_neonate"
    with pytest.raises(InputError, match="several broad lists fit the causes of x; name one: broad_adult, broad_child"):
        map_causes(cause_list("interva5").causes, "broad", what="x")
    with pytest.raises(InputError, match="no broad list has a mapping for"):
        map_causes(["Fever"], "broad", what="x")


def test_a_cause_that_maps_nowhere_is_refused(tmp_path: Path) -> None:
    own_map = CauseMap("", "gbd", {"Fever": "injuries", "Cold": "cold"}, "mine.csv")
    with pytest.raises(InputError) as caught:
        map_causes(["Fever", "Cough"], "gbd", [own_map], what="data 'd'")
    assert caught.value.problems == (
        "score_at=gbd: 'Cough', a cause of data 'd', maps nowhere in mine.csv; add it to a table with source and "
        "target: 'cause_maps=[\"gbd=FILE\"]' (causes map: --map FILE)",
        "score_at=gbd: mine.csv maps to 'cold', which is no cause of gbd",
    )
    twice = CauseMap("", "gbd", {"Fall": "injuries", "FALL": "ncd"}, "mine.csv")
    with pytest.raises(InputError, match="maps 'FALL', in two spellings, to 'ncd' and to 'injuries'; write it once"):
        map_causes(["Fall"], "gbd", [twice], what="data 'd'")
    with pytest.raises(InputError, match=r"unknown cause list 'gdb'; known: .*did you mean 'gbd'"):
        cause_list("gdb")
    with pytest.raises(InputError, match="is neither a cause list nor a file"):
        causes_of_table(str(tmp_path / "x.csv"))
    (tmp_path / "x.csv").write_text("id,cause\n1,TB\n2,AIDS\n3,TB\n")
    assert causes_of_table(str(tmp_path / "x.csv")) == ("TB", "AIDS")


def test_targets_are_found_in_any_case_and_holes_are_named() -> None:
    pairs = {"flu": "Injuries ", "fall": "non communicable"}
    _, mapping, _ = map_causes(["flu", "fall"], "gbd", [CauseMap("", "gbd", pairs, "mine.csv")], what="x")
    assert mapping == {"flu": "injuries", "fall": "non-communicable"}
    with pytest.raises(InputError) as caught:
        map_causes(["flu", "fall"], "gbd", [CauseMap("", "gbd", pairs | {"fall": ""}, "mine.csv")], what="x")
    assert caught.value.problems == ("score_at=gbd: mine.csv has no target for 'fall'",)
