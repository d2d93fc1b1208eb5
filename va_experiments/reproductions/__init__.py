"""Reproduce published tables: compare each published figure with ours, with an interval and the reason.

``python -m va_experiments.reproductions NAME --data FILE`` (or ``va-experiments reproduce NAME``).
"""

from va_experiments.reproductions.registry import REPRODUCTIONS, reproduction_of

__all__ = ["REPRODUCTIONS", "reproduction_of"]
