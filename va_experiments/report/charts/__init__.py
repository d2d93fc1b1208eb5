"""Specify the figures of the report in Vega-Lite, from the tables of `va_experiments.analysis`; draw them at rest."""
