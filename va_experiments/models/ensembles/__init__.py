"""Models made of other models: pooling, stacking, voting, calibration, tuning."""
