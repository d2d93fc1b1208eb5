"""Figures of the report, drawn with Altair from the tables of `va_experiments.analysis`."""
