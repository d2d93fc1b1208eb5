"""Readers of verbal-autopsy data and the `Deaths` they return."""
