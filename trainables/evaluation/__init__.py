"""From embeddings to ranks, metrics and language bias."""
