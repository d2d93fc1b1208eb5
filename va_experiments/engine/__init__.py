"""Run one multirun: plan, reuse stored cells, compute the others, commit results and notify observers."""
