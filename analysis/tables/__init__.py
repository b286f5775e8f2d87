"""The tables of a report; each function turns findings into one `Table`."""
