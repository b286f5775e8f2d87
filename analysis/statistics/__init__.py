"""Intervals, tests and fits in NumPy and SciPy; imports nothing of this project."""
