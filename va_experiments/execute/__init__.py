"""Run fits: in this process (`inline`), or on Ray workers, with retries, time limits and live progress."""

from va_experiments.config.schema import ExecutionConfig
from va_experiments.execute.inline import InlineBackend
from va_experiments.execute.run_channel import Backend, EngineLost, EngineUnavailable, RunChannel, Running

__all__ = ["Backend", "EngineLost", "EngineUnavailable", "InlineBackend", "RunChannel", "Running", "make_backend"]


def make_backend(config: ExecutionConfig) -> Backend:
    """Return the backend that the execution config names; Ray is imported only if it is the one."""
    if config.backend == "inline":
        return InlineBackend(config)
    from va_experiments.execute.ray_backend import RayBackend

    return RayBackend(config)
