"""Rows of results: one row a cell, with the same typed columns from the worker to the report."""
