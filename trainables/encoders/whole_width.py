"""A text half that reads texts padded to its whole width, padding included, as it was trained."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput


class WholeWidth(nn.Module):
    """Gives every token the vector of its text, so that whatever is pooled is that vector.

    Args:
        model: of texts; its `pooler_output` is the vector.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: Any = model
        self.padding = 0
        """Token id of the padding, which is read."""

    @property
    def config(self) -> Any:
        """Of the model."""
        return self.model.config

    def get_input_embeddings(self) -> Any:
        """The table of token embeddings."""
        return self.model.get_input_embeddings()

    def set_input_embeddings(self, table: nn.Module) -> None:
        """Takes another table."""
        self.model.set_input_embeddings(table)

    def save_pretrained(self, folder: Any) -> None:
        """Writes the model."""
        self.model.save_pretrained(folder)

    def forward(
        self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, inputs_embeds: Any = None
    ) -> BaseModelOutput:
        """Ids and mask [B, T] to an output with `last_hidden_state` [B, T, d]."""
        if input_ids is None or attention_mask is None:
            raise NotImplementedError("embedded tokens have no padding")
        texts, width = input_ids.shape
        whole = input_ids.new_full((texts, self.config.max_position_embeddings), self.padding)
        whole[:, :width] = torch.where(attention_mask, input_ids, self.padding)
        vectors: Tensor = self.model(input_ids=whole).pooler_output
        return BaseModelOutput(last_hidden_state=vectors.unsqueeze(1).expand(-1, width, -1))
