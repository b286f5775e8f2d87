"""One training run: steps, loss, optimiser, checkpoints, reports."""
