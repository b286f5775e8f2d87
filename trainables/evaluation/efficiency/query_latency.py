"""How long a query takes that comes alone: its text is tokenised, encoded, and searched for at equal recall."""

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from trainables.encoders.tokens import moved, pad, tokenise
from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.records import CurvePoint, NumberRecord
from trainables.evaluation.efficiency.records import Part as PartName
from trainables.evaluation.efficiency.subject import Part, Subject
from trainables.evaluation.efficiency.timing import medians

STEPS: Mapping[str, PartName] = {"tokenise": "encoder", "encode": "encoder", "search": "search", "total": "search"}
PERCENTILES = (50, 95, 99)


def numbers(config: EfficiencyConfig) -> Iterator[NumberRecord]:
    """Percentiles of every step."""
    for step, part in STEPS.items():
        for percentile in PERCENTILES:
            yield NumberRecord(
                name=f"query/{step}/p{percentile}",
                label=f"{'median' if percentile == 50 else f'{percentile}th percentile of the'} time "
                f"{'of a query' if step == 'total' else f'to {step} a query'}",
                part=part,
                unit="ms",
                is_timed=True,
                is_compared=percentile == 50 and step in ("encode", "total"),
            )


def measure(subject: Subject) -> tuple[Mapping[str, float], Sequence[CurvePoint]]:
    """Times single queries with an HNSW index at the least setting that reaches the recall of comparisons.

    Where none does there is no search at equal recall, and no total. Percentiles are over queries.
    """
    with torch.inference_mode():
        taken = medians(lambda: _times(subject), subject.config.repetitions)
    found: dict[str, float] = {}
    for step, values in taken.items():
        found |= {
            f"query/{step}/p{percentile}": float(np.percentile(values, percentile))
            for percentile in PERCENTILES
            if has_interval(percentile / 100, len(values))
        }
    return found, []


def has_interval(share: float, count: int) -> bool:
    """Whether so many values hold a finite 95 % interval for the quantile of a share, one of at least a half.

    The largest value is above the quantile with chance 1 - share^count, which must be .975.
    """
    return bool(share**count <= 0.025)


def _times(subject: Subject) -> dict[str, FloatArray]:
    """Milliseconds of every query by step; without search and total where the recall is not reached."""
    config = subject.config
    needed = subject.hnsw_tradeoff.needed(config.recall)
    index = subject.hnsw.to_time()
    rows = []
    # The first one does not count.
    for text in (*subject.query_texts[:1], *subject.query_texts):
        marks = [time.perf_counter()]
        table = tokenise([text], subject.tokenizer, "", subject.encoder.config.max_query_length)
        marks.append(time.perf_counter())
        ids, mask = pad(table, [0], subject.tokenizer.pad_token_id)
        vector = subject.encoder(moved(ids, subject.device), moved(mask, subject.device)).cpu().numpy()
        marks.append(time.perf_counter())
        if needed is not None:
            index.search(vector, config.neighbours, needed.setting)
            marks.append(time.perf_counter())
        rows.append(np.diff(marks))
    milliseconds: FloatArray = 1000 * np.array(rows[1:])
    *steps, total = STEPS
    found = dict(zip(steps, milliseconds.T, strict=False))
    if needed is not None:
        found[total] = milliseconds.sum(axis=1)
    return found


PART = Part("query latency", numbers, measure)
