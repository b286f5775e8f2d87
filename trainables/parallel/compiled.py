"""Transformer layers of an encoder, compiled."""

import os
from collections.abc import Callable
from shutil import which
from typing import Any

import torch
from torch import nn

from trainables.encoders.model import Encoder
from trainables.errors import UserError
from trainables.parallel.recompute import transformer_layers


def compile_layers(encoder: Encoder) -> None:
    """Makes every transformer layer compute training steps by code that is compiled at the first of them.

    Layer by layer, and not as a whole, since all layers then share what is compiled for the first. The method of a
    layer is replaced, and not the layer, so that names of weights stay what they are.

    Raises UserError without a compiler, or without layers.
    """
    find_compiler()
    for layer in transformer_layers(encoder):
        layer.forward = _in_training(layer, layer.forward, torch.compile(layer.forward, dynamic=True))


def find_compiler() -> None:
    """Raises UserError if PyTorch finds none of the compilers of C++ that it looks for."""
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "c++", "clang++"]
    if not any(which(name) for name in names):
        raise UserError(
            f"compute.compile is true, but there is no compiler of C++ here ({', '.join(names)}): install g++ on every "
            "machine, or set compute.compile to false."
        )


def _in_training(layer: nn.Module, plain: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
    def forward(*values: Any, **options: Any) -> Any:
        return (compiled if layer.training else plain)(*values, **options)

    return forward
