"""Readers by name: options, types, and the YAML that shows them."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

import va_experiments.data as data
from va_experiments.data.readers.csv_options import CsvOptions
from va_experiments.data.readers.odk_export import OdkOptions
from va_experiments.data.registry import READERS, check_options, load, options_of, with_check
from va_experiments.errors import InputError

CONF = Path(__file__).resolve().parents[2] / "conf"

OPTIONS = {"read_csv_deaths": CsvOptions, "read_who2016_odk": OdkOptions}
"""Where readers that take ``**options`` list them."""


@pytest.mark.parametrize("name", sorted(READERS))
def test_yaml_shows_every_option_with_its_default(name: str) -> None:
    text = yaml.safe_load((CONF / "data" / f"{name}.yaml").read_text())
    assert text.pop("name") == name
    assert text == options_of(name)
    assert check_options(name, {"name": name, **text}) == options_of(name)


@pytest.mark.parametrize("name", sorted(READERS))
def test_options_are_the_function_s(name: str) -> None:
    reader = READERS[name]
    function = getattr(import_module(reader.module), reader.function)
    parameters = dict(inspect.signature(function).parameters)
    factories: dict[str, Any] = {}
    if (more := parameters.get("options")) is not None and more.kind is inspect.Parameter.VAR_KEYWORD:
        del parameters["options"]
        listed = OPTIONS[reader.function]
        parameters |= inspect.signature(listed).parameters
        factories = {f.name: f.default_factory for f in dataclasses.fields(listed)}
    options = reader.options().model_dump(exclude={"name"})
    assert set(options) | set(reader.fixed) == set(parameters)
    for key, option in options.items():
        factory = factories.get(key, dataclasses.MISSING)
        default = parameters[key].default if factory is dataclasses.MISSING else factory()
        if default is not inspect.Parameter.empty:
            assert default == option or (default in ((), None) and not option)


def test_feature_levels_have_a_file() -> None:
    from va_experiments.data.deaths import FEATURE_LEVELS

    files = {p.stem: yaml.safe_load(p.read_text()) for p in (CONF / "features").glob("*.yaml")}
    assert files == {level: {"name": level} for level in FEATURE_LEVELS}


def test_load_synthetic() -> None:
    deaths = load("simulated", {"name": "simulated", "n": 60, "n_symptoms": 12})
    assert (len(deaths), deaths.n_symptoms) == (60, 12)


@pytest.mark.real_data
def test_load_phmrc_keeps_every_block(phmrc_dir: Path) -> None:
    deaths = load("phmrc_child", {"path": str(phmrc_dir)})
    assert set(deaths.blocks) == {"core", "hce", "word"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("phmrc_adlut", {}, r"unknown data 'phmrc_adlut'; known: simulated, .*; did you mean 'phmrc_adult'\?"),
        ("simulated", {"sed": 1}, r"unknown key 'sed' in data=simulated; known: n, seed, .*; did you mean 'seed'\?"),
        ("simulated", {"n": "100"}, r"data\.n must be a whole number; got '100' \(str\)"),
        ("simulated", {"n": 1e3}, r"data\.n must be a whole number; got 1000\.0 \(float\)"),
        ("simulated", {"n": True}, r"data\.n must be a whole number; got True \(bool\)"),
        ("simulated", {"sites": "AP"}, r"data\.sites must be a list of names; got 'AP'"),
        ("phmrc_adult", {"compat": "yes"}, r"data\.compat must be true or false; got 'yes' \(str\)"),
        ("phmrc_adult", {"path": 7}, r"data\.path must be text; got 7 \(int\)"),
        ("csv", {"site": False}, r'data\.site must be text; got False \(bool\); quote it: "NO"'),
        ("csv", {"value_map": [1]}, r"data\.value_map must be a group of keys; got \[1\] \(list\)"),
    ],
)
def test_wrong_options_are_refused(name: str, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(name, options)


def test_all_wrong_options_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        load("simulated", {"sed": 1, "n": "x", "sites": 3})
    assert len(caught.value.problems) == 3


def test_package_names_resolve_and_import_nothing_heavy() -> None:
    assert all(callable(getattr(data, name)) for name in data.__all__)
    with pytest.raises(AttributeError, match="no attribute 'read_phrmc'"):
        data.read_phrmc  # noqa: B018
    code = (
        "import sys, va_experiments.data as d; d.load; d.simulate_deaths(60);"
        "bad = {'pandas', 'pyarrow', 'sklearn', 'hydra', 'ray', 'prefect', 'mlflow', 'vacheck'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_error_of_a_study_names_the_command_that_looks_at_every_column() -> None:
    error = InputError("'my study.csv': missing column 'site'", hint="to read it, add data.id=no")
    hint = with_check(error, "csv", {"path": "my study.csv"}).hint
    assert hint.splitlines() == [
        "to read it, add data.id=no",
        "va-experiments data check 'my study.csv' looks at every column and writes the options",
    ]
    assert with_check(error, "phmrc_adult", {"path": "adult.csv"}) is error
