"""The connection to a Ray cluster: started beside other work, watched, replaced when its files vanish, and left.

The kernel ends Ray's processes when the thread that started them ends, so one thread starts, watches and replaces the
cluster, and lives until the end.
"""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from va_experiments.config.schema import ExecutionConfig
from va_experiments.execute.ray_folder import RayFolder
from va_experiments.progress_board import ProgressBoard

__all__ = ["RaySession"]

log = logging.getLogger(__name__)

IMPORT_SECONDS = 5.0
"""Longest time that a caller waits for Ray's import; it goes on without the caller."""


class RaySession:
    """A local cluster of this run, or a joined one.

    Parameters
    ----------
    config : ExecutionConfig

    Attributes
    ----------
    ray : module or None
        Connected, once `wait` has returned True.
    board, remote : Any
        The handle of the progress board, and the remote function that runs a fit.
    nodes : NodeWatch or None
        Tells which nodes of a joined cluster are lost.
    largest : dict of str to float
        Most CPU, GPU and memory (bytes) that one node has.
    dead : str
        What has died that nothing works without.
    """

    def __init__(self, config: ExecutionConfig) -> None:
        self._config = config
        self._keeper: threading.Thread | None = None
        self._ready, self._stopping, self._replacing = threading.Event(), threading.Event(), threading.Event()
        self._imported = threading.Event()
        self._leaving = threading.Lock()
        self._error: BaseException | None = None
        self._life: Any = None
        self._folder: RayFolder | None = None
        self.ray: Any = None
        self.board: Any = None
        self.remote: Any = None
        self.nodes: Any = None
        self.dead = ""
        self.about: dict[str, Any] = {"backend": "ray"}
        self.largest: dict[str, float] = {}
        self.workers = config.num_workers or 1

    def start(self) -> None:
        """Begin to connect, in a thread that lives until `stop`; return once Ray has been imported.

        Whatever else this process does would slow down the import, and the start of the other processes with it.
        """
        self._begin()
        self._imported.wait(IMPORT_SECONDS)

    def wait(self, stopping: threading.Event | None = None) -> bool:
        """Wait until fits can be handed out; return False if `stopping` was set before.

        Raises
        ------
        InputError
            If the cluster cannot be joined, or an option is wrong.
        EngineUnavailable
            If it cannot be started.
        """
        self._begin()
        while not self._ready.wait(0.1):
            if stopping is not None and stopping.is_set():
                return False
        if self._error is not None:
            raise self._error
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # Ray may have put its own below Python's
                if (handler := signal.getsignal(number)) is not None:
                    signal.signal(number, handler)
        return True

    @property
    def vanished(self) -> bool:
        """Whether somebody has removed the folder of a local cluster; nothing can be started in it then."""
        return self._folder is not None and self._folder.vanished

    def replace(self) -> None:
        """Begin to start another local cluster in place of one whose folder has vanished; `wait` for it."""
        self._ready.clear()
        self._replacing.set()

    def stop(self) -> None:
        """Stop the local cluster, or leave the joined one.

        One that is still starting is only halted: Ray ends a process whose node process dies while it connects. The
        kernel ends the halted processes with this one; if this one goes on, the start fails, and they are ended then.
        """
        from va_experiments.execute import ray_liveness

        if self._keeper is None or self._stopping.is_set():
            return
        if self._ready.wait(2):
            self._leave()
            self._stopping.set()
            self._keeper.join(2)
        else:
            self._stopping.set()
            ray_liveness.halt_own_ray()

    def _begin(self) -> None:
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="ray", daemon=True)
            self._keeper.start()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._replacing.clear()
            try:
                self._connect()
            except BaseException as error:
                self._error = error
            self._imported.set()
            self._ready.set()
            while not self._stopping.wait(0.5) and not self._replacing.is_set():
                if self._life is not None and not self.dead:
                    self.dead = self._life.lost()
            self._leave()

    def _connect(self) -> None:
        from va_experiments.execute import ray_cluster, ray_liveness, ray_worker

        starts_ray = self._config.address is None
        if starts_ray:
            self._folder = RayFolder(self._config.init.get("_temp_dir"))
        try:
            folder = self._folder.inner if self._folder is not None else None
            self.ray = ray_cluster.connect(self._config, folder, self._stopping, self._imported)
        except BaseException:
            ray_liveness.end_own_ray()
            raise
        self._life = ray_liveness.RayLife(self.ray, owned=starts_ray)
        self.nodes = None if starts_ray else ray_liveness.NodeWatch(self.ray)
        self.workers = max(1, int(self.ray.cluster_resources().get("CPU", 1)))
        nodes = [n for n in self.ray.nodes() if n.get("Alive")]
        for name in ("CPU", "GPU", "memory"):
            self.largest[name] = max(n["Resources"].get(name, 0.0) for n in nodes)
        names = [n["NodeManagerHostname"] for n in nodes]
        self.about |= {"address": self._config.address or "local", "workers": self.workers, "nodes": names}
        if starts_ray:
            for _ in range(self.workers):  # workers start now, and not at the first fits
                self.ray.remote(ray_worker.begin).remote()
        # it comes back when its process dies: notes are lost, states come again
        self.board = self.ray.remote(num_cpus=0, max_restarts=-1)(ProgressBoard).remote()
        self.remote = self.ray.remote(max_retries=0)(ray_worker.work)

    def _leave(self) -> None:
        """Disconnect, end what is left of a local cluster, and remove its folder; doing it again does nothing."""
        from va_experiments.execute import ray_cluster

        with self._leaving:
            if self.nodes is not None:
                self.nodes.stop()
            if self.ray is not None:
                leaving = threading.Thread(target=ray_cluster.disconnect, daemon=True)
                leaving.start()
                leaving.join(3 if self.dead or self.vanished else 30)
                if self._life is not None:
                    self._life.end()
            self.ray = self._life = self.nodes = None
            if self._folder is not None:
                self._folder.remove()
                self._folder = None
