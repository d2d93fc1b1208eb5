"""Metrics of individual and population cause assignment."""
