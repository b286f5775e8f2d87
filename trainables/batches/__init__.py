"""Which pairs, in which languages, every batch holds (planner.py is the way in)."""
