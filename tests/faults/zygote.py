"""A process that has imported everything and forks a driver whenever it is asked to.

The driver is ``va_experiments.__main__`` itself in a process of its own, with its own arguments and environment; only
the seconds of importing are saved, so that fifty kills take minutes. Requests come as JSON lines on standard input.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from pathlib import Path

PREPARED = (
    "hydra", "omegaconf", "hydra._internal.utils", "hydra._internal.hydra", "hydra.core.config_store",
    "hydra._internal.core_plugins.basic_sweeper", "hydra_plugins", "pandas", "pyarrow.parquet", "scipy.stats",
    "scipy.special", "altair", "vl_convert", "jinja2", "psutil", "tqdm", "threadpoolctl",
    "va_experiments.hydra_app.session",
    "va_experiments.engine.multirun", "va_experiments.engine.finalize", "va_experiments.report.inputs",
    "va_experiments.report.build", "va_experiments.metrics.testset_scores", "va_experiments.data.cache",
    "va_experiments.data.readers.simulated", "va_experiments.models", "va_experiments.models.priors",
    "va_experiments.models.nbc", "va_experiments.hydra_app.config_errors",
)  # fmt: skip


def _driver(request: dict) -> None:
    os.setsid()
    for name, target in (("stdin", 0), ("out", 1), ("err", 2)):
        flags = os.O_RDONLY if target == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        fd = os.open("/dev/null" if target == 0 else str(Path(request["folder"]) / name), flags, 0o600)
        os.dup2(fd, target)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["env"])
    for folder in reversed(request["env"].get("PYTHONPATH", "").split(":")):
        if folder and folder not in sys.path:
            sys.path.insert(0, folder)
    sys.argv = ["va_experiments", *request["arguments"]]
    os.chdir(request["cwd"])
    if uid := request.get("uid"):
        os.setgid(uid)
        os.setuid(uid)
    if limit := request.get("file_bytes"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if not request.get("report"):  # three quarters of a small run's time, and no part of what these tests are about
        from va_experiments.report import run_report

        run_report._report = lambda *_: ([], [])
    if point := request.get("commit_fault"):
        from tests.faults.commit_faults import install

        install(point)
    from va_experiments.__main__ import end, main

    end(main())


def main() -> None:
    import importlib

    from va_experiments.tracking import safe_environment

    safe_environment()  # for MLflow, if it is one of those asked for
    for name in (*PREPARED, *sys.argv[1:]):
        importlib.import_module(name)
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    folders: dict[int, Path] = {}
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([0, read], [], [])
        if read in ready:
            os.read(read, 4096)
        while folders:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            folder = folders.pop(pid)
            (folder / "code.part").write_text(str(os.waitstatus_to_exitcode(status)))
            (folder / "code.part").rename(folder / "code")
        if 0 in ready:
            line = sys.stdin.readline()
            if not line:
                return
            request = json.loads(line)
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                try:
                    _driver(request)
                except SystemExit as leaving:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    code = leaving.code
                    if not isinstance(code, int):
                        code = 0 if code is None else 1
                    import threading

                    for thread in threading.enumerate():
                        if thread is not threading.main_thread() and not thread.daemon:
                            thread.join()
                    os._exit(code)
                except BaseException:
                    import traceback

                    traceback.print_exc()
                    sys.stderr.flush()
                finally:
                    os._exit(1)
            folders[pid] = Path(request["folder"])
            print(pid, flush=True)


if __name__ == "__main__":
    main()
