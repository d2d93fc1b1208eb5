"""Ray that cannot start is told in words with exit code 5, a wrong option with 2, and neither as a full disk."""

from __future__ import annotations

import errno
import types
from pathlib import Path
from typing import Any

import pytest

from tests.in_process import run_here
from tests.marks import first_of_each_kind
from va_experiments.config.schema import ExecutionConfig
from va_experiments.errors import InputError, VaError
from va_experiments.execute import ray_cluster
from va_experiments.execute.inline import InlineBackend
from va_experiments.execute.ray_session import RaySession
from va_experiments.execute.run_channel import EngineUnavailable

CANNOT = (
    Exception("The current node timed out during startup. This could happen because some of the raylet failed"),
    OSError("validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes"),
    PermissionError(errno.EACCES, "Permission denied", "/tmp/ray"),
    OSError(errno.ENOSPC, "No space left on device", "/dev/shm/plasma"),
    ValueError(
        "After taking into account object store and redis memory usage, the amount of memory on this node is low"
    ),
    RuntimeError("Failed to start the GCS"),
)


def refused(monkeypatch: pytest.MonkeyPatch, error: Exception, **options: Any) -> VaError:
    ray = pytest.importorskip("ray")

    def init(**_: Any) -> None:
        raise error

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(VaError) as caught:
        ray_cluster.connect(ExecutionConfig(**options))
    return caught.value


@pytest.mark.parametrize("error", CANNOT, ids=lambda e: type(e).__name__)
def test_what_this_machine_lacks_is_said_with_what_it_has(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    refusal = refused(monkeypatch, error)
    assert refusal.exit_code == 5
    assert str(refusal).startswith(f"Ray cannot start on this machine ({type(error).__name__}: {str(error)[:60]}")
    for word in ("MB of memory are free", "/dev/shm has", "the load is", "execution.num_workers=1", "execution=inline"):
        assert word in str(refusal)
    assert "disk" not in str(refusal)
    assert "cannot be written" not in str(refusal)


def test_an_option_that_ray_does_not_know_and_a_cluster_that_cannot_be_joined_are_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = refused(monkeypatch, TypeError("init() got an unexpected keyword argument 'labels'"), init={"labels": {}})
    assert refusal.exit_code == 2
    assert "execution.init" in str(refusal)
    assert "labels" in str(refusal)
    low = refused(monkeypatch, ValueError("the minimum allowed is 78643200 bytes"), object_store_memory=1000)
    assert low.exit_code == 2
    assert "execution.object_store_memory" in str(low)
    away = refused(monkeypatch, ConnectionError("no head"), address="10.0.0.1:6379")
    assert away.exit_code == 2
    assert str(away).startswith("Ray on 10.0.0.1:6379 cannot be used")


@pytest.mark.parametrize(
    "setting",
    first_of_each_kind(
        ["RAY_raylet_start_wait_time_s=0.01", "RAY_memory_usage_threshold=high", "RAY_health_check_period_ms="],
        lambda _: "setting",
    ),
)
def test_a_variable_at_which_ray_ends_its_process_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    name, _, value = setting.partition("=")
    monkeypatch.setenv("RAY_no_such_setting", "1")
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        ray_cluster.check_settings()
    assert f"{name}='{value}' in the environment" in str(caught.value)
    assert f"unset {name})" in str(caught.value)
    assert "RAY_no_such_setting" not in str(caught.value)


def test_variables_of_ray_that_it_can_read_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "30")
    ray_cluster.check_settings()


def test_a_start_that_fails_is_raised_by_everyone_who_waits_and_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = RaySession(ExecutionConfig(init={"_temp_dir": str(tmp_path / ("x" * 100))}))
    for _ in range(2):
        with pytest.raises(VaError, match="at most 107 are possible") as caught:
            session.wait()
    assert caught.value.exit_code == 5
    session.stop()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.ECONNRESET])
def test_an_error_of_the_system_in_the_workers_is_no_full_disk(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, number: int
) -> None:
    def run(*_: Any) -> Any:
        raise OSError(number, "told by the engine")
        yield

    monkeypatch.setattr(InlineBackend, "run", run)
    small = ("data.n=60", "data.n_symptoms=5", "n_bootstrap=0", "baselines=[]", "report=false")
    code, err = run_here(["model=nbc", *small, "execution=inline", "tracking=none", f"paths.outputs={tmp_path / 'o'}"])
    assert code == 5
    err += caplog.text
    assert "the workers cannot continue" in err
    assert "run the same command again" in err
    assert "disk full" not in err
    assert "cannot be written" not in err


@pytest.mark.parametrize(
    ("home", "error"),
    [
        ("/proc/nowhere", FileNotFoundError(2, "No such file or directory", "/proc/nowhere")),
        ("/dev/null", NotADirectoryError(20, "Not a directory", "/dev/null/.ray")),
        ("/of/another/account", PermissionError(13, "Permission denied", "/of/another/account/.ray/auth_token")),
    ],
)
def test_a_home_that_cannot_hold_rays_token_is_named(
    home: str, error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    refusal = ray_cluster._explain(error, ExecutionConfig())
    assert isinstance(refusal, InputError)
    assert f"Ray keeps its token in '{home}/.ray', which cannot be written ({error.strerror})" in str(refusal)
    other = ray_cluster._explain(FileNotFoundError(2, "No such file or directory", "/dev/shm/x"), ExecutionConfig())
    assert "Ray cannot start on this machine" in str(other)


GIB = 2**30


@pytest.mark.parametrize(("limit", "options"), [(2 * GIB, None), (5 * GIB // 2, None), (4 * GIB, 2_000_000_000)])
def test_an_address_space_too_small_for_ray_is_refused_in_words(
    limit: int, options: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster.resource, "getrlimit", lambda _: (limit, limit))
    with pytest.raises(
        EngineUnavailable, match=r"limited to [\d.]+ GiB \(ulimit -v\).* need [\d.]+ GiB each"
    ) as refusal:
        ray_cluster._object_store(options)
    assert ("object_store_memory smaller" in str(refusal.value)) == (options is not None)
    assert "execution=inline runs without Ray" in str(refusal.value)


@pytest.mark.parametrize(
    ("limit", "store"), [(3 * GIB, GIB // 4), (4 * GIB, 3 * GIB // 4), (8 * GIB, 2_000_000_000), (-1, 2_000_000_000)]
)
def test_the_store_for_data_leaves_rays_processes_room_in_a_limited_address_space(
    limit: int, store: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster.resource, "getrlimit", lambda _: (limit, limit))
    monkeypatch.setattr(ray_cluster.psutil, "virtual_memory", lambda: types.SimpleNamespace(available=24 * GIB))
    assert ray_cluster._object_store(None) == store
