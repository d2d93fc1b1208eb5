"""Machines made of the kernel's namespaces: an address, a name, processes, a /tmp and shared memory of their own.

Each host is a network, mount, process, name and IPC namespace, joined to the others by a switch (a bridge in a space
of its own), with no route to anything else. What all see is the installed Python, read like a system image; on hosts
other than the first the project's own code is hidden as well, so that it has to travel. Needs root and ``ip``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "10.0.0"
_NETWORK_NAMESPACE = 0x40000000  # CLONE_NEWNET

_INSIDE = """
set -e
mount --make-rprivate /
hostname "$NAME"
new="$DISK"
mount -t tmpfs -o mode=1777 tmpfs "$new"
for path in $KEPT; do
  case "$path" in /tmp/*) mkdir -p "$new/${path#/tmp/}"; mount --bind "$path" "$new/${path#/tmp/}";; esac
done
mkdir -p "$new/home/.ray"
cp "$HOSTS" "$new/hosts"
mount --move "$new" /tmp
mount --bind /tmp/hosts /etc/hosts
mount -t tmpfs -o mode=1777,size=8g tmpfs /dev/shm
for path in $HIDDEN; do mount -t tmpfs tmpfs "$path"; done
exec cat
"""
"""What a host's first process does; it ends, and the host with it, when whoever made it ends, however that ends."""


def unable() -> str:
    """Return why hosts cannot be made here, or an empty string."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "namespaces for hosts need root on Linux: run the tests as root"
    if missing := [name for name in ("ip", "unshare", "nsenter") if shutil.which(name) is None]:
        return f"{' and '.join(missing)} missing: install iproute2 and util-linux"
    name = f"va-try-{os.getpid()}"
    try:
        for command in (("netns", "add", name), ("-n", name, "link", "add", "sw", "type", "bridge")):
            done = _ip(*command, check=False)
            if done.returncode != 0:
                return f"the kernel refuses 'ip {' '.join(command)}': {done.stderr.strip()}"
        done = subprocess.run(
            ["ip", "netns", "exec", name, "unshare", "-mpui", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return f"the kernel refuses mounts in a namespace: {done.stderr.strip()}" if done.returncode else ""
    finally:
        _ip("netns", "del", name, check=False)


def _ip(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)


@dataclass
class Host:
    """One machine.

    Parameters
    ----------
    number : int
        1 for the first; its address is ``10.0.0.number``.
    network : str
        Name of its network namespace.
    holder : Popen
        Ends with everything in the host when killed.
    init : int
        Process id, as seen from outside, of the host's first process.
    """

    number: int
    network: str
    holder: subprocess.Popen[bytes]
    init: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the others reach it."""
        return f"{NETWORK}.{self.number}"

    def shell(self, lines: str, log: Path) -> subprocess.Popen[bytes]:
        """Start shell lines in the host, as a login of its user would."""
        path = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = ["env", "-i", f"PATH={path}", "HOME=/tmp/home", "LANG=C.UTF-8", "OMP_NUM_THREADS=1"]
        enter = ["nsenter", "--target", str(self.init), "--net", "--mount", "--pid", "--uts", "--ipc"]
        with open(log, "ab") as out:
            process = subprocess.Popen(
                [*enter, *environment, "sh", "-c", f"cd /tmp/home\n{lines}"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the host."""
        namespace = os.readlink(f"/proc/{self.init}/ns/pid")
        result = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                if os.readlink(f"/proc/{process.pid}/ns/pid") == namespace:
                    result.append(process)
        return result

    def power_off(self) -> None:
        """End its first process; the kernel kills the others."""
        self.holder.kill()

    def see(self, path: str) -> Path:
        """Return where a file of the host is seen from outside."""
        return Path(f"/proc/{self.init}/root{path}")

    def listen(self, port: int) -> socket.socket:
        """Open a port on the host's own loopback, as ``ssh -R`` does; it is served by whoever called this."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as outside, open(f"/proc/{self.init}/ns/net") as inside:
            try:
                if libc.setns(inside.fileno(), _NETWORK_NAMESPACE) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                return socket.create_server(("127.0.0.1", port))
            finally:
                libc.setns(outside.fileno(), _NETWORK_NAMESPACE)

    def unplug(self) -> None:
        """Cut the host off the network; its processes go on."""
        _ip("-n", self.network, "link", "set", "eth0", "down")


@contextlib.contextmanager
def hosts(count: int, scratch: Path, *, shared: Sequence[Path] = (), installed: bool = False) -> Iterator[list[Host]]:
    """Make so many hosts for the duration of the block.

    Parameters
    ----------
    count : int
    scratch : Path
        For files of the hosts' makers.
    shared : sequence of Path
        Folders under ``/tmp`` that the first host sees, and no other.
    installed : bool
        Whether all hosts have the project's code, not the first alone.
    """
    tag = f"va-{os.getpid()}"
    names = scratch / "hosts"
    names.write_text("127.0.0.1 localhost\n" + "".join(f"{NETWORK}.{n} host-{n}\n" for n in range(1, count + 1)))
    networks = [f"{tag}-{n}" for n in range(count + 1)]  # 0 is the switch
    made: list[Host] = []
    try:
        for network in networks:
            _ip("netns", "add", network)
            _ip("-n", network, "link", "set", "lo", "up")
        _ip("-n", networks[0], "link", "add", "switch", "type", "bridge")
        _ip("-n", networks[0], "link", "set", "switch", "up")
        for number in range(1, count + 1):
            network_name, port = networks[number], f"port{number}"
            _ip("-n", network_name, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", networks[0])
            _ip("-n", networks[0], "link", "set", port, "master", "switch", "up")
            _ip("-n", network_name, "address", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            _ip("-n", network_name, "link", "set", "eth0", "up")
            _ip("-n", network_name, "route", "add", "default", "dev", "eth0")
            made.append(
                _boot(number, network_name, names, shared if number == 1 else (), code=installed or number == 1)
            )
        yield made
    finally:
        for host in made:
            host.power_off()
            host.holder.wait()
            for process in host.running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for network in networks:
            _ip("netns", "del", network, check=False)


def _boot(number: int, network: str, names: Path, shared: Sequence[Path], *, code: bool) -> Host:
    folders = [Path(sys.prefix), Path(sys.base_prefix), *([ROOT] if code else []), *shared]
    hidden = [] if code else [ROOT / name for name in ("va_experiments", "tests", "conf")]
    disk = names.parent / f"disk-{number}"
    disk.mkdir()
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "DISK": str(disk),
        "NAME": f"host-{number}",
        "HOSTS": str(names),
        "KEPT": " ".join(map(str, folders)),
        "HIDDEN": " ".join(str(p) for p in hidden if p.is_dir() and not str(p).startswith("/tmp/")),
    }
    holder = subprocess.Popen(
        ["ip", "netns", "exec", network, "unshare", "-mpui", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
         _INSIDE], env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    from tests.faults.harness import until

    def ready() -> bool:
        inside = psutil.Process(holder.pid).children(recursive=True)
        return any(p.name() == "cat" for p in inside)

    if not until(ready, 20):
        raise RuntimeError(f"host {number} did not start")
    init = next(p for p in psutil.Process(holder.pid).children(recursive=True) if p.name() == "cat")
    return Host(number, network, holder, init.pid)


PAGE = ROOT / "docs" / "how-to" / "run-on-a-cluster.md"


def commands() -> tuple[str, str, str, str]:
    """Return the page's commands for a group of machines: make the token, start the first, another; the driver."""
    section = PAGE.read_text(encoding="utf-8").partition("## A cloud's group")[2].partition("\n## ")[0]
    token, head, other, driver = (block.strip() for block in section.split("```")[1::2])
    return token, head, other, driver


def join(machines: Sequence[Host], log: Path, timeout: float = 120) -> None:
    """Make a cluster of the hosts, by the page's commands, and wait until every node is there."""
    from tests.faults.harness import until

    token, head, other, _ = commands()
    if machines[0].shell(token, log).wait(20) != 0:
        raise RuntimeError(log.read_text())
    read = ["nsenter", "--target", str(machines[0].init), "--mount", "cat", "/tmp/home/.ray/auth_token"]
    secret = subprocess.run(read, capture_output=True, text=True, check=True).stdout.strip()
    for machine in machines[1:]:
        copied = f"umask 077; echo {secret} > ~/.ray/auth_token"
        machine.shell(copied, log).wait(20)
    machines[0].shell(head, log)
    if not until(lambda: "Ray runtime started" in log.read_text(), timeout):
        raise RuntimeError(log.read_text())
    for machine in machines[1:]:
        machine.shell(other, log)
    if not until(lambda: log.read_text().count("Ray runtime started") == len(machines), timeout):
        raise RuntimeError(log.read_text())
