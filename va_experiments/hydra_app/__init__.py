"""The one door of Hydra: compose the jobs of a command, check them, and hand them to the engine."""
