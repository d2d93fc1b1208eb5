"""Compute a published comparison again, and print its figures beside the published ones."""

from va_experiments.reproductions.command import arguments, run

__all__ = ["arguments", "run"]
