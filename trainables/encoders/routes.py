"""An encoder of queries beside one of passages, told apart by their token ids."""

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase
from typing_extensions import override

from trainables.encoders.base import EncoderConfig
from trainables.encoders.model import Encoder
from trainables.encoders.module_list import DOCUMENT, QUERY, transformer_folder
from trainables.encoders.modules import NORMALIZE
from trainables.encoders.packing import Packing
from trainables.encoders.pooling import moved_to_the_front
from trainables.encoders.routed import RoutedEncoder
from trainables.encoders.tokenizer import first_id, of_passages
from trainables.errors import UserError


class Routes(Encoder):
    """Token ids of queries and of passages to unit vectors; they may share what both go through.

    Args:
        config: of the whole.
        queries: encoder of queries.
        passages: encoder of passages.
        first: id from which on ids are those of passages, as many more than those of their own tokenizer.
        paddings: id of the padding of each of the two.
    """

    def __init__(
        self, config: EncoderConfig, queries: Encoder, passages: Encoder, first: int, paddings: tuple[int, int]
    ) -> None:
        nn.Module.__init__(self)
        self.config = config
        self.queries, self.passages = queries, passages
        self._first, self._paddings = first, paddings

    @property
    @override
    def sides(self) -> tuple[Encoder, Encoder]:
        return self.queries, self.passages

    @property
    @override
    def uncut_dimension(self) -> int:
        return self.queries.uncut_dimension

    @property
    @override
    def can_pack(self) -> bool:
        return False

    @override
    def tables(self, pieces: npt.NDArray[np.int64]) -> list[tuple[Any, npt.NDArray[np.int64]]]:
        own = (pieces[pieces < self._first], pieces[pieces >= self._first] - self._first)
        found: dict[int, tuple[Any, npt.NDArray[np.int64]]] = {}
        for side, ids, padding in zip(self.sides, own, self._paddings, strict=True):
            _, known = found.get(id(side.transformer), (None, np.zeros(0, dtype=np.int64)))
            found[id(side.transformer)] = side.transformer, np.union1d(np.union1d(known, ids), [padding])
        return list(found.values())

    @override
    def forward(self, input_ids: Tensor, attention_mask: Tensor, packing: Packing | None = None) -> Tensor:
        """As `Encoder.forward`; a row of ids from `first` on is a passage."""
        ids, mask = moved_to_the_front(input_ids, attention_mask)
        is_passage = ids[:, 0] >= self._first
        parts: list[Tensor] = []
        places: list[Tensor] = []
        firsts = (0, self._first)
        for side, rows, first, padding in zip(
            self.sides, (~is_passage, is_passage), firsts, self._paddings, strict=True
        ):
            place = torch.nonzero(rows).flatten()
            if len(place):
                own = mask[place]
                # What stands beside them may be longer than a text here can be.
                longest = int((own > 0).sum(1).max())
                own = own[:, :longest]
                parts.append(side(torch.where(own > 0, ids[place, :longest] - first, padding), own))
                places.append(place)
        if len(parts) == 1:
            return parts[0]
        return torch.cat(parts).index_select(0, torch.argsort(torch.cat(places)))


def load_routes(config: RoutedEncoder, tokenizer: PreTrainedTokenizerBase, seed: int) -> Routes:
    """Returns the encoder of a checkpoint with a Router; raises UserError if it does not load.

    Args:
        config: of it.
        tokenizer: of queries, which knows that of passages.
        seed: draws what a side draws.
    """
    tokenizers = tokenizer, of_passages(tokenizer)
    queries, passages = (
        config.side(route).build(one, seed) for route, one in zip((QUERY, DOCUMENT), tokenizers, strict=True)
    )
    _share(config, queries, passages)
    if queries.dimension != passages.dimension:
        raise UserError(
            f"The encoder {config.name!r} gives queries {queries.dimension} components and passages "
            f"{passages.dimension}, which cannot be compared: give another model, or set encoder.dimensions."
        )
    paddings = tuple(int(one.pad_token_id) for one in tokenizers)
    return Routes(config, queries, passages, first_id(tokenizers[1]), (paddings[0], paddings[1])).train()


def empty_routes(config: RoutedEncoder) -> Routes:
    """The same on the meta device."""
    tokenizer = config.tokenizer()
    tokenizers = tokenizer, of_passages(tokenizer)
    queries, passages = (
        config.side(route).skeleton(len(one)) for route, one in zip((QUERY, DOCUMENT), tokenizers, strict=True)
    )
    _share(config, queries, passages)
    paddings = tuple(int(one.pad_token_id) for one in tokenizers)
    return Routes(config, queries, passages, first_id(tokenizers[1]), (paddings[0], paddings[1])).train()


def _share(config: RoutedEncoder, queries: Encoder, passages: Encoder) -> None:
    """Makes one of what both routes have: modules that lie in one folder."""
    folder = config.folder()
    if transformer_folder(folder, QUERY) == transformer_folder(folder, DOCUMENT):
        passages.transformer = queries.transformer
    ours, theirs = (config.side(route).layers for route in (QUERY, DOCUMENT))
    for (place, name), (other, same) in product(enumerate(ours), enumerate(theirs)):
        if name == same != NORMALIZE and place < len(queries.layers) and other < len(passages.layers):
            passages.layers[other] = queries.layers[place]
