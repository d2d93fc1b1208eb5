"""Compute tables and statements from a DataFrame of cells: leaderboard, comparisons, transfer loss, performance."""
