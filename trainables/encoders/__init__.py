"""Texts to vectors: token ids, pooling, presets and the embedded ladder of small encoders."""
