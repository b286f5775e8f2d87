"""How an encoder is trained where the user does not say: steps, batch size, learning rate, temperature."""

from pydantic import BaseModel, ConfigDict

from trainables.parameters import Real


class Recipe(BaseModel):
    """Defaults of the training for a kind of encoder. The learning rate is searched inside every branch."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    steps: int
    batch_size: int
    learning_rate: Real
    first_learning_rate: float
    """Tried first in every branch."""
    temperature: float
    temperatures: Real
    """Searched where the user asks for it."""


MINI = Recipe(
    steps=340,
    batch_size=48,
    learning_rate=Real(low=1e-3, high=1e-2, log=True),
    first_learning_rate=4e-3,
    temperature=0.05,
    temperatures=Real(low=0.01, high=0.1, log=True),
)
"""From scratch; chosen so that the strategies separate on the atlas within seconds (docs/design.md)."""

PRETRAINED = Recipe(
    steps=2000,
    batch_size=100,
    learning_rate=Real(low=5e-6, high=1e-4, log=True),
    first_learning_rate=3e-5,
    temperature=0.05,
    temperatures=Real(low=0.01, high=0.1, log=True),
)
"""Learning rate 3e-5 and batch size 100 are those of arXiv 2408.10536; it reports neither steps nor temperature."""


def recipe_for(source: str) -> Recipe:
    """Returns the recipe of an encoder by its source: `mini` trains from scratch, all others are fine-tuned."""
    return MINI if source == "mini" else PRETRAINED
