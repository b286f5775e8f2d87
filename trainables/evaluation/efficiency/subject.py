"""What is measured: a trained encoder with a benchmark and its embeddings, and what all parts share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from trainables.corpora.benchmark import Benchmark
from trainables.encoders.model import Encoder
from trainables.encoders.tokens import TokenTable
from trainables.evaluation.arrays import IntArray, ScoreArray
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.indexes import FLAT, HNSW, Index
from trainables.evaluation.efficiency.recall import Neighbours, Tradeoff
from trainables.evaluation.efficiency.records import CurvePoint, NumberRecord


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained encoder and a benchmark, in one round of measurements.

    Raises ValueError where embeddings do not fit the benchmark.
    """

    encoder: Encoder
    """In evaluation mode, on `device`."""
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    benchmark: Benchmark
    candidate_tokens: TokenTable
    query_texts: Sequence[str]
    """Queries that are timed, with their prefix."""
    queries: ScoreArray
    """[Q, d], in the order of the benchmark."""
    candidates: ScoreArray
    """[C, d], likewise."""
    config: EfficiencyConfig
    order: int
    """Which of the orders of insertion it is; what does not depend on one is measured in the first, 0."""

    def __post_init__(self) -> None:
        expected = len(self.benchmark.query_language), len(self.benchmark.candidate_language)
        if (len(self.queries), len(self.candidates)) != expected:
            raise ValueError(f"the embeddings are not those of the texts of {self.benchmark.name}")

    @cached_property
    def searched(self) -> IntArray:
        """The queries that are searched, the same for every encoder."""
        return sample(len(self.queries), self.config.queries)

    @cached_property
    def timed(self) -> ScoreArray:
        """The embeddings of the queries that are timed."""
        return np.ascontiguousarray(self.queries[timed_queries(len(self.queries), self.config)])

    @cached_property
    def neighbours(self) -> Neighbours:
        """The searched queries and their exact neighbours among all candidates."""
        return self.neighbours_among(self.searched, np.arange(len(self.candidates)))

    def neighbours_among(self, queries: IntArray, pool: IntArray) -> Neighbours:
        """Some queries and their exact neighbours among some candidates."""
        candidates = np.ascontiguousarray(self.candidates[pool])
        exact = Index(FLAT, candidates, np.arange(len(pool)), self.config)
        return Neighbours(np.ascontiguousarray(self.queries[queries]), candidates, exact, self.config.neighbours)

    def insertion(self, count: int) -> IntArray:
        """The order in which so many candidates are inserted: random, the same for every encoder."""
        return np.random.Generator(np.random.Philox(self.order)).permutation(count)

    @cached_property
    def hnsw(self) -> Index:
        """The index of all candidates that a query is timed with."""
        return Index(HNSW, self.candidates, self.insertion(len(self.candidates)), self.config)

    @cached_property
    def hnsw_tradeoff(self) -> Tradeoff:
        """What recall costs in it."""
        return Tradeoff(self.hnsw, self.neighbours)


@dataclass(frozen=True)
class Part:
    """One kind of measurement: which numbers there are, and how they are measured.

    measure: returns numbers by name, those that exist, and points of curves.
    """

    name: str
    numbers: Callable[[EfficiencyConfig], Iterable[NumberRecord]]
    measure: Callable[[Subject], tuple[Mapping[str, float], Sequence[CurvePoint]]]


def sample(count: int, most: int) -> IntArray:
    """Returns at most `most` of `count` numbers, ascending; always the same ones."""
    chosen = np.random.Generator(np.random.Philox(0)).permutation(count)[:most]
    return np.sort(chosen)


def timed_queries(count: int, config: EfficiencyConfig) -> IntArray:
    """Returns which of the queries of a benchmark are timed one by one: some of those that are searched."""
    searched = sample(count, config.queries)
    return searched[sample(len(searched), config.timed_queries)]
