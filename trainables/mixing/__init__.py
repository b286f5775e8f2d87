"""Which pairs, which languages and which kind every batch holds."""
