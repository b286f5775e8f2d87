"""What is varied: one file per space."""
