"""Define results: one typed row for each cell, the same from worker to report; `load_results` reads them."""

from __future__ import annotations

from va_experiments.results.load import load_results
from va_experiments.results.rows import Row
from va_experiments.results.schema import check_row

__all__ = ["Row", "check_row", "load_results"]
