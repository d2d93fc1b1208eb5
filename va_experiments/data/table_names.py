"""Tell the names of tables and of YAML files by their ends."""

from __future__ import annotations

__all__ = ["TABLES", "YAMLS"]

TABLES = (".csv", ".csv.gz", ".tsv", ".txt", ".zip", ".xlsx", ".dta", ".sav", ".parquet", ".json")
"""Ends of the names of tables."""

YAMLS = (".yaml", ".yml")
"""Ends of the names of YAML files."""
