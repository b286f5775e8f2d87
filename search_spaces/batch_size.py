"""What does the size of the batch do to a retriever?"""

from typing import Any

from search_spaces.space import Factor, Level, Space, strategies

SMALL, LARGE, STEPS = 24, 96, 300
BETA = 0.999


def batch_size() -> Space:
    """The strategies at a small and at a large batch, and at the large one with what else it changes held fixed.

    A larger batch sees more pairs in as many steps, and gives every query more negatives; each has a level that keeps
    it as in the small batch. The learning rate is chosen anew at every level, and the second moment of Adam forgets as
    fast per pair (arXiv 2507.07101).
    """
    small = _level(str(SMALL), SMALL, STEPS)
    levels = (
        small,
        _level(str(LARGE), LARGE, STEPS),
        _level(f"{LARGE}, pairs of {SMALL}", LARGE, STEPS * SMALL // LARGE),
        _level(f"{LARGE}, negatives of {SMALL}", LARGE, STEPS, **{"loss.negative_pool": SMALL}),
    )
    return Space(
        name="batch_size",
        question="What does the size of the training batch do to the quality of retrieval?",
        branches=strategies(),
        factors=(Factor(name="batch", levels=levels),),
        patch={"encoder": "mini-t5-xs"},
        trials=2,
        main_comparison=("hybrid 0.5", "X-X-mono"),
        about="levels",
    )


def _level(label: str, size: int, steps: int, **patch: Any) -> Level:
    # beta' = beta^(B'/B): the half-life of the moment counted in pairs, not in steps.
    betas = (0.9, BETA ** (size / SMALL))
    return Level(label=label, patch={"batches.size": size, "steps": steps, "optimiser.betas": betas, **patch})
