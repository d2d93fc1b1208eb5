"""Compute a published comparison again, and print its figures beside the published ones."""

from __future__ import annotations

from va_experiments.commands.command_line import App
from va_experiments.reproductions.command import reproduce

__all__ = ["app"]

app = App()
app.action("reproduce", help=__doc__)(reproduce)
