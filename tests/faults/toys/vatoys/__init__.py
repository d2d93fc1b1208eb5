"""Models that misbehave on request."""
