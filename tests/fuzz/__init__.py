"""Properties that must hold whatever a person gives: tables, configurations, commands.

``test_fuzz.py`` tries each for some seconds in CI, ``make fuzz`` (``python -m tests.fuzz``) for ten minutes.
"""
