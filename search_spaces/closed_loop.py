"""Does a ratio that follows the training beat the best constant ratio?"""

from search_spaces.space import Space, family_branch, static_branch, strategies
from trainables.ratio.registry import FAMILIES


def closed_loop() -> Space:
    """The strategies, the best constant ratio, and the best of every family that decides from signals."""
    return Space(
        name="closed_loop",
        question="Does a ratio that is steered by what the training shows beat the best constant ratio?",
        branches=(
            *strategies(),
            static_branch(),
            *(family_branch(name) for name, family in FAMILIES.items() if family.closed_loop),
        ),
        controls=("reversed", "shuffled", "same-mean"),
        rivals={"centred": ("X-X-mono", "best static", "best dynamic")},
        trials=4,
        main_comparison=("best dynamic", "best static"),
    )
