"""Combine other models: pooling, stacking, voting, calibration, tuning."""
