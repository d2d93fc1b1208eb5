"""Faults: what is done to a run, and whether it comes out the same (`make faults`)."""
