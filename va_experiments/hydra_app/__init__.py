"""Compose the jobs of a command with Hydra, check them, and pass them to the engine; no other folder imports Hydra."""
