"""Options for Ray that run code, download packages or open ports are refused before Ray is started."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from tests.marks import first_of_each_kind
from va_experiments.config.schema import RunConfig
from va_experiments.errors import InputError
from va_experiments.hydra_app.job_configs import with_ray_options

REFUSED = {
    "a hook of the driver": "+execution.init._tracing_startup_hook='os:abort'",
    "modules to import": "+execution.init._system_config={preload_python_modules:[antigravity]}",
    "a hook of each worker": "+execution.remote.runtime_env={worker_process_setup_hook:os.abort}",
    "another interpreter": "+execution.remote.runtime_env={py_executable:'touch mark'}",
    "a hook in init": "+execution.init.runtime_env={worker_process_setup_hook:os.abort}",
    "packages to install": "+execution.init.runtime_env={pip:[evil]}",
    "code to download": "+execution.init.runtime_env={working_dir:'https://127.0.0.1:9/x.zip'}",
    "a package to download": "+execution.init.runtime_env={py_modules:['https://127.0.0.1:9/sklearn.zip']}",
    "a package in place of another": "+execution.init.runtime_env={py_modules:[/tmp/sklearn]}",
    "a dashboard for the network": "+execution.init={include_dashboard:true,dashboard_host:0.0.0.0}",
    "an environment that is no mapping": "+execution.init.runtime_env=evil",
    "the launcher's names": "+hydra.launcher.ray.remote.runtime_env={py_executable:'touch mark'}",
    "the launcher's names of init": "+hydra.launcher.ray.init._tracing_startup_hook='os:abort'",
    "the launcher's packages": "+hydra.launcher.ray.init.runtime_env={py_modules:[/tmp/sklearn]}",
}


@pytest.mark.parametrize("name", first_of_each_kind(REFUSED, lambda name: REFUSED[name][:16]))
def test_an_option_that_would_run_code_is_refused_also_in_a_dry_run(name: str) -> None:
    quick = [o for o in QUICK if not o.startswith("execution")]
    override = REFUSED[name].replace("+execution.init={", "++execution.init={")
    with elsewhere() as root:
        code, _, err = output_here([override, "execution=ray", "model=nbc", "site=ap", "dry_run=true", *quick])
        assert code == 2, err
        assert "execution.init" in err or "execution.remote" in err, err
        assert "Traceback" not in err
        assert not list(root.rglob("mark*"))


def test_what_sizes_a_cluster_is_passed_on() -> None:
    init: dict[str, Any] = {
        "_memory": 10**9,
        "dashboard_host": "localhost",
        "include_dashboard": True,
        "runtime_env": {"py_modules": ["/home/me/mine"]},
    }
    tree = {"execution": {"init": init, "remote": {"resources": {"big": 1}}}, "allowed_targets": ["mine"]}
    assert RunConfig.model_validate(tree).execution.init == init
    with pytest.raises(InputError, match="the folder of a package that allowed_targets names"):
        with_ray_options(RunConfig(), {"init": {"runtime_env": {"py_modules": ["/home/me/mine"]}}})
