"""One measurement from start to end: what a confirm trial left, on a pinned machine. Whoever calls it says where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.held import HELD, held_embeddings, held_encoder
from trainables.evaluation.efficiency.machine import machine, pinned
from trainables.evaluation.efficiency.measure import measure
from trainables.evaluation.efficiency.records import MeasurementRecord
from trainables.evaluation.efficiency.subject import Subject, timed_queries
from trainables.inputs import TokenisedTexts
from trainables.records import TrialRecord, now
from trainables.storage import Folder


@dataclass(frozen=True)
class Job:
    """A measurement that is to be made; see `MeasurementRecord`."""

    id: str
    trial: TrialRecord
    order: int
    is_copy: bool
    place: int


QueryTexts = Mapping[str, Sequence[str]]
"""The texts of the queries that are timed, by benchmark."""


def texts_to_time(benchmarks: Sequence[Benchmark], config: EfficiencyConfig) -> QueryTexts:
    """Returns the texts of the queries that are timed."""
    return {
        one.name: [one.query_texts[query] for query in timed_queries(len(one.query_texts), config)]
        for one in benchmarks
    }


def run_measurement(
    job: Job,
    config: EfficiencyConfig,
    texts: TokenisedTexts,
    query_texts: QueryTexts,
    trial: Folder,
    *,
    device: torch.device,
    threads: int,
) -> MeasurementRecord:
    """Measures a trained encoder on every benchmark.

    Args:
        job: which one, and in which round.
        config: how.
        texts: token ids, those of the trial's encoder.
        query_texts: queries that are timed.
        trial: folder of the trial, which has left encoder and embeddings in it.
        device: where the encoder computes.
        threads: of the encoder; searches have one.

    Raises:
        FileNotFoundError: the trial has left nothing to measure.
    """
    started = now()
    prefix = job.trial.config.encoder.query_prefix
    with (trial / HELD).downloaded() as held, pinned(threads) as cores:
        before = machine(threads, cores)
        encoder = held_encoder(held, job.trial.config, texts.tokenizer).to(device).eval()
        found = {}
        for test in texts.tests:
            queries, candidates = held_embeddings(held, test.benchmark.name)
            found[test.benchmark.name] = measure(
                Subject(
                    encoder=encoder,
                    tokenizer=texts.tokenizer,
                    device=device,
                    benchmark=test.benchmark,
                    candidate_tokens=test.candidates,
                    query_texts=[prefix + text for text in query_texts[test.benchmark.name]],
                    queries=queries,
                    candidates=candidates,
                    config=config,
                    order=job.order,
                )
            )
        return MeasurementRecord(
            id=job.id,
            trial=job.trial.id,
            order=job.order,
            is_copy=job.is_copy,
            place=job.place,
            benchmarks=found,
            before=before,
            after=machine(threads, cores),
            device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            started=started,
            ended=now(),
        )
