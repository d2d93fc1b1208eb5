"""Ray's files are in a folder that no other user can enter, replace or guess, with paths short enough for sockets."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from va_experiments.config.schema import ExecutionConfig
from va_experiments.execute import ray_folder
from va_experiments.execute.ray_folder import PREFIX, RayFolder, find_folder_problem
from va_experiments.execute.ray_session import RaySession
from va_experiments.execute.run_channel import EngineUnavailable

AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="a second user is needed: run the tests as root")


@pytest.fixture
def base() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="b", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_folder_is_closed_to_others_whatever_the_umask_and_goes_at_the_end(base: Path) -> None:
    before = os.umask(0)
    try:
        folder = RayFolder(str(base))
    finally:
        os.umask(before)
    assert folder.path.parent == base
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.inner.parent == folder.path, "Ray opens the folder that it gets, so it gets one inside"
    folder.remove()
    folder.remove()
    assert not list(base.iterdir())


def test_a_path_too_long_for_sockets_falls_back_to_a_short_one_and_says_so(
    base: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    long = base / ("x" * 120)
    long.mkdir()
    for name in ("RAY_TMPDIR", "TMPDIR"):
        monkeypatch.setenv(name, str(long))
    monkeypatch.setattr(tempfile, "tempdir", None)
    folder = RayFolder()
    try:
        assert folder.path.parent == Path("/tmp")
        assert "at most 107 are possible" in caplog.text
        assert len(os.fsencode(folder.path)) == len("/tmp/" + PREFIX) + 8
    finally:
        folder.remove()
    with pytest.raises(EngineUnavailable, match=r"execution\.init\._temp_dir=FOLDER, or run without Ray") as caught:
        RayFolder(str(long))
    assert caught.value.exit_code == 5


def test_the_longest_socket_that_is_let_through_can_be_bound(base: Path) -> None:
    import socket

    room = 107 - len(os.fsencode(str(base) + "/" + ray_folder._INSIDE))
    longest = base / ("y" * room)
    longest.mkdir()
    assert find_folder_problem(str(longest)) == ""
    assert "108 bytes" in find_folder_problem(str(longest) + "y")
    path = Path(str(longest) + ray_folder._INSIDE)
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def test_a_folder_where_others_can_replace_things_is_refused(base: Path) -> None:
    open_to_all = base / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    assert "other users can replace what is in" in find_folder_problem(str(open_to_all))
    inside = open_to_all / "mine"
    inside.mkdir(mode=0o700)
    assert "other users can replace what is in" in find_folder_problem(str(inside))
    open_to_all.chmod(0o1777)
    assert find_folder_problem(str(inside)) == ""
    assert "cannot be used" in find_folder_problem(str(base / "absent"))
    (base / "file").write_text("")
    assert "is not a folder" in find_folder_problem(str(base / "file"))


def test_a_folder_has_vanished_when_its_files_are_gone_not_when_a_worker_makes_the_link_again(base: Path) -> None:
    folder = RayFolder(str(base))
    assert not folder.vanished
    session, link = folder.inner / "session_1", folder.inner / "session_latest"
    (session / "logs").mkdir(parents=True)
    (session / "sockets").mkdir()
    link.symlink_to(session)
    assert not folder.vanished, "Ray is still starting"
    (session / "sockets" / "raylet").touch()
    assert not folder.vanished
    link.unlink()
    assert not folder.vanished
    (session / "sockets" / "raylet").unlink()
    assert folder.vanished
    folder.remove()


@AS_ROOT
def test_a_link_to_another_users_folder_is_refused(base: Path) -> None:
    theirs, link = base / "theirs", base / "link"
    theirs.mkdir()
    os.chown(theirs, pwd.getpwnam("nobody").pw_uid, -1)
    link.symlink_to(theirs)
    assert "belongs to another user" in find_folder_problem(str(link))
    with pytest.raises(EngineUnavailable, match="belongs to another user"):
        RayFolder(str(link))
    assert not list(theirs.iterdir())


def test_what_killed_drivers_left_is_removed_and_what_others_hold_or_have_is_not(base: Path) -> None:
    held, dead = RayFolder(str(base)), base / f"{PREFIX}deadbeef"
    young, link, other = base / f"{PREFIX}young", base / f"{PREFIX}link", base / "something"
    for folder in (dead, young, other):
        (folder / "r").mkdir(parents=True)
    link.symlink_to(other)
    for folder in (dead, held.path, other):
        os.utime(folder, (1, 1))
    os.utime(link, (1, 1), follow_symlinks=False)
    RayFolder(str(base)).remove()
    assert not dead.exists()
    assert held.path.exists()
    assert young.exists()
    assert (other / "r").exists()
    held.remove()


AS_NOBODY = """
import os, pwd, socket, sys
folder, sock = sys.argv[1:]
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
def refused(name, call):
    try:
        call()
    except PermissionError:
        print(name)
refused("list", lambda: os.listdir(folder))
refused("connect", lambda: socket.socket(socket.AF_UNIX).connect(sock))
refused("replace", lambda: os.rename(sock, sock + ".old"))
refused("link", lambda: os.symlink("/tmp", os.path.join(folder, "r", "session_latest2")))
refused("swap", lambda: os.rename(folder, folder + ".old"))
"""


@AS_ROOT
@pytest.mark.slow
def test_another_user_reaches_no_socket_of_ray_and_nothing_is_elsewhere(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.chmod(0o1777)
    monkeypatch.setenv("TMPDIR", str(base))
    monkeypatch.setattr(tempfile, "tempdir", None)
    session = RaySession(ExecutionConfig(num_workers=1))
    try:
        assert session.wait()
        assert session._folder is not None
        folder = session._folder.path
        assert [p.name for p in base.iterdir()] == [folder.name]
        raylet = folder / "r" / "session_latest" / "sockets" / "raylet"
        assert raylet.is_socket()
        paths = {
            c.laddr
            for process in psutil.Process().children(recursive=True)
            for c in process.net_connections(kind="unix")
            if c.laddr and not str(c.laddr).startswith("\0")
        }
        assert paths
        assert all(str(path).startswith(f"{folder}/") for path in paths)
        command = [sys.executable, "-I", "-c", AS_NOBODY, str(folder), str(raylet)]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        assert tried.stdout.split() == ["list", "connect", "replace", "link", "swap"], tried.stderr
        assert session.ray.get(session.board.drain.remote(), timeout=30) == ({}, {})
    finally:
        session.stop()
    assert not list(base.iterdir())
