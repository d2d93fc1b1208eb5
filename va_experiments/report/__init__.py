"""Leaderboard, figures, tables and the HTML page, from a tidy DataFrame alone."""
