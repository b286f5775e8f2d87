"""What is measured of a ranking: one file per measure, and the registry that lists them."""
