"""What the records of one or several studies say: read, checked and merged.

Everything else of the analysis reads `Facts`, and no record by itself.
"""
