"""Draw the figures of the report with Altair, from the tables of `va_experiments.analysis`."""
