"""The closed-loop families, one file each: the ratio follows what the training shows."""
