"""Token ids of many texts in two arrays, and rectangular batches cut from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerBase

from trainables.errors import UserError

_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class TokenTable:
    """The token ids of n texts, special tokens included; both arrays may be read-only (shared memory)."""

    ids: npt.NDArray[np.int32]
    """All ids, one text after the other."""
    offsets: npt.NDArray[np.int64]
    """[n + 1]; text i is `ids[offsets[i]:offsets[i + 1]]`."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """[n], tokens per text, at least 1."""
        return np.diff(self.offsets)


def tokenise(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, prefix: str, max_length: int) -> TokenTable:
    """Returns the ids of `prefix + text`, cut to `max_length` tokens with the special tokens kept.

    Equal to `tokenizer(prefix + text, truncation=True, max_length=max_length)`. No text is left without a token.
    Raises UserError if `max_length` leaves no room for text.
    """
    if max_length <= tokenizer.num_special_tokens_to_add():
        raise UserError(f"A maximal length of {max_length} tokens leaves no room beside the special tokens: raise it.")
    parts: list[npt.NDArray[np.int32]] = []
    lengths = np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _CHUNK):
        rows = tokenizer(
            [prefix + text for text in texts[start : start + _CHUNK]],
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        rows = [row or [_stand_in(tokenizer)] for row in rows]
        row_lengths = [len(row) for row in rows]
        lengths[start : start + len(rows)] = row_lengths
        parts.append(np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=sum(row_lengths)))
    ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
    return TokenTable(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def pad(
    table: TokenTable, indices: npt.ArrayLike, pad_id: int, multiple_of: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns (input ids int64 [B, T], attention mask bool [B, T]) of some texts, padded on the right.

    Args:
        table: all texts.
        indices: [B], which of them.
        pad_id: token id of the padding.
        multiple_of: T, the longest text, is rounded up to a multiple of it (tensor cores, fewer shapes to compile).
    """
    rows = np.asarray(indices, dtype=np.int64)
    starts = table.offsets[rows]
    lengths = table.offsets[rows + 1] - starts
    width = -(-int(lengths.max(initial=1)) // multiple_of) * multiple_of
    columns = np.arange(width)
    mask = columns < lengths[:, None]
    # Positions behind a text read some other text's ids, which the mask then replaces.
    positions = np.minimum(starts[:, None] + columns, len(table.ids) - 1)
    ids = np.where(mask, table.ids[positions], np.int64(pad_id))
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _stand_in(tokenizer: PreTrainedTokenizerBase) -> int:
    """Returns what stands for an empty text where the tokenizer adds no special tokens."""
    for token in (tokenizer.eos_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id):
        if token is not None:
            return int(token)
    raise UserError("An empty text has no token in a tokenizer without special tokens: remove empty texts.")
