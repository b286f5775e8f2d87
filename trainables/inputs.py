"""What the trials of a study share: tokenised once by the driver, then read by every trial from shared memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerBase

from trainables.array_cache import ArrayCache
from trainables.corpora.benchmark import Benchmark
from trainables.corpora.image_items import image_digest, image_text
from trainables.corpora.images import Images
from trainables.corpora.pairs import TrainingData
from trainables.corpora.texts import Texts
from trainables.encoders.base import EncoderConfig
from trainables.encoders.pixels import Pixels, PixelTable, pixel_table
from trainables.encoders.tokenizer import of_passages
from trainables.encoders.tokens import TokenTable, tokenise
from trainables.errors import UserError
from trainables.evaluation.tie_rule import TieRule
from trainables.watch import Watch, unwatched

_AT_A_TIME = 2**24
"""Ids that are looked at together."""


@dataclass(frozen=True, eq=False)
class TokenisedBenchmark:
    """A benchmark without its texts, and their token ids."""

    benchmark: Benchmark
    queries: TokenTable
    candidates: TokenTable


@dataclass(frozen=True, eq=False)
class TokenisedTexts:
    """All texts of a study as token ids of one tokenizer. The texts themselves are left out: Ray shares arrays between
    trials without a copy."""

    tokenizer: PreTrainedTokenizerBase
    """Of queries, which knows that of passages (`of_passages`)."""
    queries: TokenTable
    """Of those `TrainingData.texts` that are queries; the others have no ids."""
    passages: TokenTable
    """Likewise of those that are passages, explicit negatives among them."""
    dev: TokenisedBenchmark
    tests: tuple[TokenisedBenchmark, ...]
    pixels: Pixels | None = None
    """[n, height, width, channels], of all images, for an encoder that reads them: its ids -1 to -n."""

    @property
    def tables(self) -> tuple[TokenTable, ...]:
        """All token ids."""
        benchmarks = (self.dev, *self.tests)
        return self.queries, self.passages, *(table for one in benchmarks for table in (one.queries, one.candidates))

    def pieces(self) -> npt.NDArray[np.int64]:
        """The ids that any text uses, ascending, and that of the padding."""
        largest = max(int(table.ids.max(initial=0)) for table in self.tables)
        is_used = np.zeros(max(largest + 1, len(self.tokenizer)), dtype=np.bool_)
        is_used[self.tokenizer.pad_token_id] = True
        for table in self.tables:
            # Those of large pools are on disk.
            for start in range(0, len(table.ids), _AT_A_TIME):
                ids = table.ids[start : start + _AT_A_TIME]
                is_used[ids[ids >= 0]] = True
        return np.flatnonzero(is_used)


@dataclass(frozen=True)
class EvaluationRules:
    """How every encoder of a study is judged, on the dev set and on the benchmarks."""

    measures: tuple[str, ...] = ()
    """What is computed beside the default measures."""
    ties: TieRule = "pessimistic"
    """How equal scores rank."""
    bilingual: bool = False
    """Whether bilingual pools are searched, too."""
    collections: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Names of collections with those of their members, benchmarks or collections before them."""
    keep_runs: bool = False
    """Whether confirm runs keep what they retrieved, as run files, for which benchmarks keep the ids of candidates."""


@dataclass(frozen=True, eq=False)
class TrialInputs:
    """Everything that a trial reads."""

    data: TrainingData
    """Without its texts."""
    texts: TokenisedTexts
    rules: EvaluationRules = EvaluationRules()


@dataclass(frozen=True, eq=False)
class StudyInputs:
    """The inputs of all trials; encoders whose token ids are equal share them."""

    data: TrainingData
    by_token_key: Mapping[str, TokenisedTexts]
    """By `EncoderConfig.token_key`."""
    rules: EvaluationRules = EvaluationRules()

    def of(self, encoder: EncoderConfig) -> TrialInputs:
        """The inputs of the trials of an encoder."""
        return TrialInputs(self.data, self.by_token_key[encoder.token_key], self.rules)


TokenizerOf = Callable[[EncoderConfig, Sequence[str]], PreTrainedTokenizerBase]


def load_tokenizer(encoder: EncoderConfig, texts: Sequence[str]) -> PreTrainedTokenizerBase:
    """The tokenizer that an encoder trains with. Raises UserError if it does not load."""
    return encoder.tokenizer(texts)


