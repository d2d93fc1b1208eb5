"""Four workers on two Ray nodes of this machine, joined by address: same bits as inline, also when a node dies."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.faults.harness import SMALL, TOYS, Place, alive, children, compare, undisturbed, until
from tests.faults.harness import Row as Found

GRID = ("model=toy", "model.seconds=0.4", "protocol=one_to_one")


@dataclass
class Nodes:
    """A head and a second node, as ``ray start`` makes them."""

    address: str
    token: str
    head: subprocess.Popen[bytes]
    second: subprocess.Popen[bytes]

    def raylet(self, node: subprocess.Popen[bytes]) -> int:
        """Return the process id of a node's raylet."""
        process = [pid for pid in children(node.pid) if psutil.Process(pid).name() == "raylet"]
        assert len(process) == 1
        return process[0]


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    token, port = secrets.token_hex(32), _port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_") and k != "PYTHONPATH"}
    environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token, "RAY_USAGE_STATS_ENABLED": "0"}
    ray = str(Path(sys.executable).parent / "ray")
    common = ["--num-cpus=2", "--object-store-memory=200000000", "--block"]
    started: list[subprocess.Popen[bytes]] = []
    log = open(tmp_path / "ray.log", "wb")  # noqa: SIM115

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [ray, "start", *arguments, *common]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        started.append(process)
        return process

    try:
        head = start("--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false")
        assert until(lambda: any(psutil.Process(p).name() == "raylet" for p in children(head.pid)), 90), (
            tmp_path / "ray.log"
        ).read_text()
        second = start(f"--address=127.0.0.1:{port}", "--node-ip-address=127.0.0.2")
        assert until(lambda: any(psutil.Process(p).name() == "raylet" for p in children(second.pid)), 90), (
            tmp_path / "ray.log"
        ).read_text()
        time.sleep(2)
        yield Nodes(f"127.0.0.1:{port}", token, head, second)
    finally:
        family = [pid for process in started for pid in (process.pid, *children(process.pid))]
        for process in started:
            process.send_signal(signal.SIGTERM)
        until(lambda: not alive(family), 8)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in started:
            process.wait(10)
        log.close()


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
def test_two_nodes_give_the_same_bits_and_a_lost_node_costs_nothing(nodes: Nodes) -> None:
    right = undisturbed(*GRID)
    joined = (
        "execution=ray",
        "tracking=none",
        f"execution.address={nodes.address}",
        "+execution.init._node_ip_address=127.0.0.1",  # the driver is on the head: the second node can be killed
        f"+execution.init.runtime_env.py_modules=[{TOYS / 'vatoys'}]",
    )
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": nodes.token}
    row = Found("", "two nodes", 0, 0, 0)
    with Place.new(*SMALL, *joined) as place:
        # the journal of the toys is not to be had: the nodes do not know where it is
        process = place.start(*GRID, real=True, **secret)
        raylets = {nodes.raylet(nodes.head), nodes.raylet(nodes.second)}
        at_work: set[int] = set()

        def watch() -> bool:
            for node in raylets:
                for pid in children(node):
                    with contextlib.suppress(psutil.Error):
                        if "ray::work" in " ".join(psutil.Process(pid).cmdline()):
                            at_work.add(node)
            return process.code is not None

        until(watch, 200, every=0.2)
        assert process.code == 0, process.err
        compare(row, right, place)
        assert not row.found
        assert row.lost == 0
        assert at_work == raylets, "both nodes must have worked"
        text = next((place.outputs / "runs").glob("*/*/manifest.json")).read_text()
        assert '"workers": 4' in text

        lost = undisturbed(*GRID, "seed=2")
        process = place.start(*GRID, "seed=2", real=True, **secret)
        assert until(lambda: len(place.store()) >= len(right) + 3 or process.code is not None, 120)
        os.kill(nodes.raylet(nodes.second), signal.SIGKILL)
        process.wait(200)
        assert process.code == 0, process.err
        assert place.store() == {**right, **lost}
    assert not alive([process.pid])
    assert nodes.head.poll() is None, "a joined cluster is left as it was"


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
def test_a_wrong_token_is_told_in_words(nodes: Nodes) -> None:
    with Place.new(*SMALL, "execution=ray", "tracking=none", f"execution.address={nodes.address}") as place:
        done = place.run(*GRID, real=True, timeout=150, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0" * 64)
        assert done.code == 2, done.err
        assert "cannot be used" in done.err


CLUSTER = """
import sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "object_store_memory": 200000000})
cluster.add_node(num_cpus=2, object_store_memory=200000000)
cluster.wait_for_nodes()
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.mark.alone
@pytest.mark.nightly
@pytest.mark.slow
def test_rays_own_cluster_of_two_nodes_in_one_process_gives_the_same_bits(tmp_path: Path) -> None:
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_") and k != "PYTHONPATH"} | secret
    with open(tmp_path / "log", "wb") as log:
        cluster = subprocess.Popen(
            [sys.executable, "-c", CLUSTER],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        assert cluster.stdout is not None
        address = cluster.stdout.readline().decode().strip()
        assert ":" in address, (tmp_path / "log").read_text()[-2000:]
        joined = ("execution=ray", "tracking=none", f"execution.address={address}", "report=false")
        shipped = f"+execution.init.runtime_env.py_modules=[{TOYS / 'vatoys'}]"
        with Place.new(*SMALL, *joined) as place:
            done = place.run(*GRID, shipped, real=True, timeout=200, **secret)
            assert done.code == 0, done.err
            assert place.store() == undisturbed(*GRID)
            text = next((place.outputs / "runs").glob("*/*/manifest.json")).read_text()
            assert '"workers": 4' in text
    finally:
        family = children(cluster.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            cluster.communicate(timeout=20)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        cluster.kill()
        cluster.wait()
