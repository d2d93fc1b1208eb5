"""LCVA: nested latent classes for several sites (Li, Wu, Chen and Clark 2021, arXiv:2112.12186)."""
