"""Benchmarks and training sets that can be asked for by name, one file per source."""
