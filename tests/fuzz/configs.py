"""Whatever the configuration says, it is planned or refused in words: no traceback, no hang, nothing left behind."""

from __future__ import annotations

import functools
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.fuzz.property import Property
from tests.fuzz.tables import fit_to_show, mangled
from tests.in_process import elsewhere, run_here
from va_experiments.config.schema import conf_dir, parse_config
from va_experiments.data.readers.simulated import simulate_deaths
from va_experiments.errors import InputError
from va_experiments.hydra_app.config_errors import _keys
from va_experiments.plan import Job, plan

__all__ = ["PROPERTIES"]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 8),
    st.integers(),
    st.floats(),
    st.sampled_from([10**30, -(2**63), 1e300, math.inf, math.nan, 0.5, 1.0]),
    st.sampled_from(
        ["all", "AP", "nbc", "model", "n=5", "share=2", "share=nan", "n=9" * 9, "NO", "", " ", "\x00", "é"]
    ),
    st.sampled_from(
        ["../..", "~", "/", "os.system", "sklearn.dummy.DummyClassifier", "va_experiments", "name", "x" * 999]
    ),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | SCALARS, inner, max_size=3),
    max_leaves=6,
)
KEYS = sorted(set(_keys(conf_dir())))
"""Every key that a file of ``conf/`` or the schema knows."""


@functools.cache
def base_tree() -> dict[str, Any]:
    """The composed configuration of a run without overrides, with a small data set."""
    top = yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))
    chosen = {k: v for entry in top.pop("defaults") if isinstance(entry, dict) for k, v in entry.items()}
    top.pop("hydra")
    for group, name in chosen.items():
        if isinstance(name, str) and (path := conf_dir() / group / f"{name}.yaml").is_file():
            top[group] = yaml.safe_load(path.read_text(encoding="utf-8"))
    top["data"]["n"] = 200
    return top


