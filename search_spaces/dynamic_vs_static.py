"""Does changing the ratio during training beat the best constant ratio?"""

from search_spaces.space import Space, family_branch, static_branch, strategies
from trainables.ratio.registry import FAMILIES


def dynamic_vs_static() -> Space:
    """The strategies, the best constant ratio, and the best of every open-loop schedule family."""
    # The strategies stand for 0, a half and 1; the best constant of the atlas lies between the first two.
    static = static_branch().model_copy(update={"first": {"ratio.value": 0.1}})
    dynamic = tuple(
        family_branch(name)
        for name, family in FAMILIES.items()
        if family.parameters() and not family.closed_loop and name != static.patch["ratio.family"]
    )
    return Space(
        name="dynamic_vs_static",
        question="Does changing the ratio of monolingual batches during training beat the best constant ratio?",
        branches=(*strategies(), static, *dynamic),
        controls=("reversed", "shuffled", "same-mean", "loss-mixing"),
        rivals={"centred": ("X-X-mono", "best static", "best dynamic")},
        trials=3,
        seeds=5,
        main_comparison=("best dynamic", "best static"),
    )
