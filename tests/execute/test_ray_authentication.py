"""A process that imported Ray before a run can start a cluster that asks for a token."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import ray
from ray._raylet import AuthenticationTokenLoader

AuthenticationTokenLoader.instance().has_token()  # as Ray asks when it is first used: the mode is kept from now on
from va_experiments.config.schema import ExecutionConfig
from va_experiments.execute.ray_session import RaySession

session = RaySession(ExecutionConfig(num_workers=1))
print(session.wait())
session.stop()
"""


@pytest.mark.slow
def test_ray_may_be_imported_before_the_run() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"]
