"""Register the deployment at a work pool: ``python deploy.py process OUTPUTS`` or ``... kubernetes IMAGE``.

The environment names the server: PREFECT_API_URL, and PREFECT_API_AUTH_STRING where it asks for a password.
"""

import sys
from pathlib import Path

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy

import va_experiments
from va_experiments.prefect_flow.deployment import OUTPUTS, run_multirun

kind, where = sys.argv[1:]
one = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
file = "va_experiments/prefect_flow/deployment.py:run_multirun"
if kind == "process":
    source = Path(va_experiments.__file__).parents[1]
    flow = Flow.from_source(source, file)
    environment = {OUTPUTS: str(Path(where).resolve())}
    flow.deploy("process", work_pool_name="va", build=False, push=False, job_variables={"env": environment},
                concurrency_limit=one)  # fmt: skip
else:
    environment = {OUTPUTS: "/home/va/outputs"}
    run_multirun.deploy("kubernetes", work_pool_name="va-kubernetes", image=where, build=False, push=False,
                        job_variables={"env": environment}, concurrency_limit=one)  # fmt: skip
