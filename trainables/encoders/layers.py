"""What may follow the pooling: dense layers and scaling to length one, as sentence-transformers keeps them."""

from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from trainables.encoders.json_files import read_json
from trainables.encoders.modules import activation_of
from trainables.errors import UserError, one_line


class Normalize(nn.Module):
    """Scales a vector to length one."""

    def forward(self, vectors: Tensor) -> Tensor:
        """[B, d] to [B, d]."""
        return normalize(vectors, dim=-1)


class Dense(nn.Module):
    """A linear layer and its activation."""

    def __init__(self, linear: nn.Linear, activation: str = "Tanh") -> None:
        super().__init__()
        self.linear = linear
        self.activation: nn.Module = getattr(nn, activation)()

    def forward(self, vectors: Tensor) -> Tensor:
        """[B, d] to [B, e]."""
        result: Tensor = self.activation(self.linear(vectors))
        return result

    @property
    def settings(self) -> dict[str, Any]:
        """The config.json of this layer."""
        kind = type(self.activation)
        return {
            "in_features": self.linear.in_features,
            "out_features": self.linear.out_features,
            "bias": self.linear.bias is not None,
            "activation_function": f"{kind.__module__}.{kind.__qualname__}",
        }


def first_components(width: int, kept: int) -> Dense:
    """Returns the dense layer that keeps the first components of a vector as they are."""
    layer = Dense(nn.utils.skip_init(nn.Linear, width, kept, bias=False), "Identity")
    nn.init.eye_(layer.linear.weight)
    return layer


def keeps_first_components(layer: nn.Module) -> TypeGuard[Dense]:
    """Whether a layer is one of `first_components`."""
    return (
        isinstance(layer, Dense)
        and isinstance(layer.activation, nn.Identity)
        and layer.linear.bias is None
        and torch.equal(layer.linear.weight, torch.eye(*layer.linear.weight.shape))
    )


def load_dense(folder: Path) -> Dense:
    """Reads a dense layer from its folder. Raises UserError if its weights are not those that its config.json names."""
    from safetensors.torch import load_file

    settings = read_json(folder / "config.json")
    file = folder / "model.safetensors"
    try:
        weights = {name: weight.float() for name, weight in load_file(file).items()}
        linear = nn.utils.skip_init(
            nn.Linear, settings["in_features"], settings["out_features"], bias=settings.get("bias", True)
        )
        layer = Dense(linear, activation_of(settings))
        layer.load_state_dict(weights)
    except Exception as error:
        # A damaged file, a tensor that is not there, one of another shape: each has an exception of its own.
        raise UserError(f"{file} is not the layer of this encoder ({one_line(error)}): fetch it again.") from error
    if not all(bool(torch.isfinite(weight).all()) for weight in weights.values()):
        raise UserError(f"{file} holds NaN or infinity: fetch it again.")
    return layer
