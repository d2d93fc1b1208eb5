"""Verbal-autopsy algorithms behind one contract, importable without Hydra, Prefect, Ray or MLflow."""
