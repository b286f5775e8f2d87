"""Which pairs, in which languages, every batch holds."""