def prepare_inputs(
    encoders: Iterable[EncoderConfig],
    data: TrainingData,
    dev: Benchmark,
    tests: Sequence[Benchmark],
    rules: EvaluationRules = EvaluationRules(),
    cache: ArrayCache | None = None,
    watch: Watch = unwatched,
    tokenizer_of: TokenizerOf = load_tokenizer,
) -> StudyInputs:
    """Loads or trains the tokenizers and tokenises every text once per tokenizer.

    A tokenizer that is trained sees the training text only.

    Args:
        encoders: all encoders of the study.
        data: the training data.
        dev: the dev set.
        tests: the benchmarks.
        rules: how every encoder is judged.
        cache: where token ids of many texts are kept.
        watch: shows how far it is.
        tokenizer_of: gives the tokenizer of an encoder, and the training texts.

    Raises:
        UserError: a tokenizer does not load, or a benchmark has images and an encoder does not read them.
    """
    encoders = tuple(encoders)
    _check_images(encoders, data, (dev, *tests))
    by_key = {encoder.token_key: encoder for encoder in encoders}
    return StudyInputs(
        replace(data, texts=Texts(), item_ids=(), images=()),
        {
            key: _tokenised(encoder, tokenizer_of, data, dev, tests, cache, rules.keep_runs, watch)
            for key, encoder in by_key.items()
        },
        rules,
    )


def _check_images(encoders: Iterable[EncoderConfig], data: TrainingData, benchmarks: Iterable[Benchmark]) -> None:
    """An image has no text, so that a text encoder would encode nothing, and give it a score all the same."""
    blind = next((encoder.name for encoder in encoders if not encoder.reads_images), None)
    with_images = next((one.name for one in benchmarks if one.has_images), "a training set" if data.images else None)
    if blind is not None and with_images is not None:
        raise UserError(
            f"{with_images} has images, and the encoder {blind} reads text only: leave it out, or choose an encoder of "
            "images and texts (docs/image_text.md)."
        )


def _tokenised(
    encoder: EncoderConfig,
    tokenizer_of: TokenizerOf,
    data: TrainingData,
    dev: Benchmark,
    tests: Sequence[Benchmark],
    cache: ArrayCache | None,
    keep_ids: bool,
    watch: Watch,
) -> TokenisedTexts:
    images = _pixels(encoder, (*data.images, *_images_of(dev, *tests)), cache, watch)
    is_text = np.array([image_digest(text) is None for text in data.texts]) if data.images else None
    tokenizer = tokenizer_of(encoder, data.texts if is_text is None else data.texts.take(is_text))

    def tokenised(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, prefix: str, max_length: int) -> TokenTable:
        digests = [image_digest(text) for text in texts] if images is not None else []
        if images is None or not any(digests):
            return tokenise(texts, tokenizer, prefix, max_length, cache, watch)
        rows = np.array([row for row, digest in enumerate(digests) if digest is None], dtype=np.int64)
        found = tokenise([texts[row] for row in rows], tokenizer, prefix, max_length, cache, watch)
        return found.among(rows, len(texts)).with_images(images.numbers(digests), images.tokens)

    def queries(texts: Sequence[str]) -> TokenTable:
        return tokenised(texts, tokenizer, encoder.query_prefix, encoder.max_query_length)

    def passages(texts: Sequence[str]) -> TokenTable:
        return tokenised(texts, of_passages(tokenizer), encoder.passage_prefix, encoder.max_passage_length)

    def benchmark(found: Benchmark) -> TokenisedBenchmark:
        return TokenisedBenchmark(
            replace(
                found,
                query_texts=Texts(),
                candidate_texts=Texts(),
                candidate_ids=found.candidate_ids if keep_ids else Texts(),
                query_images=None,
                candidate_images=None,
            ),
            queries(_texts(found.query_texts, found.query_images)),
            passages(_texts(found.candidate_texts, found.candidate_images)),
        )

    def training(role: Callable[[Sequence[str]], TokenTable], *uses: npt.NDArray[np.int32]) -> TokenTable:
        # What is only ever a query needs no ids as a passage.
        rows = np.unique(np.concatenate([use[use >= 0] for use in uses]))
        return role(data.texts.take(rows)).among(rows, len(data.texts))

    return TokenisedTexts(
        tokenizer,
        training(queries, data.query_text),
        training(passages, data.passage_text, data.negatives.text),
        benchmark(dev),
        tuple(benchmark(test) for test in tests),
        None if images is None else images.pixels,
    )


def _pixels(
    encoder: EncoderConfig, sets: Sequence[Images], cache: ArrayCache | None, watch: Watch
) -> PixelTable | None:
    return pixel_table(sets, encoder.image_reader(), cache, watch) if sets else None


def _images_of(*benchmarks: Benchmark) -> list[Images]:
    sides = [images for one in benchmarks for images in (one.query_images, one.candidate_images)]
    return [images for images in sides if images is not None]


def _texts(texts: Sequence[str], images: Images | None) -> Sequence[str]:
    """What stands for images among texts, where there are images."""
    return texts if images is None else [image_text(digest) for digest in images.digests()]
