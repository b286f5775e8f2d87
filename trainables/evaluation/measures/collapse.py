"""When an encoder has collapsed: it gives so many candidates one score that their ranks say nothing.

>>> is_collapsed(ties=6, queries=40, candidates=120), is_collapsed(ties=40 * 119, queries=40, candidates=120)
(False, True)
"""

TIES = "ties"
"""The measure that shows it."""

TIED = 0.01
"""Share of ties from which on ranks say nothing. Repeated texts in a pool stay far below it."""


def is_collapsed(ties: float, queries: int, candidates: int) -> bool:
    """Whether more than one in a hundred pairs of a query and a candidate is a tie with a relevant candidate.

    Args:
        ties: the value of the measure `ties`.
        queries: of the benchmark.
        candidates: likewise.
    """
    return ties > TIED * queries * candidates
