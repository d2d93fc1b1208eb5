"""Hydra's door to the engine: a launcher that hands all composed jobs to `va_experiments.hydra_app.session`."""
