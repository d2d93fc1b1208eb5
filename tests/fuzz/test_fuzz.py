"""Each property for a few seconds; `make fuzz` goes on for ten minutes."""

from __future__ import annotations

import pytest

from tests.fuzz import configs, names, odk, tables, values
from tests.fuzz.property import Hang, limited
from tests.fuzz.written import written
from va_experiments.data.readers.csv import read_csv_deaths

PROPERTIES = tables.PROPERTIES | odk.PROPERTIES | values.PROPERTIES | names.PROPERTIES | configs.PROPERTIES


SLOW = ("a file of conf", "a command", "a composed configuration")
"""Properties whose examples take more than five seconds together."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in PROPERTIES])
def test_it_holds(name: str) -> None:
    PROPERTIES[name].check(number=1)  # the same examples each time; make fuzz draws others


def test_what_is_mangled_is_good_before() -> None:
    with written(tables.GOOD) as path:
        assert len(read_csv_deaths(path, id="id", covariates={"age": [0, 120]})) == 3
    for module in ("adult", "child", "neonate"):
        with written(tables.phmrc_table(module)) as path:
            assert len(tables.read_phmrc(module, path)) == 2
    with written(tables.who2016_table()) as path:
        assert len(tables.read_who2016(path)) == 2
    configs.a_composed_configuration(configs.base_tree())


def test_a_hang_is_noticed() -> None:
    with pytest.raises(Hang):
        _never(0.2)


def _never(seconds: float) -> None:
    with limited(seconds):
        while True:
            pass
