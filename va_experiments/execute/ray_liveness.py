"""Check whether the processes that a driver depends on are alive: Ray's on this machine, and the nodes of a cluster.

Ray ends a driver itself, without a message of ours, about 15 s after its node process (raylet) has died and 60 s after
the head's (GCS) has: the engine has to see it first, so that it can say what happened and disconnect. When a node is
cut off the network, Ray's head knows within about a minute, but the driver of a task on that node learns it only when
its connection times out, several minutes later.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from typing import Any

import psutil

from va_experiments.execute import ray_agent_stub

__all__ = ["NodeWatch", "RayLife", "end_own_ray", "halt_own_ray"]


class RayLife:
    """The processes of the cluster that run on this machine.

    Parameters
    ----------
    ray : module
        Connected.
    owned : bool
        Whether the cluster was started by this process; only then are its processes ended here.
    """

    def __init__(self, ray: Any, *, owned: bool) -> None:
        node = ray._private.worker._global_node
        self._owned = owned
        self._needed: dict[str, psutil.Process] = {}
        self._family: dict[int, psutil.Process] = {}
        self._looked = 0.0
        if node is None:  # by way of a Ray Client (ray://): no part of the cluster is on this machine
            return
        socket, session = str(node.raylet_socket_name), str(node.session_name)
        for process in psutil.process_iter(["name"]):
            name = process.info["name"]
            if name not in ("raylet", "gcs_server"):
                continue
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                # exactly: a second node on this machine has the socket raylet.1 beside raylet
                is_ours = (
                    f"--raylet_socket_name={socket}" in command if name == "raylet" else session in " ".join(command)
                )
                if is_ours:
                    self._needed[name] = process

    def lost(self) -> str:
        """Return what has died that nothing works without, or an empty string."""
        if self._owned and time.monotonic() - self._looked > 3:
            self._looked = time.monotonic()
            self._family |= {p.pid: p for p in psutil.Process().children(recursive=True) if _of_ray(p)}
        for name, process in self._needed.items():
            if not _alive(process):
                label = "node process (raylet)" if name == "raylet" else "head process (GCS)"
                return f"Ray's {label} on this machine, {process.pid}, has died"
        return ""

    def end(self) -> None:
        """End what is left of the cluster's processes."""
        if self._owned:
            self._family |= {p.pid: p for p in psutil.Process().children(recursive=True) if _of_ray(p)}
            _end(list(self._family.values()))


class NodeWatch:
    """Asks a joined cluster's head every few seconds which nodes it has given up, in a thread of its own.

    Parameters
    ----------
    ray : module
        Connected.
    every : float
        Seconds between two questions.
    """

    def __init__(self, ray: Any, every: float = 2.0) -> None:
        self._ray, self._every = ray, every
        self._lost: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._known = self._dead()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="nodes", daemon=True)
        self._thread.start()

    def _dead(self) -> set[str]:
        return {str(node["NodeID"]) for node in self._ray.nodes() if not node["Alive"]}

    def _ask(self) -> None:
        while not self._stopping.wait(self._every):
            with contextlib.suppress(Exception):  # the head is away: `RayLife` and the connection itself tell of that
                for node in self._dead() - self._known:
                    self._known.add(node)
                    self._lost.put(node)

    def lost(self) -> list[str]:
        """Return the nodes lost since this was last asked."""
        return [self._lost.get() for _ in range(self._lost.qsize())]

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()
        self._thread.join(3)


def end_own_ray() -> None:
    """End the Ray processes among this process's children."""
    _end([p for p in psutil.Process().children(recursive=True) if _of_ray(p)])


def halt_own_ray() -> None:
    """Halt the head and node process among this process's children, and kill what the node process has started.

    The kernel ends a halted child when this process ends, but not its children.
    """
    started = {p.pid for p in psutil.Process().children()}
    family = [p for p in psutil.Process().children(recursive=True) if _of_ray(p)]
    for process in sorted(family, key=lambda p: p.pid not in started):
        with contextlib.suppress(psutil.Error):
            process.suspend() if process.pid in started else process.kill()


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _of_ray(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        command = process.cmdline()
        stub = ray_agent_stub.__file__ in command[:4]
        return stub or (
            bool(command) and (command[0].startswith("ray::") or any("/ray/" in part for part in command[:4]))
        )
    return False


def _end(processes: list[psutil.Process], grace: float = 1.0) -> None:
    """Kill these very processes (a number that was reused is another process) after a moment's grace."""
    deadline = time.monotonic() + grace
    left = [p for p in processes if p.pid != os.getpid() and _alive(p)]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [p for p in left if _alive(p)]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
