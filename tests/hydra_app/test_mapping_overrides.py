"""Mappings of cells are typed as messages print them: any keys, in place of the file's mapping."""

from __future__ import annotations

import pytest

from va_experiments.config.data import Csv
from va_experiments.hydra_app.app import compose
from va_experiments.hydra_app.mapping_overrides import with_whole_mappings


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ('data.value_map={"maybe": ".", "Y": Y, "N": N}', {"value_map": {"maybe": ".", "Y": "Y", "N": "N"}}),
        ("data.value_map={9: ., 08: ., Yes: Y, No: N}", {"value_map": {"9": ".", "08": ".", "Yes": "Y", "No": "N"}}),
        ("data.site_map={nan: null}", {"site_map": {"nan": None}}),
        ('data.site_map={"Don\'t know": "$x \\u00e9 \\" {a}"}', {"site_map": {"Don't know": '$x \u00e9 " {a}'}}),
        ("data.covariates={age: [0, 120], q1: null}", {"covariates": {"age": [0, 120], "q1": None}}),
    ],
)
def test_a_mapping_is_what_was_typed(word: str, expected: dict) -> None:
    tree = compose(["data=csv", word])["data"]
    (key,) = expected
    assert getattr(Csv.model_validate(tree), key) == expected[key]


def test_other_overrides_are_left_to_hydra() -> None:
    words = [
        *("data.path=x", "+data.covariates={age: [0,120]}", "data.covariates.age=[0,120]", "model.params={a: 1}"),
        *("data.exclude={a}", "data.value_map={not: [closed}", "data.value_map={a: 1},{b: 2}"),
    ]
    assert with_whole_mappings(words) == words
