"""Does the gain of hybrid batch training survive in large language models, on data that they were not trained for?"""

from search_spaces.space import Space, sizes, strategies


def llm_scale() -> Space:
    """The strategies on a ladder of decoders, judged zero-shot: on texts that no training item shares.

    Offline these are the test part of the atlas, by mAP; those of BEIR and NanoBEIR, where they are named, by nDCG@10.
    """
    return Space(
        name="llm_scale",
        question="Does the gain of hybrid over monolingual batches survive in larger language models, zero-shot?",
        branches=strategies(),
        factors=(sizes("mini-decoder-xs", "mini-decoder-s"),),
        trials=2,
        main_comparison=("hybrid 0.5", "X-X-mono"),
        about="survival",
    )
