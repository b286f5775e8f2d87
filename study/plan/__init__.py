"""The study as a deterministic program; knows no Ray."""
