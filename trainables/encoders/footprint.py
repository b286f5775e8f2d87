"""The memory that training an encoder takes, found without allocating it."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOKENS = 32
"""What is kept grows with the tokens; a few show how much for each."""


def kept_bytes_per_token(transformer: "PreTrainedModel", width: int) -> float:
    """Returns the bytes per token that a forward pass in float32 keeps for its backward pass, parameters left aside.

    Args:
        transformer: on the meta device, so that nothing is allocated or computed, in training mode.
        width: of its embeddings.
    """
    parameters = {parameter.untyped_storage()._cdata for parameter in transformer.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()._cdata
        if storage not in parameters:
            # The tensor itself is held, so that its storage keeps its identity.
            kept[storage] = tensor
        return tensor

    embedded = torch.zeros(1, _TOKENS, width, device="meta", requires_grad=True)
    # A mask that is whole already: one made from tokens would be looked at, and nothing can be seen here.
    looked_at = getattr(transformer.config, "is_causal", None) is not None
    whole = torch.ones(1, 1, _TOKENS, _TOKENS, dtype=torch.bool, device="meta") if looked_at else None
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = transformer(inputs_embeds=embedded, attention_mask=whole).last_hidden_state
    total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values()) + output.untyped_storage().nbytes()
    return float(total / _TOKENS)
