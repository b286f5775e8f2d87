"""How does hybrid batch training scale with the size of the model, against the standard strategies?"""

from search_spaces.space import Space, family_branch, sizes, strategies

PATCH = 16
"""A quarter of the tokens of an image of the usual patches, which show no more of a pictogram."""


def model_size() -> Space:
    """The strategies and a schedule on a ladder of encoders of images and texts in many languages."""
    return Space(
        name="model_size",
        question="How does the gain of hybrid over monolingual batches change with the size of the model?",
        branches=(*strategies(), family_branch("linear")),
        factors=(sizes("mini-image-xs", "mini-image-s", **{"encoder.patch": PATCH}),),
        patch={"steps": 200},
        training=("pictograms",),
        benchmarks=("pictograms",),
        # The queries of the dev set are images, which have no pool of their own language.
        objective="multilingual/map",
        trials=2,
        main_comparison=("hybrid 0.5", "X-X-mono"),
        about="change",
    )
