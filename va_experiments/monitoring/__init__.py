"""Show and record the progress of a run: bars, status file, alerts, structured logs."""
