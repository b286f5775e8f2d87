"""What a static encoder has in the place of a transformer: a table of token vectors, whose mean a text has."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from trainables.encoders.tokenizer import nothing_id
from trainables.encoders.weight_files import check_whole
from trainables.errors import UserError

_FILE = "model.safetensors"
_TABLE = "embedding.weight"
"""What sentence-transformers calls the table, and the names that model2vec has: rows, the row of every token, and what
that is multiplied by."""
_ROWS, _ROW_OF, _FACTOR = "embeddings", "mapping", "weights"


class TokenVectors(nn.Module):
    """The mean of the vectors of a text's tokens; a text without any token has the vector zero.

    Args:
        table: a vector for every token id, [V, d].
        pieces: ids from here on, and ids that are masked, are no tokens.
        padding: id of some token.
    """

    def __init__(self, table: nn.Embedding, pieces: int, padding: int) -> None:
        super().__init__()
        self.embedding: Any = table
        self.config = PretrainedConfig(
            vocab_size=table.num_embeddings, hidden_size=table.embedding_dim, num_hidden_layers=0
        )
        self._pieces, self._padding = pieces, padding

    def get_input_embeddings(self) -> Any:
        """The table."""
        return self.embedding

    def set_input_embeddings(self, table: nn.Module) -> None:
        """Takes another table of as many ids."""
        self.embedding = table

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [B, T] to means [B, d], float32."""
        is_token = attention_mask & (input_ids < self._pieces)
        ids = torch.where(is_token, input_ids, self._padding)
        weight: Tensor = self.embedding.weight
        # Of a trimmed vocabulary (vocabulary.py).
        place = getattr(self.embedding, "place", None)
        counted = is_token.to(weight.dtype)
        sums = functional.embedding_bag(
            ids if place is None else place[ids], weight, mode="sum", per_sample_weights=counted
        )
        means: Tensor = sums / counted.sum(1, keepdim=True).clamp(min=1)
        return means.float()

    def save_pretrained(self, folder: Path) -> None:
        """Writes the table as sentence-transformers reads it."""
        folder.mkdir(parents=True, exist_ok=True)
        table: Tensor = self.embedding.weight
        save_file({_TABLE: table.detach().cpu().contiguous()}, folder / _FILE, metadata={"format": "pt"})


def load_token_vectors(folder: Path, source: str, tokenizer: PreTrainedTokenizerBase) -> TokenVectors:
    """Reads a table, in float32; raises UserError if it does not load or fit its tokenizer.

    Args:
        folder: where it lies.
        source: what messages call the checkpoint.
        tokenizer: of `load_plain_tokenizer`.
    """
    file = _file(folder)
    rows, _ = _size(file)
    pieces = nothing_id(tokenizer)
    if pieces is None or pieces > rows:
        last = len(tokenizer) if pieces is None else pieces - 1
        raise UserError(
            f"The tokenizer of {source!r} gives ids up to {last}, and its table has {rows} rows: give the tokenizer "
            "that belongs to the table."
        )
    weights = load_file(file)
    table = weights[_TABLE] if _TABLE in weights else weights[_ROWS]
    if _ROW_OF in weights:
        row_of = weights[_ROW_OF]
        if row_of.is_floating_point() or not ((row_of >= 0) & (row_of < len(table))).all():
            raise UserError(f"{file}: {_ROW_OF} names rows that its {len(table)} vectors do not have: fetch it again.")
        table = table[row_of.long()]
    table = table.float()
    if _FACTOR in weights:
        table = table * weights[_FACTOR].float().unsqueeze(1)
    if not table.isfinite().all():
        raise UserError(f"{file} holds NaN or infinity: fetch it again.")
    return TokenVectors(nn.Embedding.from_pretrained(table, freeze=False), pieces, int(tokenizer.pad_token_id))


def empty_token_vectors(folder: Path) -> TokenVectors:
    """The same on the meta device; raises UserError likewise."""
    rows, width = _size(_file(folder))
    return TokenVectors(nn.Embedding(rows, width, device="meta"), rows, padding=0)


def _file(folder: Path) -> Path:
    file = folder / _FILE
    if not file.is_file():
        raise UserError(f"{folder} has no {_FILE}: fetch it, or convert its weights.")
    check_whole(file)
    return file


def _size(file: Path) -> tuple[int, int]:
    """Token ids that have a vector, and its components; raises UserError for tensors that are not known here."""
    with safe_open(file, "pt") as content:
        slices = {name: content.get_slice(name) for name in content.keys()}  # noqa: SIM118
        shapes = {name: tuple(one.get_shape()) for name, one in slices.items()}
        kinds = {name: str(one.get_dtype()) for name, one in slices.items()}
    table = _TABLE if _TABLE in shapes else _ROWS
    known = {_TABLE} if table == _TABLE else {_ROWS, _ROW_OF, _FACTOR}
    if table not in shapes or shapes.keys() - known:
        names = ", ".join(sorted(shapes)) or "no tensor"
        raise UserError(f"{file} holds {names}, and a table of token vectors is {_TABLE}: give another checkpoint.")
    rows = shapes.get(_ROW_OF, shapes[table])[0]
    vector_of_rows = all(len(shapes.get(name, (0,))) == 1 for name in (_ROW_OF, _FACTOR))
    if len(shapes[table]) != 2 or not vector_of_rows or shapes.get(_FACTOR, (rows,))[0] != rows:
        raise UserError(f"{file} holds tensors of the shapes {shapes}, which are no table: fetch it again.")
    if not kinds[table].startswith(("F", "BF")):
        raise UserError(f"{file} holds numbers of the kind {kinds[table]}, which cannot be trained: give floats.")
    return rows, shapes[table][1]
