"""Progress bars, status file, alerts and structured logs of a run."""
