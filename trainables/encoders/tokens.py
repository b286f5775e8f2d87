"""Token ids of many texts in two arrays, and rectangular batches cut from them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import numpy.typing as npt
import tokenizers
import torch
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from trainables.array_cache import ArrayCache
from trainables.corpora.pairs import fingerprint
from trainables.encoders.pooling import PROMPT
from trainables.encoders.tokenizer import first_id, nothing_id, pools_prompt
from trainables.errors import UserError, one_line
from trainables.watch import Watch, unwatched

_CHUNK = 4096

_MANY = 100_000
"""From so many texts on it takes longer to tokenise them than to read what was kept of them."""


@dataclass(frozen=True, eq=False)
class TokenTable:
    """The token ids of n texts, special tokens included; both arrays may be read-only (shared memory)."""

    ids: npt.NDArray[np.int32]
    """All ids, one text after the other."""
    offsets: npt.NDArray[np.int64]
    """[n + 1]; text i is `ids[offsets[i]:offsets[i + 1]]`."""
    prompt: int = 0
    """First tokens of every text that are read but not pooled."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def digest(self) -> str:
        """sha256 of all ids, of where each text begins, and of what of it is not pooled."""
        return fingerprint([[str(self.prompt)]] if self.prompt else [], [self.ids, self.offsets])

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """[n], tokens per text, at least 1; 0 where `among` has left texts out."""
        return np.diff(self.offsets)

    def among(self, rows: npt.NDArray[np.integer], size: int) -> "TokenTable":
        """The table of `size` texts of which these, in this order, are the ascending `rows`; the others have no ids."""
        lengths = np.zeros(size, dtype=np.int64)
        lengths[rows] = self.lengths
        return TokenTable(self.ids, _offsets(lengths), self.prompt)

    def with_images(self, numbers: npt.NDArray[np.int64], tokens: int) -> "TokenTable":
        """The table with images in some rows, which have no ids so far.

        An image stands as many times as it has tokens, so that lengths tell what it costs; as the id -1 - number.

        Args:
            numbers: [n], of the image in a row, -1 where there is none.
            tokens: that an image is read as.
        """
        is_image = numbers >= 0
        lengths = np.where(is_image, tokens, self.lengths)
        offsets = _offsets(lengths)
        ids = np.empty(offsets[-1], dtype=np.int32)
        ids[np.repeat(~is_image, lengths)] = self.ids
        ids[np.repeat(is_image, lengths)] = np.repeat(-1 - numbers[is_image], tokens)
        return TokenTable(ids, offsets, self.prompt)


def tokenise(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    prefix: str,
    max_length: int,
    cache: ArrayCache | None = None,
    watch: Watch = unwatched,
) -> TokenTable:
    """Returns the ids of `prefix + text`, cut to `max_length` tokens with the special tokens kept.

    Equal to `tokenizer(prefix + text, truncation=True, max_length=max_length)`, and `first_id` more. No text is left
    without a token.

    Args:
        texts: n texts.
        tokenizer: of the encoder.
        prefix: stands in front of every text.
        max_length: most tokens of a text.
        cache: where the ids of many texts are kept on disk, to be read by other studies, and mapped from there.
        watch: shows how far it is.

    Raises:
        UserError: `max_length` leaves no room for text.
    """
    if max_length <= tokenizer.num_special_tokens_to_add():
        raise UserError(f"A maximal length of {max_length} tokens leaves no room beside the special tokens: raise it.")
    prompt = 0 if pools_prompt(tokenizer) else _prompt_length(tokenizer, prefix)
    known = None if cache is None or len(texts) < _MANY else _content(texts, tokenizer, prefix, max_length, watch)
    lengths = np.zeros(len(texts), dtype=np.int64)
    parts = _ids(watch(texts, "tokenising", len(texts)), tokenizer, prefix, max_length, lengths)
    if cache is None or known is None:
        ids = np.concatenate(list(parts)) if len(texts) else np.zeros(0, dtype=np.int32)
        return TokenTable(ids, _offsets(lengths), prompt)
    # The offsets are known when the ids have been written.
    found = cache.arrays(known, lambda: {"ids": parts, "offsets": (_offsets(lengths) for _ in range(1))})
    return TokenTable(found["ids"], found["offsets"], prompt)


