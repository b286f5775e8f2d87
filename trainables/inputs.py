"""What all trials of a study share: tokenised once by the driver, then read by every trial from shared memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerBase

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.pairs import TrainingData
from trainables.encoders.config import EncoderConfig
from trainables.encoders.tokenizer import load_tokenizer, train_tokenizer
from trainables.encoders.tokens import TokenTable, tokenise


@dataclass(frozen=True, eq=False)
class TokenisedBenchmark:
    """A benchmark without its texts, and their token ids."""

    benchmark: Benchmark
    queries: TokenTable
    candidates: TokenTable


@dataclass(frozen=True, eq=False)
class TrialInputs:
    """Everything that a trial reads. Texts are left out: Ray shares the arrays between trials without a copy."""

    encoder: EncoderConfig
    tokenizer: PreTrainedTokenizerBase
    data: TrainingData
    queries: TokenTable
    """Token ids of `data.texts` as queries."""
    passages: TokenTable
    """Token ids of `data.texts` as passages."""
    dev: TokenisedBenchmark
    tests: tuple[TokenisedBenchmark, ...]
    measures: tuple[str, ...] = ()
    """What every evaluation computes beside the default measures."""


def prepare_inputs(
    encoder: EncoderConfig,
    data: TrainingData,
    dev: Benchmark,
    tests: Sequence[Benchmark],
    measures: tuple[str, ...] = (),
) -> TrialInputs:
    """Loads or trains the tokenizer and tokenises every text once; a mini encoder's sees the training text only."""
    if encoder.is_mini:
        tokenizer: PreTrainedTokenizerBase = train_tokenizer(data.texts, encoder.vocabulary or 0)
    else:
        tokenizer = load_tokenizer(encoder)

    def queries(texts: Sequence[str]) -> TokenTable:
        return tokenise(texts, tokenizer, encoder.query_prefix, encoder.max_query_length)

    def passages(texts: Sequence[str]) -> TokenTable:
        return tokenise(texts, tokenizer, encoder.passage_prefix, encoder.max_passage_length)

    def tokenised(benchmark: Benchmark) -> TokenisedBenchmark:
        return TokenisedBenchmark(
            replace(benchmark, query_texts=(), candidate_texts=(), candidate_ids=()),
            queries(benchmark.query_texts),
            passages(benchmark.candidate_texts),
        )

    return TrialInputs(
        encoder=encoder,
        tokenizer=tokenizer,
        data=replace(data, texts=(), item_ids=()),
        queries=queries(data.texts),
        passages=passages(data.texts),
        dev=tokenised(dev),
        tests=tuple(tokenised(benchmark) for benchmark in tests),
        measures=measures,
    )
