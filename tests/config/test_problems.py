"""Problems of a tree: every one at once, with the key that a person types, the nearest known name and the choice."""

from __future__ import annotations

import pytest

from va_experiments.config.problems import check
from va_experiments.config.schema import parse_config
from va_experiments.config.testsets import Dirichlet
from va_experiments.errors import InputError
from va_experiments.hydra_app.app import compose


def problems_of(changes: dict) -> list[str]:
    tree = compose([])
    for key, value in changes.items():
        inner = tree
        *groups, last = key.split(".")
        for group in groups:
            inner = inner[group]
        inner[last] = value
    with pytest.raises(InputError) as caught:
        parse_config(tree, where="job 3")
    return list(caught.value.problems)


def test_problems_of_all_groups_are_named_at_once_with_the_keys_that_people_type() -> None:
    problems = problems_of(
        {
            "data.n": True,
            "data.sed": 1,
            "site.typo": 1,
            "protocol.train_size": [0.5, -1],
            "execution.backend": "rya",
            "model.name": "../x",
            "seed": "one",
            "alert.events": ["done"],
        }
    )
    assert sorted(problems) == sorted(
        [
            "job 3: data.n must be a whole number; got True (bool)",
            "job 3: unknown key 'sed' in data=simulated; known: n, seed, sites, n_symptoms; did you mean 'seed'?",
            "job 3: unknown key 'site.typo'; known: name, test_sites",
            "job 3: protocol.train_size: n_train must be a whole number >= 1; got -1 (int). Expected a whole number, a "
            "share between 0 and 1, or 'all'",
            "job 3: execution.backend is 'rya'; known: ray, inline; did you mean 'ray'?",
            "job 3: model.name is '../x'; expected at most 64 letters, digits, spaces and _ . - in it",
            "job 3: seed must be a whole number >= 0; got 'one' (str)",
            "job 3: alert.events is 'done'; known: failed, finished, stalled",
        ]
    )


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("testset.name", "dirichlett", "unknown testset 'dirichlett'; known: natural, dirichlet, "),
        ("data.name", False, "data.name must be one of simulated, phmrc_adult, phmrc_child, "),
        ("data.name", False, 'got False (bool); quote it: "NO"'),
        ("protocol", 3, "protocol must be a group of keys; got 3 (int)"),
        ("execution", None, "execution must be a group of keys; got nothing"),
        ("model", [], "model must be a group of keys; got [] (list)"),
        ("n_bootstrap", float("nan"), "n_bootstrap is nan; expected a finite number"),
    ],
)  # fmt: skip
def test_a_group_that_is_none(key: str, value: object, words: str) -> None:
    problems = problems_of({key: value})
    assert any(words in problem for problem in problems), problems
    assert len(problems) == 1


def test_a_group_alone_has_the_path_and_the_choice_it_is_given() -> None:
    with pytest.raises(InputError) as caught:
        check(Dirichlet, {"alpha": 0, "alfa": 1}, "testset", "testset=dirichlet")
    assert list(caught.value.problems) == [
        "testset.alpha must be a number > 0; got 0 (int)",
        "unknown key 'alfa' in testset=dirichlet; known: n_resamples, n_test, alpha; did you mean 'alpha'?",
    ]
