"""The engine of a multirun, and the Prefect flow that watches it."""
