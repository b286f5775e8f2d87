"""What it costs to serve an encoder: distance computations, bytes, time, and the geometry that explains them."""
