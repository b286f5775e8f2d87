"""How candidates with equal scores rank."""

from typing import Literal, get_args

TieRule = Literal["pessimistic", "trec"]
"""Pessimistic: what is not relevant comes first, so that the order of a pool decides nothing.

Trec: the greater id comes first, as in trec_eval, for numbers that are set beside published ones."""

TIE_RULES: tuple[TieRule, ...] = get_args(TieRule)
