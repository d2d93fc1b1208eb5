"""A search for cells by key costs no more than the keys do, whatever the server holds."""

from __future__ import annotations

import hashlib
import logging
import re
from types import SimpleNamespace
from typing import Any

import pytest

from va_experiments.tracking import cell_search, find_cells

HELD = 500_000
"""Cells of the server: more than the most pages of runs that any search reads."""


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


class Page(list[Any]):
    token: str | None = None


class Server:
    """Stands for MLflow's client of a server with many cells; every hundredth is known only as reused."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.numbers = {key(n): n for n in range(0, HELD, 1000)}

    def search_runs(self, experiments: list[str], where: str, *, max_results: int, page_token: str | None) -> Page:
        self.asked.append(where)
        if by_key := re.search(r"tags\.cell_key = '([0-9a-f]{64})'", where):
            number = self.numbers.get(by_key[1])
            if number is None:
                return Page()
            reused = Page([run(number, "true")])
            return reused if number % 100_000 == 0 else Page([*reused, run(number, "false")])
        start = int(page_token or 0)
        page = Page(run(n, "false") for n in range(start, start + max_results))
        page.token = str(start + max_results) if start + max_results < HELD else None
        return page


def run(number: int, reused: str) -> SimpleNamespace:
    tags = {"cell_key": key(number), "reused": reused}
    return SimpleNamespace(info=SimpleNamespace(run_id=f"{number}-{reused}"), data=SimpleNamespace(tags=tags))


def test_the_last_of_half_a_million_cells_is_found_with_few_requests() -> None:
    server = Server()
    expected = {key(n) for n in (0, 100_000, 499_000)}
    absent = {"f" * 64, "0" * 64}
    assert dict(find_cells(server, "1", expected | absent)) == {
        key(0): "0-false",  # on the first page
        key(100_000): "100000-true",
        key(499_000): "499000-false",  # the run that computed it, not the one that reused it
    }
    assert len(server.asked) <= 2 + 5, "two pages, and one question for each key that is left"


@pytest.mark.parametrize("keys", [1, 40, 300])
def test_there_are_never_many_more_requests_than_keys(keys: int) -> None:
    server = Server()
    assert list(find_cells(server, "1", {key(10**6 + n) for n in range(keys)})) == []
    assert len(server.asked) == 2 + keys // cell_search.KEYS_FOR_A_PAGE + keys


def test_a_key_that_is_no_key_does_not_reach_the_filter() -> None:
    server = Server()
    assert list(find_cells(server, "1", {"x' or tags.`va.kind` = 'cell"})) == []
    assert not any("cell_key" in where for where in server.asked)


def test_what_was_found_in_time_is_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    server, clock = Server(), iter([0.0, 1.0, *[10.0**6] * 9])
    monkeypatch.setattr(cell_search, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with caplog.at_level(logging.WARNING, logger="va_experiments"):
        assert dict(find_cells(server, "1", {key(0), key(499_000)})) == {key(0): "0-false"}
    assert "searched for finished cells for 10 minutes" in caplog.text
