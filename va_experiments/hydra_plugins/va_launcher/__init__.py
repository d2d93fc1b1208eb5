"""The launcher by which Hydra passes all composed jobs to `va_experiments.hydra_app.session`."""
