"""Training pairs and benchmarks: their contracts and one loader per source."""
