"""Benchmarks in the layouts in which retrieval sets are published: files become rows, rows become one benchmark."""
