"""What the records of one or several studies say: read, checked, merged and typed.

`records.py` and `runs.py` are the only places that see raw records. Everything else reads `Facts`.
"""
