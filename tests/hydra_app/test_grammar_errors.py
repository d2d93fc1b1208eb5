"""An override that the grammar does not accept: the message says how to write it, and what it says is accepted."""

from __future__ import annotations

import shlex

import pytest

from tests.in_process import elsewhere, run_here
from va_experiments.errors import InputError
from va_experiments.hydra_app.grammar_errors import check_length, parse_overrides


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
        ("model==nbc", "'model==nbc' has two equals signs; write model=nbc"),
        ("model.alpha=interval(a,b)", "interval() takes two numbers, the smaller first, such as interval(0.1,10)"),
        ("model.alpha=choice()", "choice() takes one value or more, such as choice(1,10,100)"),
        ("é=1", "a key has plain letters, digits and _ . / @; got 'é'"),
        ("nbc", "'nbc' is not KEY=VALUE (or ~KEY)"),
    ],
)
def test_what_is_no_override(override: str, words: str) -> None:
    assert words in problems_of(override)[0]


def test_a_range_without_a_search_is_told_to_be_one() -> None:
    with elsewhere():
        code, err = run_here(["model=nbc", "model.alpha=interval(0.1,1)", "execution=inline", "dry_run=true"])
    assert code == 2
    assert "is a range for a search: add hydra/sweeper=optuna" in err


def test_all_are_named_at_once_and_secrets_are_not_shown() -> None:
    problems = problems_of("data.path=a(1)", "alert.url=json://to(ken)/x", "seed=1")
    assert len(problems) == 2
    assert "ken" not in problems[1]


def test_overrides_that_would_take_minutes_to_parse_are_refused_before_they_are_parsed() -> None:
    sites = ",".join(f"s{n:07}" for n in range(100_000))
    with elsewhere():
        code, err = run_here(["model=nbc", f"site.test_sites=[{sites}]"])
    assert code == 2
    assert "have 900,0" in err
    assert "of which 'site.test_sites' has 900,0" in err
    assert "experiment=NAME" in err
    with pytest.raises(InputError, match="at most 30,000 are read"):
        check_length([f"+x.k{n}=[1,2,3]" for n in range(3000)])
    check_length(["model=nbc", f"data.site_map={{{','.join(f'site{n:04}: a' for n in range(2000))}}}"])


NESTED = {
    "text": [f"+x.a{n}=${{x.a{n - 1}}}${{x.a{n - 1}}}" for n in range(1, 30)],
    "list": [f"+x.a{n}=[${{x.a{n - 1}}},${{x.a{n - 1}}}]" for n in range(1, 30)],
    "deep": ["+x.b=" + "[" * 5000 + "]" * 5000],
}


@pytest.mark.parametrize("kind", NESTED)
def test_a_bomb_on_the_command_line_ends_in_words(kind: str) -> None:
    with elsewhere():
        code, err = run_here(["model=nbc", "+x.a0=1", *NESTED[kind]])
    assert code == 2, err
    assert err.startswith("error: ")
    assert "Traceback" not in err