def _prompt_length(tokenizer: PreTrainedTokenizerBase, prefix: str) -> int:
    """The tokens of a prefix, those that begin every text included, as sentence-transformers counts them."""
    ids = tokenizer(prefix)["input_ids"] if prefix else []
    return len(ids) - (len(ids) > 0 and ids[-1] in tokenizer.all_special_ids)


def _ids(
    texts: Iterable[str],
    tokenizer: PreTrainedTokenizerBase,
    prefix: str,
    max_length: int,
    lengths: npt.NDArray[np.int64],
) -> Iterator[npt.NDArray[np.int32]]:
    """Yields the ids of all texts, some texts at a time, and writes how many each of them has."""
    start, left = 0, iter(texts)
    while chunk := list(islice(left, _CHUNK)):
        try:
            rows = tokenizer(
                [prefix + text for text in chunk],
                truncation=True,
                max_length=max_length,
                return_attention_mask=False,
                return_token_type_ids=False,
            )["input_ids"]
        except Exception as error:
            # What the tokenizers library raises has no class of its own.
            if type(error) is not Exception:
                raise
            raise UserError(
                f"The tokenizer of {tokenizer.name_or_path!r} cannot read a text ({one_line(error)}): mend its "
                "tokenizer.json."
            ) from error
        rows = [row or [_stand_in(tokenizer)] for row in rows]
        row_lengths = [len(row) for row in rows]
        lengths[start : start + len(rows)] = row_lengths
        start += len(rows)
        yield np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=sum(row_lengths)) + first_id(tokenizer)


def _offsets(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _content(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, prefix: str, max_length: int, watch: Watch
) -> str | None:
    """What the ids follow from; None where a tokenizer does not say what it does."""
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        return None
    does = f"{tokenizers.__version__} {tokenizer.padding_side} {tokenizer.truncation_side} {tokenizer.eos_token_id}"
    if (nothing := nothing_id(tokenizer)) is not None:
        does += f" {nothing}"
    if first := first_id(tokenizer):
        does += f" from {first}"
    return f"{does} {prefix!r} {max_length} {fingerprint([texts], [], watch)} {tokenizer.backend_tokenizer.to_str()}"


def pad(table: TokenTable, indices: npt.ArrayLike, pad_id: int, width: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns (input ids int64 [B, T], attention mask bool [B, T]) of some texts, padded on the right.

    Where tokens of a prompt are not pooled, the mask is int8, and `pooling.PROMPT` at their places.

    Args:
        table: all texts.
        indices: [B], which of them.
        pad_id: token id of the padding.
        width: least T, which else is the length of the longest text.
    """
    rows = np.asarray(indices, dtype=np.int64)
    starts = table.offsets[rows]
    lengths = table.offsets[rows + 1] - starts
    columns = np.arange(max(width, int(lengths.max(initial=1))))
    mask = columns < lengths[:, None]
    # Positions behind a text read some other text's ids, which the mask then replaces.
    positions = np.minimum(starts[:, None] + columns, len(table.ids) - 1)
    ids = np.where(mask, table.ids[positions], np.int64(pad_id))
    if table.prompt:
        mask = np.where(mask & (columns < table.prompt), np.int8(PROMPT), mask.astype(np.int8))
    return torch.from_numpy(ids), torch.from_numpy(mask)


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Returns a tensor of the processor on a device, without waiting for what an accelerator still has to do."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _stand_in(tokenizer: PreTrainedTokenizerBase) -> int:
    """Returns what stands for an empty text where the tokenizer adds no special tokens."""
    for token in (nothing_id(tokenizer), tokenizer.eos_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id):
        if token is not None:
            return int(token)
    raise UserError("An empty text has no token in a tokenizer without special tokens: remove empty texts.")
