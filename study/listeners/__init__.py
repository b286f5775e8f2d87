"""Who follows the trials of a study as they run: one file per tool that keeps their curves."""
