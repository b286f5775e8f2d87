"""What the statistics say about the facts: means, comparisons, trends. Sections of the report read `Findings`."""
