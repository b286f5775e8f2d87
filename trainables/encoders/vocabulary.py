"""An encoder with the part of its vocabulary that the texts of a study use: less to hold and to update, equal vectors.

Two thirds of a multilingual encoder may be embeddings of pieces that a study never meets. Token ids stay those of the
tokenizer, and the embedding looks up where their rows have gone, so that nothing else needs to know.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.encoders.model import Encoder
from trainables.errors import UserError


class TrimmedEmbedding(nn.Module):
    """Some rows of an embedding table, found by their ids in the whole table; other ids are an error.

    Args:
        whole: the table, [V, d].
        pieces: ascending ids of the rows that are kept.
    """

    def __init__(self, whole: nn.Embedding, pieces: npt.NDArray[np.int64]) -> None:
        super().__init__()
        kept = torch.from_numpy(pieces).to(whole.weight.device)
        self.weight = nn.Parameter(whole.weight.detach()[kept], requires_grad=whole.weight.requires_grad)
        place = torch.full((whole.num_embeddings,), -1, device=kept.device)
        place[kept] = torch.arange(len(kept), device=kept.device)
        self.place: Tensor
        self.register_buffer("place", place, persistent=False)
        # From the ids, because the tensors may be without their numbers.
        where = np.flatnonzero(pieces == (-1 if whole.padding_idx is None else whole.padding_idx))
        self._padding = int(where[0]) if len(where) else None

    @property
    def pieces(self) -> Tensor:
        """The ids of the rows, ascending."""
        return torch.nonzero(self.place >= 0).flatten()

    def forward(self, ids: Tensor) -> Tensor:
        """The rows of ids."""
        return functional.embedding(self.place[ids], self.weight, self._padding)


def trim_vocabulary(encoder: Encoder, pieces: npt.NDArray[np.int64]) -> None:
    """Leaves an encoder only the embeddings of some pieces; texts made of these have the vectors that they had.

    Training does the same to them, too: rows that no text uses get no gradient. Only the weight decay, which would have
    shrunk them, now leaves them as they are.

    Args:
        encoder: changed in place.
        pieces: ascending ids, that of the padding among them.

    Raises:
        UserError: its token embeddings are more than a table.
    """
    for transformer, own in encoder.tables(pieces):
        table = transformer.get_input_embeddings()
        if type(table) is not nn.Embedding or table.max_norm is not None or table.scale_grad_by_freq or table.sparse:
            raise UserError(
                f"The token embeddings of {encoder.config.name!r} are not a plain table ({type(table).__name__}), of "
                "which rows could be left out: set compute.trim_vocabulary to false."
            )
        # What stands for a text without tokens has no row.
        transformer.set_input_embeddings(TrimmedEmbedding(table, own[own < table.num_embeddings]))


def restore_vocabulary(encoder: Encoder, original: Encoder) -> None:
    """Undoes `trim_vocabulary`: every piece has its row again, trained where it was kept, else as it came.

    Args:
        encoder: changed in place.
        original: the encoder as it was built; its table is taken.
    """
    for transformer, whole in zip(encoder.transformers, original.transformers, strict=True):
        trimmed, table = (one.get_input_embeddings() for one in (transformer, whole))
        with torch.no_grad():
            table.weight[trimmed.pieces.cpu()] = trimmed.weight.cpu()
        transformer.set_input_embeddings(table.to(trimmed.weight.device))
