"""What Hydra would call or read by itself is refused before it does; see also tests/bad_inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from va_experiments.errors import InputError
from va_experiments.hydra_app.config_allowlist import check_expansion, find_problems


@pytest.mark.parametrize("place", ["file:///etc", "file://../elsewhere", "/etc", "../..", "pkg://os", "http://x/conf"])
def test_configs_do_not_come_from_elsewhere(place: str) -> None:
    problems = find_problems({"hydra": {"searchpath": [place]}})
    assert len(problems) == 1
    assert f"'hydra.searchpath' has '{place}'" in problems[0]
    assert "--config-dir" in problems[0]


def test_a_link_out_of_the_folder_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path / "here")
    assert find_problems({"hydra": {"searchpath": ["file://mine"]}})


@pytest.mark.parametrize("place", ["file://my_conf", "my_conf/more", "pkg://va_experiments.conf", "pkg://mine.conf"])
def test_configs_from_here_and_from_allowed_packages_are_read(place: str) -> None:
    assert not find_problems({"hydra": {"searchpath": [place]}, "allowed_targets": ["mine"]})
    assert not find_problems({"hydra": {"searchpath": []}})


@pytest.mark.parametrize("kind", ["text", "list", "group"])
def test_interpolations_that_multiply_are_refused(kind: str) -> None:
    tree: dict = {"a0": "x" if kind != "group" else {"k": "x", "l": "x"}}
    for level in range(1, 40):
        twice = f"${{a{level - 1}}}"
        tree[f"a{level}"] = {"text": twice * 2, "list": [twice, twice], "group": {"k": twice, "l": twice}}[kind]
    with pytest.raises(InputError, match="stands for more than 10,000 values by interpolation"):
        check_expansion(tree)


def test_usual_interpolations_and_circles_are_no_bomb() -> None:
    check_expansion({"a": "${b}", "b": "${a}", "c": ["${a}"] * 100, "d": "${now:%Y} ${oc.env:VA_X}"})
