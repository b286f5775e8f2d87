"""Twins: schedules that use exactly the ratios of another one, in another order."""

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny, ValidationInfo

from trainables.ratio.config import by_name
from trainables.ratio.family import Schedule


class Twin(Schedule):
    """A schedule made from an `Original`: compared with it, their values being the same, the order alone counts."""


def _original(value: Any, info: ValidationInfo) -> Any:
    found = by_name(value, info)
    if not isinstance(found, Schedule) or isinstance(found, Twin):
        raise ValueError("a twin is made from an open-loop schedule that is not a twin itself")
    return found


Original = Annotated[SerializeAsAny[Schedule], BeforeValidator(_original)]
"""The type of the field of a twin that holds the schedule it is made from."""
