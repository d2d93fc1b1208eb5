"""What the parts of a fit report is progress of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from va_experiments import callbacks


class Noted:
    """Keeps all that it is told."""

    def __init__(self) -> None:
        self.notes: list[tuple[int, int, dict[str, object]]] = []
        self.states: list[Mapping[str, Any]] = []

    def progress(self, done: int, total: int, info: Mapping[str, object]) -> None:
        self.notes.append((done, total, dict(info)))

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self.states.append(state)

    def resume(self) -> dict[str, Any] | None:
        return {"at": 3}


def test_parts_of_parts_report_the_share_of_the_whole() -> None:
    listener = Noted()
    with callbacks.listening(listener):
        parts = callbacks.Parts([1.0, 3.0])
        with parts.next(member="nbc"):
            callbacks.progress(1, 2)
        with parts.next(member="stack"):
            inner = callbacks.Parts([1.0, 1.0])
            with inner.next(fold="AP"):
                callbacks.progress(1, 2, acceptance=0.4)
    assert [note[0] for note in listener.notes] == [0, 125, 250, 250, 250, 437, 625, 1000]
    assert {note[1] for note in listener.notes} == {1000}
    assert listener.notes[5][2] == {"member": "stack", "fold": "AP", "acceptance": 0.4}


def test_a_part_has_no_state_unless_it_recognises_its_own() -> None:
    listener = Noted()
    with callbacks.listening(listener):
        with callbacks.Parts([1.0]).next():
            callbacks.checkpoint({"at": 1})
            assert callbacks.resume() is None
        with callbacks.Parts([1.0], states=True).next():
            callbacks.checkpoint({"at": 2})
            assert callbacks.resume() == {"at": 3}
            with callbacks.Parts([1.0]).next():
                assert callbacks.resume() is None
    assert listener.states == [{"at": 2}]


def test_parts_need_no_listener_and_may_be_fewer_than_announced_or_more() -> None:
    parts = callbacks.Parts([])
    with parts.next():
        callbacks.progress(1, 2)
    listener = Noted()
    with callbacks.listening(listener), parts.next():
        callbacks.progress(1, 2)
    assert [note[0] for note in listener.notes] == [1000, 1000, 1000]
