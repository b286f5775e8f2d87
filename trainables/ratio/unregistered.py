"""The stand-in for a family that a record names and nobody has registered here, since its plugin is not loaded."""

from typing import Any, ClassVar, NoReturn

from pydantic import ConfigDict
from typing_extensions import override

from trainables.errors import UserError
from trainables.ratio.family import Schedule


class UnregisteredFamily(Schedule):
    """Keeps the recorded fields as they are, in their order; can be shown, and refuses to be trained."""

    model_config = ConfigDict(extra="allow")

    description: ClassVar[str] = "a family of a plugin that is not loaded"

    @override
    def trajectory(self, total_steps: int) -> NoReturn:
        """Raises UserError: what the ratios are is known to the plugin only."""
        raise UserError(
            f"The ratio family {self.family!r} is not registered here, so that nothing can be trained with it: name "
            "the module that brings it with --plugin."
        )

    @override
    def summary(self) -> str:
        fields = (f"{name} {_short(value)}" for name, value in self.model_dump().items() if name != "family")
        return ", ".join([self.family, *fields])


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
