"""Texts to embeddings for evaluation."""

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from trainables.corpora.texts import digest_of, first_equal
from trainables.encoders.model import Encoder
from trainables.encoders.tokens import TokenTable, moved, pad
from trainables.evaluation.embedding_file import SHARD, EmbeddingFile
from trainables.watch import Watch, unwatched

Precision = Literal["float32", "bfloat16"]

_CPU_BATCH_TOKENS = 4_096
_BATCH_TOKENS = 32_768
"""A processor is fastest while a batch stays in its cache, an accelerator when it is full."""


MANY_TEXTS = 2 * SHARD
"""From so many texts on embeddings lie in a file: a run that is killed would lose more than one shard."""


def encode(
    encoder: Encoder,
    table: TokenTable,
    *,
    pad_id: int,
    device: torch.device | str,
    batch_tokens: int | None = None,
    precision: Precision = "float32",
    scratch: Path | None = None,
    watch: Watch = unwatched,
) -> npt.NDArray[np.float32]:
    """Returns the embeddings of all texts of `table`, float32 [n, d], in the table's order.

    Equal rows are computed once, so equal texts have exactly equal embeddings (and tie exactly in a ranking). A batch
    holds texts of like length. The encoder is in evaluation mode meanwhile and afterwards in the mode it was in.

    Args:
        encoder: on `device`.
        table: the texts.
        pad_id: token id of the padding.
        device: where to compute.
        batch_tokens: most tokens of a batch, padding included, but one text at least; None: what suits the device.
        precision: what the encoder computes in.
        scratch: folder for embeddings of `MANY_TEXTS` or more, which are then memory-mapped; those that a killed run
            has left there, of the same texts by the same weights, are not computed again. None: all in memory.
        watch: shows how far it is.
    """
    kind = torch.device(device).type
    most = batch_tokens or (_CPU_BATCH_TOKENS if kind == "cpu" else _BATCH_TOKENS)
    first = _first_equal(table)
    training = encoder.training
    encoder.eval()
    try:
        with (
            torch.inference_mode(),
            torch.autocast(kind, dtype=getattr(torch, precision), enabled=precision != "float32"),
        ):

            def encoded(texts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
                return _encode(encoder, table, texts, pad_id, device, most, watch)

            if scratch is None or len(table) < MANY_TEXTS:
                distinct, row = np.unique(first, return_inverse=True)
                return encoded(distinct)[row]
            content = f"{_digest(encoder)} {table.digest()} {pad_id} {kind} {most} {precision}"
            file = EmbeddingFile(scratch, content, len(table), encoder.dimension)
            for texts in file.missing():
                part = first[texts.start : texts.stop]
                new, row = np.unique(part[part >= texts.start], return_inverse=True)
                shard = file.embeddings[part]
                shard[part >= texts.start] = encoded(new)[row]
                file.write(texts, shard)
            return file.embeddings
    finally:
        encoder.train(training)


def _encode(
    encoder: Encoder,
    table: TokenTable,
    texts: npt.NDArray[np.int64],
    pad_id: int,
    device: torch.device | str,
    most: int,
    watch: Watch,
) -> npt.NDArray[np.float32]:
    """The embeddings of some texts, in batches of like length."""
    lengths = table.lengths[texts]
    # Longest first: the first text of a batch is its width, and memory runs out at once or never.
    order = np.argsort(-lengths, kind="stable")
    batches = list(_batches(lengths[order], most))
    device = torch.device(device)
    # Fetched at the end, so that an accelerator never waits for the next batch.
    found = torch.empty((len(texts), encoder.dimension), device=device)
    for batch in watch(batches, f"encoding {len(texts):,} of {len(table):,} texts: batch", len(batches)):
        ids, mask = pad(table, texts[order[batch]], pad_id)
        found[batch] = encoder(moved(ids, device), moved(mask, device))
    embeddings = np.empty(found.shape, dtype=np.float32)
    embeddings[order] = found.cpu().numpy()
    return embeddings


def _batches(lengths: npt.NDArray[np.int64], most: int) -> Iterator[slice]:
    """Runs of texts whose lengths descend, each of at most so many tokens, padding included, or of one text."""
    start = 0
    while start < len(lengths):
        stop = min(len(lengths), start + max(1, most // int(lengths[start])))
        yield slice(start, stop)
        start = stop


def _first_equal(table: TokenTable) -> npt.NDArray[np.int64]:
    """[n], for every text the first one with the same ids."""
    digests = bytearray()
    for start, end in pairwise(table.offsets):
        digests += digest_of(table.ids[start:end].tobytes())
    return first_equal(np.frombuffer(digests, np.uint64).reshape(-1, 2)).astype(np.int64)


def _digest(encoder: Encoder) -> str:
    """sha256 of the weights."""
    digest = hashlib.sha256()
    for name, weights in encoder.state_dict().items():
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
