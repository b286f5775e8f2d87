"""Does the gain of hybrid batch training survive in large language models, on data that they were not trained for?"""

from search_spaces.space import Space, sizes, strategies


def llm_scale() -> Space:
    """The strategies on a ladder of decoders, judged zero-shot by nDCG@10 as BEIR is."""
    return Space(
        name="llm_scale",
        question="Does the gain of hybrid over monolingual batches survive in larger language models, zero-shot?",
        branches=strategies(),
        factors=(sizes("mini-decoder-xs", "mini-decoder-s"),),
        trials=2,
        main_comparison=("hybrid 0.5", "X-X-mono"),
        about="survival",
    )
