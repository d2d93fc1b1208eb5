"""An override that the grammar does not accept: the message says how to write it, and what it says is accepted."""

from __future__ import annotations

import shlex

import pytest

from va_experiments.errors import InputError
from va_experiments.hydra_app.grammar_errors import parse_overrides


def problems_of(*overrides: str) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        parse_overrides(overrides)
    return caught.value.problems


@pytest.mark.parametrize(
    "value", ["a(1).csv", "a=b.csv", "x[2].csv", "{a}.csv", "it's (1).csv", "cost $5 (new).csv", "a b(2).csv", 'q"(1)"']
)
def test_the_quoted_form_that_is_named_sets_the_value(value: str) -> None:
    (problem,) = problems_of(f"data.path={value}")
    assert problem.startswith("cannot read an override: ")
    way = shlex.split(problem.rpartition("$): ")[2])
    (override,) = parse_overrides(way)
    assert override.key_or_group == "data.path"
    assert override.value() == value


def test_a_value_that_the_shell_divided_is_put_together() -> None:
    assert problems_of("data.path=my", "file.csv")[0].endswith("""write "data.path='my file.csv'\"""")
    for words in ("model = nbc", "model =nbc", "model= nbc"):
        assert problems_of(*words.split(), "seed=1")[0].endswith(
            f"'{words}' was divided at a space by the shell; write model=nbc"
        )
    for words in ("model=nbc, interva", "model=nbc , interva", "model=nbc ,interva", "model = nbc, interva"):
        (problem,) = problems_of(*words.split(), "data=csv")
        assert problem.endswith("; write model=nbc,interva")
    assert problems_of("model=nbc,", "data=csv")[0].endswith("remove the comma, or name the value")
    (problem,) = problems_of("protocol.train_size=[100,", "200]", "seed=1")
    assert problem.endswith("was divided at a space by the shell; write 'protocol.train_size=[100, 200]'")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model=nbc,", "'model=nbc,' has a comma without a value beside it"),
        ("=3", "'=3' is not KEY=VALUE (or ~KEY)"),
        ("é=1", "a key has plain letters, digits and _ . / @; got 'é'"),
        ("nbc", "'nbc' is not KEY=VALUE (or ~KEY)"),
    ],
)
def test_what_is_no_override(override: str, words: str) -> None:
    assert words in problems_of(override)[0]


def test_all_are_named_at_once_and_secrets_are_not_shown() -> None:
    found = problems_of("data.path=a(1)", "alert.url=json://to(ken)/x", "seed=1")
    assert len(found) == 2
    assert "ken" not in found[1]
