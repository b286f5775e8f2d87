"""Transformer layers of an encoder, compiled."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from trainables.encoders.model import Encoder
from trainables.parallel.recompute import transformer_layers


def compile_layers(encoder: Encoder) -> None:
    """Makes every transformer layer compute training steps by code that is compiled at the first of them.

    Layer by layer, and not as a whole, since all layers then share what is compiled for the first. The method of a
    layer is replaced, and not the layer, so that names of weights stay what they are.
    """
    for layer in transformer_layers(encoder):
        layer.forward = _in_training(layer, layer.forward, torch.compile(layer.forward, dynamic=True))


def _in_training(layer: nn.Module, plain: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
    def forward(*values: Any, **options: Any) -> Any:
        return (compiled if layer.training else plain)(*values, **options)

    return forward
