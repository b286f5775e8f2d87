"""The ratio of monolingual batches over the training: families, controls, controllers and their signals."""
