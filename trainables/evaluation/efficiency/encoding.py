"""How fast texts are encoded, by batch size and length, with the same token ids for every encoder."""

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from trainables.encoders.tokens import TokenTable, moved, pad
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.records import CurvePoint, NumberRecord
from trainables.evaluation.efficiency.subject import Part, Subject


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
    found: dict[str, float] = {}
    with torch.inference_mode():
        for size, length, name in _shapes(subject.config):
            if length > longest or size * length > len(subject.candidate_tokens.ids):
                continue
            seconds = _seconds(subject, size, length)
            found[name.format("texts")] = size / seconds
            found[name.format("tokens")] = size * length / seconds
    return found, []


def _seconds(subject: Subject, size: int, length: int) -> float:
    """The median time of a batch, after one that does not count."""
    table = TokenTable(subject.candidate_tokens.ids, np.arange(size + 1) * length)
    ids, mask = pad(table, np.arange(size), subject.tokenizer.pad_token_id)
    times = []
    for _ in range(1 + subject.config.repetitions):
        started = time.perf_counter()
        subject.encoder(moved(ids, subject.device), moved(mask, subject.device)).cpu()
        times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))


PART = Part("encoding", numbers, measure)