def _changed(tree: dict[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    head, *rest = path
    inner = tree.get(head)
    return {**tree, head: _changed(inner if isinstance(inner, dict) else {}, rest, value) if rest else value}


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a composed configuration with some keys set to anything, renamed or left out."""
    tree = dict(base_tree())
    groups = [p for p in conf_dir().iterdir() if p.is_dir() and p.name in tree]
    for _ in range(draw(st.integers(0, 3))):
        folder = draw(st.sampled_from(groups))
        tree[folder.name] = yaml.safe_load(draw(st.sampled_from(sorted(folder.glob("*.yaml")))).read_text())
    for _ in range(draw(st.integers(1, 3))):
        inner_keys = [f"{k}.{inner}" for k, v in tree.items() if isinstance(v, dict) for inner in v]
        key = draw(st.sampled_from(KEYS) | st.sampled_from(inner_keys) | st.text(min_size=1, max_size=4))
        tree = _changed(tree, key.split("."), draw(VALUES))
    if draw(st.integers(0, 9)) == 0:
        tree.pop(draw(st.sampled_from(sorted(tree))))
    return tree


@functools.cache
def _deaths() -> Any:
    return simulate_deaths(200)


def a_composed_configuration(tree: dict[str, Any]) -> None:
    """A tree is planned whole or refused with problems that can be printed."""
    try:
        run, job = parse_config(tree)
        if run.max_cells > 5_000:
            run = run.model_copy(update={"max_cells": 5_000})
        planned = plan([Job(0, (), job, _deaths().fingerprint)], {_deaths().fingerprint: _deaths()}, run=run)
        assert len(planned) >= 1
    except InputError as error:
        fit_to_show(error)


# --- whole commands --------------------------------------------------------------------------------------------------

TEXTS = ["1", "0", "-1", "1.5", "1e3", "1e999", "nan", "true", "no", "null", "~", "''", "[]", "{}", "[AP,UP]", "{a:1}"]
TEXTS += [
    "nbc",
    "nbc,interva",
    "all",
    "AP",
    "ap,up",
    "'a b'",
    "a b",
    "a=b",
    "a:b",
    "[",
    "{",
    "}",
    "'",
    '"',
    "\\",
    "é",
    ",",
]
TEXTS += ["${seed}", "${oc.env:HOME}", "${nothing}", "${now:%Y}", "${", "$", "${oc.decode:1}", "${seed", "???", "0x10"]
TEXTS += [
    "range(1,3)",
    "range(1,1e9)",
    "range(1,1000000000)",
    "choice(1,2)",
    "glob(*)",
    "glob(*,exclude=n*)",
    "sort(2,1)",
]
TEXTS += ["interval(0,1)", "tag(a,1)", "int(x)", "shuffle(1,2)", "!!python/object:os.system", "&a", "*a", "a\nb", "\t"]
TEXTS += ["x" * 400, "../x", "12:30", "0777", "1_000", "os.system", "\u200b", "caus\u0435"]
FLAGS = [
    "-m",
    "--debug",
    "--cfg",
    "job",
    "--info",
    "--help",
    "--hydra-help",
    "--version",
    "--resolve",
    "--run",
    "--package",
]
FLAGS += [
    "-p",
    "--config-name",
    "nothing",
    "experiment",
    "--config-dir",
    "nowhere",
    "--bogus",
    "-x",
    "",
    " ",
    "=",
    "=1",
]

WORDS = st.sampled_from(TEXTS) | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
NAMES = (
    st.sampled_from(KEYS)
    | st.sampled_from([k[:-1] for k in KEYS])
    | st.sampled_from(["hydra.verbose", "a.b", "_target_"])
)
OVERRIDES = st.builds(
    "{}{}{}{}".format, st.sampled_from(["", "", "", "+", "++", "~"]), NAMES, st.sampled_from(["=", "=", "=", ""]), WORDS
)
QUICK = ("data.n=120", "n_bootstrap=0", "max_cells=40", "dry_run=true")


def _plans_or_refuses(arguments: Sequence[str], root: Path, given: set[Path]) -> None:
    code, output = run_here(arguments)
    shown = f"{shlex.join(arguments)}\nexit code {code}\n{output[-3000:]}"
    assert "Traceback" not in output, shown
    assert code in (0, 2), shown
    if code == 2:
        assert output.strip(), shown
        assert "error:" in output, shown
    left = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p not in given and p.is_file())
    assert not left, f"{shown}\nleft behind: {left}"


def a_command(arguments: list[str]) -> None:
    """A command line with dry_run plans or refuses, and leaves no file."""
    if "--debug" in arguments:
        arguments = [a for a in arguments if a != "--debug"]
    with elsewhere() as root:
        _plans_or_refuses([*arguments, *QUICK], root, set())


def a_file_of_conf(choice: tuple[Path, bytes]) -> None:
    """A file of a configuration folder of one's own is read or refused."""
    path, raw = choice
    with elsewhere() as root:
        mine = root / "mine" / path.parent.name / "mine.yaml"
        mine.parent.mkdir(parents=True)
        mine.write_bytes(raw)
        chosen = f"+{path.parent.name}=mine" if path.parent.name in ("experiment",) else f"{path.parent.name}=mine"
        _plans_or_refuses(["--config-dir", str(root / "mine"), chosen, *QUICK[1:2], QUICK[3]], root, {mine})


YAML_PIECES = [
    b": ",
    b"- ",
    b"\t",
    b"\n",
    b"  ",
    b"#",
    b"'",
    b'"',
    b"[",
    b"]",
    b"{",
    b"}",
    b"&a ",
    b"*a",
    b"!!python/name:os",
]
YAML_PIECES += [
    b"?",
    b"|",
    b">",
    b"%YAML",
    b"---\n",
    b"...",
    b"\x00",
    b"\xff",
    b"${seed}",
    b"${oc.env:HOME}",
    b"${",
    b"NO",
]
YAML_PIECES += [
    b"_target_: os.system\n",
    b"name: 1\n",
    b"defaults:\n  - nothing\n",
    b"1e400",
    b"\xef\xbb\xbf",
    b"\x85",
    b"???",
]
YAML_PIECES += [
    b"x: &x [1,1,1,1,1,1,1,1,1]\ny: &y [*x,*x,*x,*x,*x,*x,*x,*x]\n",
    b"# @package _global_\n",
    b"name: {a: 1}\n",
]


@st.composite
def files_of_conf(draw: st.DrawFn) -> tuple[Path, bytes]:
    """Draw a file of ``conf/`` and mangle it."""
    path = draw(st.sampled_from(sorted(conf_dir().glob("*/*.yaml"))))
    return path, draw(mangled(path.read_bytes(), YAML_PIECES))


PROPERTIES: dict[str, Property] = {
    "a composed configuration": Property(a_composed_configuration, {"tree": trees()}, examples=150),
    "a command": Property(
        a_command, {"arguments": st.lists(OVERRIDES | st.sampled_from(FLAGS), min_size=1, max_size=4)}, examples=12
    ),
    "a file of conf": Property(a_file_of_conf, {"choice": files_of_conf()}, examples=12),
}
