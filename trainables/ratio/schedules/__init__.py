"""The open-loop families, one file each: the ratio α as a function of training progress p alone.

In their formulas a0 is `start` and a1 is `end`.
"""
