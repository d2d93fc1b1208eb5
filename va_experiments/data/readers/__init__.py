"""Readers: one module for each kind of data set, each returns `Deaths`."""
