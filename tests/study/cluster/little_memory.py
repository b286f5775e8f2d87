"""A plugin for processes whose second worker has no room for more than eight texts that are trained at a time."""

from typing import Any

import torch
from torch import distributed
from torch.nn.modules.module import register_module_forward_pre_hook

from trainables.encoders.model import Encoder

TEXTS = 8


def _check(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
    is_short = distributed.is_initialized() and distributed.get_rank() == 1
    if is_short and isinstance(module, Encoder) and module.training and len(inputs[0]) > TEXTS:
        raise torch.OutOfMemoryError("CUDA out of memory.")


register_module_forward_pre_hook(_check)
