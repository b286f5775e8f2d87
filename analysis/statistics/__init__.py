"""Intervals, tests, decisions and fits in NumPy, SciPy and pandas.

Numbers in, numbers out: nothing here knows a file, an arm or a language, and nothing of this project is imported, so
that everybody may import it. The methods are described in docs/statistics.md.
"""
