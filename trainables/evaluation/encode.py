"""Texts to embeddings for evaluation."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from trainables.encoders.model import Encoder
from trainables.encoders.tokens import TokenTable, pad

Precision = Literal["float32", "bfloat16"]

_CPU_BATCH_TOKENS = 4_096
_BATCH_TOKENS = 32_768
"""A processor is fastest while a batch stays in its cache, an accelerator when it is full."""


def encode(
    encoder: Encoder,
    table: TokenTable,
    *,
    pad_id: int,
    device: torch.device | str,
    batch_tokens: int | None = None,
    precision: Precision = "float32",
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
    """
    distinct, row_of_text = _distinct(table)
    lengths = table.lengths[distinct]
    order = np.argsort(-lengths, kind="stable")
    embeddings = np.empty((len(distinct), encoder.dimension), dtype=np.float32)
    kind = torch.device(device).type
    most = batch_tokens or (_CPU_BATCH_TOKENS if kind == "cpu" else _BATCH_TOKENS)
    training = encoder.training
    encoder.eval()
    try:
        with (
            torch.inference_mode(),
            torch.autocast(kind, dtype=getattr(torch, precision), enabled=precision != "float32"),
        ):
            start = 0
            while start < len(order):
                # Longest first: the first text of a batch is its width, and memory runs out at once or never.
                rows = order[start : start + max(1, most // int(lengths[order[start]]))]
                ids, mask = pad(table, distinct[rows], pad_id)
                embeddings[rows] = encoder(ids.to(device), mask.to(device)).cpu().numpy()
                start += len(rows)
    finally:
        encoder.train(training)
    return embeddings[row_of_text]


def _distinct(table: TokenTable) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the first text of each distinct row of ids, and for every text the number of its row."""
    number: dict[bytes, int] = {}
    first: list[int] = []
    row_of_text = np.empty(len(table), dtype=np.int64)
    offsets = table.offsets.tolist()
    for text in range(len(table)):
        row = number.setdefault(table.ids[offsets[text] : offsets[text + 1]].tobytes(), len(number))
        if row == len(first):
            first.append(text)
        row_of_text[text] = row
    return np.array(first, dtype=np.int64), row_of_text
