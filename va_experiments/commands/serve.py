"""Run what is asked of Prefect: register the deployment va-experiments/multirun and wait for its runs, until Ctrl-C.

A run is started from Prefect's page, with prefect deployment run, by a schedule, an automation or the API. Its
parameter is the list of Hydra's overrides. Its results go to the outputs folder, one run at a time.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from va_experiments.commands.command_line import App
from va_experiments.commands.run_lookup import OUTPUTS, Outputs
from va_experiments.errors import InputError, VaError
from va_experiments.terminal import say

__all__ = ["app", "serve"]

app = App()

START_SECONDS = 180.0


@app.action(help=__doc__)
def serve(
    outputs: Outputs = OUTPUTS,
    prefect_port: Annotated[int, typer.Option(metavar="PORT", help="Port of Prefect.")] = 4200,
    api_url: Annotated[str, typer.Option(metavar="URL", help="A Prefect server elsewhere; none is started here.")] = "",
) -> int:
    """Serve until a signal comes."""
    from va_experiments.config.schema import TrackingConfig
    from va_experiments.prefect_flow.direct_client import connect_directly
    from va_experiments.prefect_flow.server import PrefectServer, client_environment

    if not 1024 <= prefect_port <= 65535:
        raise InputError(f"--prefect-port must be between 1024 and 65535; got {prefect_port}")
    outputs.mkdir(parents=True, exist_ok=True)
    home = outputs / "prefect"
    server = PrefectServer(TrackingConfig(prefect_api_url=api_url or None), home)
    server.start(ui=True, port=prefect_port, schedules=True)
    try:
        if not server.wait(START_SECONDS):
            why = server.connection_error if server.elsewhere else f"see {home / 'server.log'}"
            raise VaError(f"the Prefect server at {server.url} does not answer: {why}")
        if server.started_here:
            server.write_server_file()
        os.environ.update(client_environment(home, server.url, server.auth))
        os.environ.setdefault("PREFECT_RUNNER_POLL_FREQUENCY", "2")
        os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "true"
        os.environ["PREFECT_LOGGING_LEVEL"] = "INFO"
        connect_directly(server.url)
        from va_experiments.prefect_flow.deployment import DEPLOYMENT, serve_forever
        from va_experiments.prefect_flow.stale_runs import FLOW

        say(f"Prefect  {server.login_link('/deployments')}", flush=True)
        say(f"serving {FLOW}/{DEPLOYMENT} for {outputs}; Ctrl-C stops.", flush=True)
        serve_forever(outputs)
    except KeyboardInterrupt:
        say("stopping", file=sys.stderr, flush=True)
    finally:
        server.stop()
    return 0
