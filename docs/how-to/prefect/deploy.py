"""Register the deployment at a work pool: ``python deploy.py process OUTPUTS [MACHINES]`` or ``... kubernetes IMAGE``.

MACHINES, by default 1: how many there are, each with an outputs folder of this name and a worker with ``--limit 1``.
The environment names the server: PREFECT_API_URL, and PREFECT_API_AUTH_STRING where it asks for a password.
"""

import sys
from pathlib import Path

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy

import va_experiments
from va_experiments.prefect_flow.deployment import OUTPUTS, run_multirun

kind, where, *machines = sys.argv[1:]
most = int(machines[0]) if machines else 1
limit = ConcurrencyLimitConfig(limit=most, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
file = "va_experiments/prefect_flow/deployment.py:run_multirun"
if kind == "process":
    source = Path(va_experiments.__file__).parents[1]
    flow = Flow.from_source(source, file)
    environment = {OUTPUTS: str(Path(where).resolve())}
    flow.deploy("process", work_pool_name="va", build=False, push=False, job_variables={"env": environment},
                concurrency_limit=limit)  # fmt: skip
else:
    environment = {OUTPUTS: "/home/va/outputs"}
    run_multirun.deploy("kubernetes", work_pool_name="va-kubernetes", image=where, build=False, push=False,
                        job_variables={"env": environment}, concurrency_limit=limit)  # fmt: skip
