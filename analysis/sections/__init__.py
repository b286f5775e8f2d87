"""The sections of the report: one file each, holding its tables, its figures and its sentences."""
