"""Does a ratio that follows the training beat the best constant ratio?"""

from search_spaces.space import Branch, Space, strategies

FAMILIES = ("gap", "progress", "odm", "bias")


def closed_loop() -> Space:
    """The strategies, the best constant ratio, and the best of every family that decides from signals."""
    return Space(
        name="closed_loop",
        question="Does a ratio that is steered by what the training shows beat the best constant ratio?",
        branches=(
            *strategies(),
            Branch(name="static", role="static", family="constant"),
            *(Branch(name=name, role="dynamic", family=name) for name in FAMILIES),
            Branch(name="excess", role="dynamic", family="excess", references={"mono": "X-X-mono", "cross": "X-Y"}),
        ),
        controls=("reversed", "shuffled", "same-mean"),
        trials=4,
        main_comparison=("best dynamic", "best static"),
    )
