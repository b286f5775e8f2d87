"""Transformer layers of an encoder, compiled."""

from collections.abc import Callable
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

    What was compiled for another encoder of this process is forgotten: after a few, PyTorch would compile no more, and
    the numbers of a trial would depend on which trials its process has run before.

    Raises UserError without a compiler, or without layers.
    """
    find_compiler()
    torch.compiler.reset()
    for layer in transformer_layers(encoder):
        layer.forward = _in_training(layer, layer.forward, torch.compile(layer.forward, dynamic=True))


def find_compiler() -> None:
    """Raises UserError if PyTorch finds none of the compilers of C++ that it looks for."""
    # Loading it takes a second or two, and few trials compile.
    from torch._inductor import config, cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        cpp_builder.get_cpp_compiler()
    except (InvalidCxxCompiler, OSError) as error:
        names = ", ".join(name for name in config.cpp.cxx if name)
        raise UserError(
            f"compute.compile is true, but there is no compiler of C++ here that PyTorch would take ({names}): install "
            "g++ on every machine, name another one in the variable CXX, or set compute.compile to false."
        ) from error


def _in_training(layer: nn.Module, plain: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
    def forward(*values: Any, **options: Any) -> Any:
        return (compiled if layer.training else plain)(*values, **options)

    return forward
