"""The probbase, under the name that the models use; it is read by `va_experiments.data.probbase`."""

from va_experiments.data.probbase import CAUSES, CIRCUMSTANCES, PREGNANCY, Probbase, Rule, read_probbase

__all__ = ["CAUSES", "CIRCUMSTANCES", "PREGNANCY", "Probbase", "Rule", "read_probbase"]
