"""Define the flow of a multirun, its tasks, and the local server; no other folder imports Prefect."""
