"""The spaces by name."""

from collections.abc import Callable, Mapping

from search_spaces.closed_loop import closed_loop
from search_spaces.dynamic_vs_static import dynamic_vs_static
from search_spaces.space import Space
from search_spaces.static_ratio import static_ratio
from trainables.errors import unknown_name

SPACES: Mapping[str, Callable[[], Space]] = {
    "dynamic_vs_static": dynamic_vs_static,
    "static_ratio": static_ratio,
    "closed_loop": closed_loop,
}


def space(name: str) -> Space:
    """Returns the space of that name; raises UserError with the nearest names if there is none."""
    if name not in SPACES:
        raise unknown_name("space", name, SPACES)
    return SPACES[name]()
