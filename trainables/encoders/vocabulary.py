"""An encoder with the part of its vocabulary that the texts of a study use: less to hold and to update, equal vectors.

Two thirds of a multilingual encoder may be embeddings of pieces that a study never meets. Token ids stay those of the
tokenizer, and the embedding looks up where their rows have gone, so that nothing else needs to know.
"""

from collections.abc import Callable
from typing import Any, Literal

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


def trim_where_told(
    encoder: Encoder, choice: bool | Literal["auto"], pieces: Callable[[], npt.NDArray[np.int64]]
) -> None:
    """Trims an encoder if `choice` says so; "auto": every table of it that is known to be no more than rows, is
    trained, and of which at most half is used, so that there is something to gain.

    Args:
        encoder: changed in place.
        choice: `compute.trim_vocabulary`.
        pieces: gives the ids that are used, for `trim_vocabulary`.

    Raises:
        UserError: as `trim_vocabulary`, where it was told.
    """
    if choice is True:
        trim_vocabulary(encoder, pieces())
    elif choice == "auto" and encoder.is_known:
        tables = [transformer.get_input_embeddings() for transformer in encoder.transformers]
        if not any(_is_plain(table) and table.weight.requires_grad for table in tables):
            return
        for transformer, own in encoder.tables(pieces()):
            table = transformer.get_input_embeddings()
            if _is_plain(table) and table.weight.requires_grad and 2 * len(own) <= table.num_embeddings:
                _trim(transformer, own)


def trim_vocabulary(encoder: Encoder, pieces: npt.NDArray[np.int64]) -> None:
    """Leaves an encoder only the embeddings of some pieces; texts made of these have the vectors that they had.

    Training does the same to them, too: rows that no text uses get no gradient, and what the weight decay does to them
    `restore_vocabulary` makes good.

    Args:
        encoder: changed in place.
        pieces: ascending ids, that of the padding among them.

    Raises:
        UserError: its token embeddings are more than a table.
    """
    for transformer, own in encoder.tables(pieces):
        table = transformer.get_input_embeddings()
        if not _is_plain(table):
            raise UserError(
                f"The token embeddings of {encoder.config.name!r} are not a plain table ({type(table).__name__}), of "
                "which rows could be left out: set compute.trim_vocabulary to false."
            )
        _trim(transformer, own)


def _trim(transformer: Any, pieces: npt.NDArray[np.int64]) -> None:
    table = transformer.get_input_embeddings()
    # What stands for a text without tokens has no row.
    transformer.set_input_embeddings(TrimmedEmbedding(table, pieces[pieces < table.num_embeddings]))


def _is_plain(table: object) -> bool:
    return type(table) is nn.Embedding and table.max_norm is None and not table.scale_grad_by_freq and not table.sparse


def restore_vocabulary(encoder: Encoder, original: Callable[[], Encoder], decay: float) -> None:
    """Undoes what was trimmed, if anything was: every piece has its row again, trained where it was kept, else decayed.

    Args:
        encoder: changed in place.
        original: builds the encoder as it was; its table is taken.
        decay: what the weight decay of the training leaves of a weight without gradient (`optimiser.decay_of`).
    """
    if not any(isinstance(module, TrimmedEmbedding) for module in encoder.modules()):
        return
    for transformer, whole in zip(encoder.transformers, original().transformers, strict=True):
        trimmed, table = (one.get_input_embeddings() for one in (transformer, whole))
        if not isinstance(trimmed, TrimmedEmbedding):
            continue
        with torch.no_grad():
            if trimmed.weight.requires_grad:
                table.weight *= decay
            table.weight[trimmed.pieces.cpu()] = trimmed.weight.cpu()
        transformer.set_input_embeddings(table.to(trimmed.weight.device))
