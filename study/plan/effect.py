"""An option of an encoder that is given changes something: what has no effect was meant with another one beside it."""

from collections.abc import Iterable, Sequence

from search_spaces.space import Space
from study.settings import StudySettings
from trainables.config import TrialConfig
from trainables.errors import UserError
from trainables.options import flat


def check_effect(space: Space, settings: StudySettings, first: Sequence[tuple[str, TrialConfig]]) -> None:
    """Raises UserError for an option of the encoder that is given, and changes nothing wherever it is.

    Args:
        space: with the factors that the user asks for.
        settings: what the user fixes and searches, and arms of the user's own.
        first: a configuration of every branch, cell and arm, with the name of branch or arm.
    """
    searched = {*settings.search, *settings.search_factor}
    _check(_given(space, settings), [config for _, config in first], searched)
    for arm, patch in settings.arm.items():
        _check(flat(patch), [config for name, config in first if name == arm], searched)


def check_without_rectangles(space: Space, settings: StudySettings) -> None:
    """Raises UserError for rectangles that are given where no text is in one."""
    key = "compute.rectangles"
    if key in _given(space, settings):
        raise UserError(
            f"{key} changes nothing where texts are packed: set compute.packing to off, or leave {key} out."
        )


def _given(space: Space, settings: StudySettings) -> set[str]:
    """Options that hold, or are searched, for all branches."""
    levels = (key for factor in space.factors for level in factor.levels for key in level.patch)
    return {*settings.set, *settings.search, *levels}


def _check(given: Iterable[str], configs: Sequence[TrialConfig], searched: set[str]) -> None:
    for key in sorted(given):
        switches = {config.encoder.without_effect.get(key) for config in configs}
        switch = next(iter(switches), None)
        if switch is not None and None not in switches and switch not in searched:
            raise UserError(f"{key} changes nothing without {switch}: set {switch}, or leave {key} out.")
