"""Tensors of which every worker holds a part (DTensor), without loading what made them: that takes a second."""

from torch import Tensor, nn


def is_part(tensor: Tensor) -> bool:
    """Whether other workers hold parts of it, too."""
    return hasattr(tensor, "full_tensor")


def is_sharded(module: nn.Module) -> bool:
    """Whether workers hold parts of a module's weights."""
    return any(map(is_part, module.parameters()))


def gathered(tensor: Tensor) -> Tensor:
    """Returns a tensor whole, on every worker, all of which must ask."""
    if not is_part(tensor):
        return tensor
    whole: Tensor = tensor.full_tensor()  # type: ignore[attr-defined]
    return whole
