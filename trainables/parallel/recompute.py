"""Transformer layers of an encoder, and forgetting what they computed until the backward pass asks for it again."""

from collections.abc import Iterator
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from trainables.encoders.model import Encoder
from trainables.errors import UserError


def transformer_layers(encoder: Encoder) -> list[nn.Module]:
    """Returns the layers of which the transformer is a stack: the members of its outermost lists of modules.

    Raises UserError if it has none.
    """
    found = [layer for transformer in encoder.transformers for layer in _outermost(transformer)]
    if not found:
        raise UserError(
            f"The encoder {encoder.config.name!r} has no list of layers that could be sharded, compiled or computed "
            "again: set compute.parallel to replicated, compute.compile and compute.activation_checkpointing to false."
        )
    return found


def _outermost(transformer: nn.Module) -> Iterator[nn.Module]:
    """The members of its outermost lists of modules."""
    inside: list[str] = []
    for name, module in transformer.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) and not any(name.startswith(f"{one}.") for one in inside):
            inside.append(name)
            yield from module


def recompute_activations(encoder: Encoder) -> None:
    """Makes every transformer layer keep only its input for the backward pass, which then runs the layer once more.

    Less memory for a third more work; loss and gradient stay the same, dropout and precision included. The method of a
    layer is replaced, and not the layer, so that names of weights stay what they are.
    """
    for layer in transformer_layers(encoder):
        # Dropout is drawn again from the state it was drawn from, and autocast is set as it was.
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
