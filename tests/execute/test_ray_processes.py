"""A local cluster has the processes that a run uses, and `ray` is as it was after the start."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from va_experiments.config.schema import ExecutionConfig
from va_experiments.execute import ray_agent_stub
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
        unused = (
            "dashboard.py",
            "monitor.py",
            "/dashboard/agent.py",
            "/runtime_env/agent/main.py",
            "ray::DashboardAgent",
        )
        assert not [c for c in commands if any(name in c for name in unused)]
        names = list(PRELOADED)
        done = session.ray.remote(lambda: [name for name in names if name in sys.modules]).remote()
        assert session.ray.get(done, timeout=60) == names
        private = session.ray._private
        assert private.services.start_api_server.__module__ == "ray._private.services"
        assert private.parameter.RayParams.__init__.__module__ == "ray._private.parameter"
        assert private.utils.get_dashboard_dependency_error.__module__ == "ray._private.utils"
    finally:
        session.stop()


def test_the_node_process_gets_stand_ins_for_the_agents_that_a_run_does_not_use() -> None:
    started: list[list[str]] = []
    options = [
        "--session_dir=/s",
        "--node_id=ab",
        "--dashboard_agent_command=d",
        "--runtime_env_agent_command=r",
        "--x",
    ]
    names = ("METRICS_AGENT", "METRICS_EXPORT", "DASHBOARD_AGENT_LISTEN", "RUNTIME_ENV_AGENT")
    raylet = SimpleNamespace(get_port_filename=lambda node, name: f"{name}_{node}")
    for name in names:
        setattr(raylet, f"{name}_PORT_NAME", name.lower())
    ray = SimpleNamespace(
        _raylet=raylet,
        _private=SimpleNamespace(
            parameter=SimpleNamespace(RayParams=type("RayParams", (), {})),
            services=SimpleNamespace(ConsolePopen=lambda c, **_: started.append(list(c)) or c, start_api_server=None),
            utils=SimpleNamespace(get_dashboard_dependency_error=None),
        ),
    )
    for environments in (False, True):
        with only_used_processes(ray, threading.Event(), environments=environments):
            ray._private.services.ConsolePopen(["raylet", *options])
            ray._private.services.ConsolePopen(["gcs_server", "--node_id=ab"])
    (_, *without), other, (_, *unchanged), _ = started
    assert other == ["gcs_server", "--node_id=ab"]
    stub = f"{sys.executable} -IS {ray_agent_stub.__file__}"
    dashboard = f"{stub} /s/metrics_agent_ab /s/metrics_export_ab /s/dashboard_agent_listen_ab"
    changed = [f"--dashboard_agent_command={dashboard}", f"--runtime_env_agent_command={stub} /s/runtime_env_agent_ab"]
    assert without == [*options[:2], *changed, "--x"]
    assert unchanged == [*options[:2], changed[0], options[3], "--x"]


def test_a_stand_in_writes_that_nobody_listens_and_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    names = [str(tmp_path / "one"), str(tmp_path / "two")]
    code = "import os, subprocess, sys, time\nprocess = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\n"
    code += "while not os.path.exists(sys.argv[-1]): time.sleep(0.01)\nprint(process.pid)\n"
    command = [sys.executable, "-I", "-c", code, sys.executable, "-IS", ray_agent_stub.__file__, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [Path(name).read_text() for name in names] == ["-1", "-1"]
    with contextlib.suppress(psutil.NoSuchProcess):
        stub = psutil.Process(int(done.stdout))
        deadline = time.monotonic() + 60
        while stub.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_ray_without_these_names_starts_as_it_does() -> None:
    with only_used_processes(SimpleNamespace(_private=SimpleNamespace()), threading.Event()):
        pass
