"""A local cluster has the processes that a run uses, and `ray` is as it was after the start."""

from __future__ import annotations

import os
import sys
import threading
from types import SimpleNamespace

import psutil
import pytest

from va_experiments.config.schema import ExecutionConfig
from va_experiments.execute.ray_processes import PRELOADED, only_used_processes
from va_experiments.execute.ray_session import RaySession


@pytest.mark.slow
def test_no_process_without_a_use_is_started_and_workers_have_their_imports() -> None:
    session = RaySession(ExecutionConfig(num_workers=1))
    try:
        assert session.wait()
        # This process may also have children that other tests left, or one that has just been forked.
        started = [p.pid for p in psutil.Process().children() if any("/ray/" in part for part in p.cmdline())]
        assert started
        commands = [" ".join(p.cmdline()) for p in psutil.Process().children(recursive=True)]
        assert any("gcs_server" in c for c in commands)
        assert all(os.getsid(pid) == pid for pid in started)
        assert not [c for c in commands if "dashboard.py" in c or "monitor.py" in c]
        names = list(PRELOADED)
        done = session.ray.remote(lambda: [name for name in names if name in sys.modules]).remote()
        assert session.ray.get(done, timeout=60) == names
        private = session.ray._private
        assert private.services.start_api_server.__module__ == "ray._private.services"
        assert private.parameter.RayParams.__init__.__module__ == "ray._private.parameter"
        assert private.utils.get_dashboard_dependency_error.__module__ == "ray._private.utils"
    finally:
        session.stop()


def test_a_ray_without_these_names_starts_as_it_does() -> None:
    with only_used_processes(SimpleNamespace(_private=SimpleNamespace()), threading.Event()):
        pass
