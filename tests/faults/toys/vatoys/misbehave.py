"""What is wrong with the world is told by the environment, so that the cells' keys do not depend on it.

``VA_TOY_PLAN`` is a JSON list of ``{"fault": ..., "sites": [...], "every": n, "times": n}``: the fault happens when a
site of the list is tested (any, if there is none) and the seed is a multiple of ``every``, ``times`` times for each
cell. ``VA_TOY_DIR`` is where the marks of what has happened, and of every step done, are left.
"""

import ctypes
import fcntl
import json
import os
import resource
import signal
import sys
import time
import warnings
from pathlib import Path


def note(**record):
    """Append a line to the journal, durably against SIGKILL (the kernel has it once `write` returns)."""
    folder = os.environ.get("VA_TOY_DIR")
    if folder:
        line = json.dumps({"time": time.clock_gettime(time.CLOCK_MONOTONIC), "pid": os.getpid(), **record}) + "\n"
        fd = os.open(Path(folder) / "journal.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, line.encode())
        os.close(fd)


def _first_times(name, times):
    """Return whether this has happened less than `times` times, and count it."""
    folder = Path(os.environ["VA_TOY_DIR"])
    for number in range(times):
        try:
            os.close(os.open(folder / f"mark-{name}-{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        return True
    return False


class Unpicklable(Exception):
    """An exception that cannot be sent anywhere."""

    def __init__(self, message):
        super().__init__(message)
        self.lock = open(__file__)  # noqa: SIM115

    def __reduce__(self):
        raise TypeError("this cannot be pickled")


def perhaps(where, sites, seed):
    """Do what the plan says for this place."""
    for number, entry in enumerate(json.loads(os.environ.get("VA_TOY_PLAN", "[]"))):
        if entry.get("where", "predict") != where:
            continue
        if entry.get("sites") and not set(entry["sites"]) & set(sites):
            continue
        if seed % entry.get("every", 1) != entry.get("rest", 0):
            continue
        if _first_times(f"{number}-{seed}", entry.get("times", 10**6)):
            note(event="fault", fault=entry["fault"], seed=seed)
            _do(entry["fault"], entry)


def _do(fault, entry):
    if fault == "sigkill":
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    elif fault == "segfault":
        ctypes.string_at(0)
    elif fault == "exit":
        sys.exit(7)
    elif fault == "os_exit":
        os._exit(0)
    elif fault == "error":
        raise ArithmeticError("the toy has had enough")
    elif fault == "retryable":
        raise ConnectionResetError("come again")
    elif fault == "unpicklable":
        raise Unpicklable("cannot be sent")
    elif fault == "warning":
        warnings.simplefilter("error")
        warnings.warn("this is an error here", RuntimeWarning, stacklevel=1)
    elif fault == "hang":
        time.sleep(entry.get("seconds", 1e6))
    elif fault == "rlimit":
        limit = resource.getrlimit(resource.RLIMIT_AS)
        try:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, limit[1]))
            bytearray(2**33)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limit)
    elif fault == "ask":
        bytearray(int(entry["megabytes"]) << 20)  # of the address space; the memory is not touched
    elif fault == "eat":
        eaten = []
        for _ in range(int(entry["megabytes"]) // 64):
            eaten.append(bytearray(os.urandom(4096)) * (64 * 256))
            time.sleep(0.02)
        time.sleep(entry.get("seconds", 20))
    else:
        raise ValueError(fault)
