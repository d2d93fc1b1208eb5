"""Define the configuration of a command: types, bounds, defaults and help of every option."""
