"""Pass all jobs that Hydra composed to `va_experiments.hydra_app.session`."""
