"""Parts of the backends that need no cluster."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from va_experiments.cell import Fit
from va_experiments.config.schema import ExecutionConfig, Resources
from va_experiments.execute import ray_backend, ray_cluster, ray_liveness, throttled_listener
from va_experiments.execute.ray_backend import RayBackend, _PendingTask
from va_experiments.execute.run_channel import RunChannel
from va_experiments.execute.throttled_listener import ThrottledListener


def fit(**resources: Any) -> Any:
    return SimpleNamespace(model=SimpleNamespace(name="big", resources=Resources(**resources)))


def test_a_fit_that_no_node_could_run_is_told_so_and_waits_only_on_a_joined_cluster() -> None:
    backend = RayBackend(ExecutionConfig())
    backend._session.largest = {"CPU": 2.0, "GPU": 0.0, "memory": 8e9}
    assert backend._lacks(fit()) == ""
    assert "memory 1e+12 (there is 8e+09)" in backend._lacks(fit(memory=10**12))
    assert "GPU 1 (there is 0)" in backend._lacks(fit(num_gpus=1))
    joined = RayBackend(ExecutionConfig(address="10.0.0.1:6379"))
    joined._session.largest = backend._session.largest
    assert joined._lacks(fit(num_gpus=1)) == ""


def test_waiting_for_a_cluster_ends_when_the_run_is_told_to_stop() -> None:
    backend = RayBackend(ExecutionConfig())
    backend._session._keeper = threading.Thread(target=lambda: None)  # a start that takes for ever
    stopping = threading.Event()
    threading.Timer(0.2, stopping.set).start()
    assert not backend.wait(stopping)


def test_only_the_processes_named_are_ended_and_those_that_go_by_themselves_are_let_go() -> None:
    stubborn, quick, other = (
        subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"]) for seconds in (60, 0, 60)
    )
    try:
        ray_liveness._end([psutil.Process(stubborn.pid), psutil.Process(quick.pid)], grace=0.5)
        assert stubborn.wait(5) == -9
        assert quick.wait(5) in (0, -9)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_packages_travel_behind_our_own_and_nothing_else_does() -> None:
    shipped = ray_cluster._travels({"py_modules": ["/somewhere/mine"], "pip": ["something"]})
    assert shipped["py_modules"][1] == "/somewhere/mine"
    assert shipped["py_modules"][0].endswith("va_experiments")
    assert "pip" not in shipped


def test_the_listener_throttles_states_and_hands_the_last_one_over_once() -> None:
    states: list[bytes] = []
    listener = ThrottledListener(lambda *_: None, states.append, None, state_seconds=1000)
    listener.checkpoint({"step": 1})
    assert states == []
    listener = ThrottledListener(lambda *_: None, states.append, None, state_seconds=0)
    listener.checkpoint({"step": 2})
    again = ThrottledListener(lambda *_: None, states.append, states[0], state_seconds=0)
    assert again.resume() == {"step": 2}
    assert again.resume() is None


def test_the_listener_passes_on_what_takes_longer_than_half_a_second_and_new_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, noted = [100.0], list[tuple[int, int, Mapping[str, object]]]()
    monkeypatch.setattr(throttled_listener, "time", SimpleNamespace(monotonic=lambda: now[0]))
    listener = ThrottledListener(lambda *note: noted.append(note), lambda _: None, None, state_seconds=1000)
    for done in (0, 500, 1000):  # a short fit: its start and its result are enough
        listener.progress(done, 1000, {})
    assert noted == []
    now[0] = 100.6
    listener.progress(2, 10, {"acceptance": 0.4})
    listener.progress(3, 10, {"acceptance": 0.5})
    for done in (4, 5):
        listener.progress(done, 10, {"member": "nbc"})
    assert noted == [(2, 10, {"acceptance": 0.4}), (4, 10, {"member": "nbc"})]


class Cluster:
    """A stand-in for the ``ray`` module: nodes that can be lost, and what was cancelled."""

    def __init__(self) -> None:
        self.alive = {"a": True, "b": True, "gone before": False}
        self.cancelled: list[str] = []

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": n, "Alive": alive} for n, alive in self.alive.items()]

    def cancel(self, ref: str, *, force: bool) -> None:
        self.cancelled.append(ref)


def test_a_lost_node_is_told_once_and_those_lost_before_never() -> None:
    cluster = Cluster()
    channel = ray_liveness.NodeWatch(cluster, every=0.01)
    try:
        time.sleep(0.1)
        assert channel.lost() == []
        cluster.alive["b"] = False
        deadline = time.monotonic() + 5
        while not (lost := channel.lost()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert lost == ["b"]
        time.sleep(0.1)
        assert channel.lost() == []
    finally:
        channel.stop()


def test_fits_of_a_lost_node_are_tried_again_and_those_on_their_way_handed_out_anew() -> None:
    backend, cluster = RayBackend(ExecutionConfig(address="10.0.0.1:6379")), Cluster()
    backend._session.ray = cluster
    attempts: list[tuple[str, Any]] = []
    channel = RunChannel(failed_attempt=lambda key, record: attempts.append((key, record["message"])))

    def pending(name: str, node: str = "", **more: Any) -> Any:
        cells = (SimpleNamespace(key=name),)
        return _PendingTask(Fit(name, cells), name, 1, 0, started=1.0 if node else None, node=node, **more)  # type: ignore[arg-type]

    flights = {"r1": pending("there", "b"), "r2": pending("here", "a"), "r3": pending("queued"),
               "r4": pending("stopped", "b", dropped=True)}  # fmt: skip
    pending: deque[Any] = deque()
    assert list(backend._node_lost("b", flights, pending, channel)) == []
    assert set(flights) == {"r2"}
    assert cluster.cancelled == ["r1", "r3", "r4"]
    assert {f.name: f.attempt for f in pending} == {"there.0": 2, "queuedn": 1}
    assert attempts == [("there", "the worker died: its node b was lost")]


def test_notes_in_a_late_answer_of_the_board_are_not_lost() -> None:
    """The only note that a fit has begun comes with an answer that takes longer than the driver waits for it."""
    backend = RayBackend(ExecutionConfig(cell_timeout_seconds=4))
    word = {"node": "a", "worker": "host:1", "started": 1.0, "done": 0, "total": 1, "info": {}}
    answers = iter([({"t0": word}, {"key": b"state"}), ({"t0": word | {"done": 1}}, {})])
    waits: list[object] = []

    def get(answer: Any, timeout: float) -> Any:
        waits.append(answer)
        if len(waits) <= 2:
            raise TimeoutError
        return answer

    states: dict[str, bytes] = {}
    backend._session.board = SimpleNamespace(drain=SimpleNamespace(remote=lambda: next(answers)))
    backend._session.ray = SimpleNamespace(exceptions=SimpleNamespace(GetTimeoutError=TimeoutError), get=get)
    channel = RunChannel(keep_state=states.__setitem__)
    model = SimpleNamespace(name="toy", digest=b"d")
    cells = (SimpleNamespace(key="key", model=model, setting=SimpleNamespace(test_sites=("A",))),)
    task = _PendingTask(Fit("key", cells), "t0", 1, 0)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ray_backend, "fit_label", lambda fit: "toy")
        for _ in range(2):
            backend._poll({"ref": task}, channel)
            assert task.started is None
        backend._poll({"ref": task}, channel)
    assert task.started is not None
    assert states == {"key": b"state"}
    assert channel.running["t0"].done == 1, "what came after the late answer is fetched too"


def test_ray_hands_out_only_what_others_have_not_finished_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit is asked about just before it is handed out: whole, without some of its cells, or not at all."""
    fits = [Fit(name, cells) for name, cells in {"whole": ("a", "b"), "part": ("c", "d"), "none": ("e",)}.items()]  # type: ignore[arg-type]
    backend = RayBackend(ExecutionConfig(window=1))
    backend._session = SimpleNamespace(  # type: ignore[assignment]
        wait=lambda stopping: True,
        dead="",
        vanished=False,
        nodes=None,
        workers=1,
        ray=SimpleNamespace(exceptions=OSError),
    )
    backend._session.ray.exceptions = SimpleNamespace(RaySystemError=OSError)
    order: list[str] = []

    def still_open(fit: Fit) -> Fit | None:
        order.append(f"asked about {fit.key}")
        return {"whole": fit, "part": Fit("part", fit.cells[1:]), "none": None}[fit.key]

    def submit(task: _PendingTask, *_: Any) -> str:
        order.append(f"handed out {', '.join(map(str, task.fit.cells))}")
        return task.name

    def landed(ref: str, submitted: dict[str, _PendingTask], *_: Any) -> Any:
        yield [submitted.pop(ref).fit.key]

    for name, replacement in {
        "_submit": submit,
        "_landed": landed,
        "_ended": list,
        "_lacks": lambda fit: "",
        "_poll": lambda *_: None,
        "_enforce_limit": lambda *_: None,
    }.items():
        monkeypatch.setattr(backend, name, replacement)
    channel = RunChannel(still_open=still_open)
    assert list(backend.run(fits, {}, channel)) == [["whole"], ["part"]]
    assert order == [
        "asked about whole",
        "handed out a, b",
        "asked about part",
        "handed out d",
        "asked about none",
    ]
    assert channel.waiting == 0
