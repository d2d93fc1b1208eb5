"""EAVA: expert algorithms for deaths of neonates and of children under five."""
