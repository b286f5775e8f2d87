"""AdamW, its learning rate over the steps, and its state as named tensors.

>>> config = OptimiserConfig(learning_rate=0.1, warmup_share=0.4)
>>> [round(learning_rate(config, 5, step), 3) for step in range(5)]
[0.05, 0.1, 0.1, 0.067, 0.033]
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from trainables.training.config import OptimiserConfig


def learning_rate(config: OptimiserConfig, steps: int, step: int) -> float:
    """Returns the learning rate of a step: a linear rise, then the decay.

    Args:
        config: largest learning rate, share of the rise, form of the decay.
        steps: steps of the training.
        step: 0 .. steps - 1.
    """
    warmup = round(config.warmup_share * steps)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / (steps - warmup)
    match config.decay:
        case "linear":
            return config.learning_rate * (1 - progress)
        case "cosine":
            return config.learning_rate * (1 + math.cos(math.pi * progress)) / 2
        case "constant":
            return config.learning_rate


def decay_of(config: OptimiserConfig, steps: int) -> float:
    """Returns what so many steps leave of a matrix that gets no gradient, as a share of it."""
    return math.prod(1 - learning_rate(config, steps, step) * config.weight_decay for step in range(steps))


def trainable_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """Returns the parameters that a gradient moves, by name, each once."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def build_optimiser(parameters: dict[str, nn.Parameter], config: OptimiserConfig) -> torch.optim.AdamW:
    """Returns AdamW (arXiv 1711.05101) that decays matrices but no biases and no normalisation weights."""
    matrices = [p for p in parameters.values() if p.dim() >= 2]
    vectors = [p for p in parameters.values() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        [g for g in groups if g["params"]], lr=config.learning_rate, betas=config.betas, fused=True
    )


def optimiser_state(optimiser: torch.optim.AdamW, parameters: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    """Returns the moments and step counts as `<parameter>/<quantity>`; empty before the first step."""
    return {
        f"{name}/{quantity}": value.detach()
        for name, parameter in parameters.items()
        for quantity, value in optimiser.state.get(parameter, {}).items()
    }


def restore_optimiser(
    optimiser: torch.optim.AdamW, parameters: dict[str, nn.Parameter], state: Mapping[str, Tensor]
) -> None:
    """Puts back what `optimiser_state` returned."""
    for key, value in state.items():
        name, quantity = key.rsplit("/", 1)
        optimiser.state[parameters[name]][quantity] = value.to(parameters[name].device, copy=True)
