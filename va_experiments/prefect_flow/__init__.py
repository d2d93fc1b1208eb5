"""The one door of Prefect: the flow of a multirun, its tasks, and the local server."""
