"""Does changing the ratio during training beat the best constant ratio?"""

from search_spaces.space import Branch, Space, strategies
from trainables.ratio.registry import FAMILIES


def dynamic_vs_static() -> Space:
    """The strategies, the best constant ratio, and the best of every open-loop schedule family."""
    static = Branch(name="static", role="static", family="constant")
    dynamic = tuple(
        Branch(name=name, role="dynamic", family=name)
        for name, family in FAMILIES.items()
        if name != static.family and family.parameters() and not family.closed_loop
    )
    return Space(
        name="dynamic_vs_static",
        question="Does changing the ratio of monolingual batches during training beat the best constant ratio?",
        branches=(*strategies(), static, *dynamic),
        controls=("reversed", "shuffled", "same-mean", "loss-mixing"),
        trials=3,
        seeds=5,
        main_comparison=("best dynamic", "best static"),
    )
