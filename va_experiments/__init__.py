"""Compare verbal-autopsy algorithms where they were not trained."""

__version__ = "0.1.0"
