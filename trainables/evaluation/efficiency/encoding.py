"""How fast texts are encoded, by batch size and length, with the same token ids for every encoder."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch

from trainables.encoders.tokens import TokenTable, moved, pad
from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.records import CurvePoint, NumberRecord
from trainables.evaluation.efficiency.subject import Part, Subject
from trainables.evaluation.efficiency.timing import medians

Batch: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Token ids and mask, [texts, tokens]."""


def _shapes(config: EfficiencyConfig) -> Iterator[tuple[int, int, str]]:
    for size in config.batch_sizes:
        for length in config.lengths:
            yield size, length, f"encode/{{}}/{size}x{length}"


def numbers(config: EfficiencyConfig) -> Iterator[NumberRecord]:
    """Texts and tokens per second."""
    last = list(_shapes(config))[-1]
    for size, length, name in _shapes(config):
        for unit in ("texts", "tokens"):
            yield NumberRecord(
                name=name.format(unit),
                label=f"{unit} encoded per second in batches of {size} x {length} tokens",
                part="encoder",
                unit=f"{unit}/s",
                direction="maximize",
                is_timed=True,
                is_compared=unit == "tokens" and (size, length) == last[:2],
            )


def measure(subject: Subject) -> tuple[Mapping[str, float], Sequence[CurvePoint]]:
    """Encodes batches of texts of one length, made of the tokens of the candidates."""
    longest = subject.encoder.config.max_passage_length
    batches = {
        (size, length, name): _batch(subject, size, length)
        for size, length, name in _shapes(subject.config)
        if length <= longest and size * length <= len(subject.candidate_tokens.ids)
    }

    def sweep() -> dict[str, FloatArray]:
        return {name: np.array(_seconds(subject, batch)) for (_, _, name), batch in batches.items()}

    with torch.inference_mode():
        # Does not count.
        sweep()
        seconds = medians(sweep, subject.config.repetitions)
    found: dict[str, float] = {}
    for size, length, name in batches:
        found[name.format("texts")] = size / float(seconds[name])
        found[name.format("tokens")] = size * length / float(seconds[name])
    return found, []


def _batch(subject: Subject, size: int, length: int) -> Batch:
    table = TokenTable(subject.candidate_tokens.ids, np.arange(size + 1) * length)
    return pad(table, np.arange(size), subject.tokenizer.pad_token_id)


def _seconds(subject: Subject, batch: Batch) -> float:
    ids, mask = batch
    started = time.perf_counter()
    subject.encoder(moved(ids, subject.device), moved(mask, subject.device)).cpu()
    return time.perf_counter() - started


PART = Part("encoding", numbers, measure)
