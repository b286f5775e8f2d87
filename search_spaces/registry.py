"""The spaces by name.

>>> space("static_ratio").main_comparison
('best static', 'hybrid 0.5')
"""

from collections.abc import Callable

from search_spaces.batch_size import batch_size
from search_spaces.closed_loop import closed_loop
from search_spaces.dynamic_vs_static import dynamic_vs_static
from search_spaces.inference_efficiency import inference_efficiency
from search_spaces.llm_scale import llm_scale
from search_spaces.model_size import model_size
from search_spaces.space import Space
from search_spaces.static_ratio import static_ratio
from trainables.registry import Registry

SpaceBuilder = Callable[[], Space]
"""Builds a space; called when it is asked for, so that a space over all families sees those of plugins, too."""


def _name_of(build: SpaceBuilder) -> str:
    return build.__name__


SPACES: Registry[SpaceBuilder] = Registry(
    "space",
    _name_of,
    (dynamic_vs_static, static_ratio, closed_loop, model_size, llm_scale, batch_size, inference_efficiency),
)


def space(name: str) -> Space:
    """Returns the space of that name; raises UserError with the nearest names if there is none."""
    return SPACES.find(name)()
