"""Texts to embeddings for evaluation."""

import hashlib
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
from trainables.parallel.parts import gathered, is_sharded
from trainables.parallel.worker import Worker, from_first, rows_on_first
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
    worker: Worker | None = None,
    batch_tokens: int | None = None,
    precision: Precision = "float32",
    scratch: Path | None = None,
    watch: Watch = unwatched,
) -> npt.NDArray[np.float32]:
    """Returns the embeddings of all texts of `table`, float32 [n, d], in the table's order.

    Equal rows are computed once, so equal texts have exactly equal embeddings (and tie exactly in a ranking). A batch
    holds texts of like length. Batches are dealt to the workers and do not depend on how many there are, and neither do
    the embeddings. The encoder is in evaluation mode meanwhile and afterwards in the mode it was in.

    Args:
        encoder: on the worker's device.
        table: the texts.
        pad_id: token id of the padding.
        worker: this process; every worker must call this, and the first one alone gets embeddings, the others [0, d].
            None: the only one, on the CPU.
        batch_tokens: most tokens of a batch, padding included, but one text at least; None: what suits the device.
        precision: what the encoder computes in.
        scratch: folder for embeddings of `MANY_TEXTS` or more, which are then memory-mapped; those that a killed run
            has left there, of the same texts by the same weights, are not computed again. None: all in memory.
        watch: shows how far it is.
    """
    worker = worker or Worker()
    kind = worker.device.type
    most = batch_tokens or (_CPU_BATCH_TOKENS if kind == "cpu" else _BATCH_TOKENS)
    first = _first_equal(table)
    training = encoder.training
    encoder.eval()
    try:
        with (
            # What is gathered in inference mode could not be trained with afterwards.
            torch.no_grad() if is_sharded(encoder) else torch.inference_mode(),
            torch.autocast(kind, dtype=getattr(torch, precision), enabled=precision != "float32"),
        ):

            def encoded(texts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
                return _encode(encoder, table, texts, pad_id, worker, most, watch)

            if scratch is None or len(table) < MANY_TEXTS:
                distinct, row = np.unique(first, return_inverse=True)
                found = encoded(distinct)
                return found[row] if worker.is_first else found
            content = f"{_digest(encoder)} {table.digest()} {pad_id} {kind} {most} {precision}"
            file = EmbeddingFile(scratch, content, len(table), encoder.dimension) if worker.is_first else None
            missing = [[texts.start, texts.stop] for texts in file.missing()] if file is not None else None
            for start, stop in from_first(missing, worker):
                part = first[start:stop]
                new, row = np.unique(part[part >= start], return_inverse=True)
                found = encoded(new)
                if file is not None:
                    shard = file.embeddings[part]
                    shard[part >= start] = found[row]
                    file.write(range(start, stop), shard)
            return np.empty((0, encoder.dimension), np.float32) if file is None else file.embeddings
    finally:
        encoder.train(training)


def _encode(
    encoder: Encoder,
    table: TokenTable,
    texts: npt.NDArray[np.int64],
    pad_id: int,
    worker: Worker,
    most: int,
    watch: Watch,
) -> npt.NDArray[np.float32]:
    """The embeddings of some texts, in batches of like length, on the first worker; [0, d] on the others."""
    lengths = table.lengths[texts]
    # Longest first: the first text of a batch is its width, and memory runs out at once or never.
    order = np.argsort(-lengths, kind="stable")
    batches = _batches(order, lengths, most)
    if not batches:
        return np.empty((0, encoder.dimension), dtype=np.float32)
    # Of every round each worker encodes one batch; in the last one, for which there may be too few, the last one again,
    # since workers that hold parts of one encoder must all encode something.
    rounds = [batches[start : start + worker.world] for start in range(0, len(batches), worker.world)]
    own = [part[min(worker.rank, len(part) - 1)] for part in rounds]
    sizes = [max(map(len, part)) for part in rounds]
    # Fetched at the end, so that an accelerator never waits for the next batch.
    found = torch.zeros((sum(sizes), encoder.dimension), device=worker.device)
    places = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    what = f"encoding {len(texts):,} of {len(table):,} texts: batch"
    for rows, place in watch(zip(own, places, strict=False), what, len(own)):
        ids, mask = pad(table, texts[rows], pad_id)
        found[place : place + len(rows)] = encoder(moved(ids, worker.device), moved(mask, worker.device))
    embeddings = np.empty((len(texts) if worker.is_first else 0, encoder.dimension), dtype=np.float32)
    for rank, part in enumerate(rows_on_first(found, worker)):
        rows_of_rank = part.cpu().numpy()
        for batch, place in zip(rounds, places, strict=False):
            if rank < len(batch):
                embeddings[batch[rank]] = rows_of_rank[place : place + len(batch[rank])]
    return embeddings


def _batches(order: npt.NDArray[np.int64], lengths: npt.NDArray[np.integer], most: int) -> list[npt.NDArray[np.int64]]:
    """Texts, the longest first, in batches of at most so many tokens: the first of a batch is its width."""
    # Memory runs out in the first batch or never.
    batches, start = [], 0
    while start < len(order):
        batches.append(order[start : start + max(1, most // int(lengths[order[start]]))])
        start += len(batches[-1])
    return batches


def _first_equal(table: TokenTable) -> npt.NDArray[np.int64]:
    """[n], for every text the first one with the same ids."""
    digests = bytearray()
    for start, end in pairwise(table.offsets):
        digests += digest_of(table.ids[start:end].tobytes())
    return first_equal(np.frombuffer(digests, np.uint64).reshape(-1, 2)).astype(np.int64)


def _digest(encoder: Encoder) -> str:
    """sha256 of the weights, however they lie on the workers."""
    digest = hashlib.sha256()
    for name, weights in encoder.state_dict().items():
        digest.update(name.encode())
        whole = gathered(weights).detach().cpu().contiguous()
        digest.update(whole.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
