"""Which constant ratio is best? The ablation curve that arXiv 2408.10536 describes but does not print."""

from search_spaces.space import Space, static_branch, strategies


def static_ratio() -> Space:
    """The ratio curve on a grid from 0 to 1, then the best constant against the three strategies."""
    return Space(
        name="static_ratio",
        question="Which constant ratio of monolingual batches is best?",
        branches=(*strategies(), static_branch()),
        trials=11,
        seeds=5,
        sampler="grid",
        main_comparison=("best static", "hybrid 0.5"),
        about="choice",
    )
