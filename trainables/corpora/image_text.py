"""Benchmarks of images and their captions in several languages, in both directions.

Text to image: a caption searches the images; the one that it describes is relevant. Image to text: an image searches
the captions of one language, or those of all languages; all of its own are relevant. The two are benchmarks of their
own, `NAME-text-to-image` and `NAME-image-to-text`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.corpora.benchmark import IMAGE, Benchmark, Candidate, Query, benchmark
from trainables.corpora.images import Images
from trainables.corpora.retrieval.published import with_languages
from trainables.corpora.sources.base import BenchmarkSource, Collection

MEASURES = ("ndcg@10", "success@1", "success@5", "success@10", "recall@5")
"""What is reported of image-text retrieval, beside the default measures: its R@k is `success@k`."""


@dataclass(frozen=True)
class Caption:
    """A text that describes an image."""

    image: int
    """Index of the image."""
    language: str
    text: str


@dataclass(frozen=True, eq=False)
class ImageTexts:
    """n images and their captions."""

    image_ids: Sequence[str]
    """[n], each once within a language of images."""
    image_languages: Sequence[str]
    """[n], `IMAGE`; or the language of the collection that the image is from, where every language has its own images:
    then only the captions of that collection are searched, and nothing is parallel."""
    images: Images
    captions: Sequence[Caption]
    origin: str = ""
    """As `Benchmark.origin`."""

    @property
    def caption_ids(self) -> Iterator[str]:
        """Per caption the id of its image, with #2, #3, ... for the second, the third, ... of a language.

        Captions of one number in different languages count as parallel; whether they are translations is up to the set.
        """
        number: Counter[tuple[int, str]] = Counter()
        for caption in self.captions:
            number[caption.image, caption.language] += 1
            place = number[caption.image, caption.language]
            yield self.image_ids[caption.image] + (f"#{place}" if place > 1 else "")


def text_to_image(name: str, of: ImageTexts) -> Benchmark:
    """The benchmark in which every caption searches the images."""
    queries = [
        Query(key, c.language, c.text, group=of.image_ids[c.image])
        for key, c in zip(of.caption_ids, of.captions, strict=True)
    ]
    candidates = [
        Candidate(_in_language(image, language), language, "")
        for image, language in zip(of.image_ids, of.image_languages, strict=True)
    ]
    judgements = [[c.image] for c in of.captions]
    return benchmark(name, queries, candidates, judgements, origin=of.origin, candidate_images=of.images)


def image_to_text(name: str, of: ImageTexts) -> Benchmark:
    """The benchmark in which every image searches the captions; images without a caption are left out and counted."""
    candidates = [
        Candidate(_in_language(key, c.language), c.language, c.text)
        for key, c in zip(of.caption_ids, of.captions, strict=True)
    ]
    own: dict[int, list[int]] = {}
    for number, caption in enumerate(of.captions):
        own.setdefault(caption.image, []).append(number)
    described = sorted(own)
    return benchmark(
        name,
        [Query(of.image_ids[image], of.image_languages[image], "") for image in described],
        candidates,
        [own[image] for image in described],
        unjudged_queries=len(of.image_ids) - len(described),
        origin=of.origin,
        query_images=of.images.take(described),
    )


DIRECTIONS: Mapping[str, Callable[[str, ImageTexts], Benchmark]] = {
    "text-to-image": text_to_image,
    "image-to-text": image_to_text,
}
"""By what the names of benchmarks end in."""


def both_directions(
    name: str,
    load: Callable[[Sequence[str], Path | None], ImageTexts],
    *,
    languages: tuple[str, ...],
    description: str,
    licence: str,
    origin: str,
    non_commercial: bool = False,
    references: tuple[str, ...] = (),
    measures: tuple[str, ...] = MEASURES,
) -> tuple[tuple[BenchmarkSource, ...], Collection]:
    """Returns the two benchmarks of a set of images and captions, and the collection of both.

    Args:
        name: of the set; those of the benchmarks follow from it.
        load: (languages of captions, none for all; data folder or None) -> the set; raises UserError.
        languages: those that there are.
        description: as in `Source`, like the following ones.
        licence: likewise.
        origin: likewise.
        non_commercial: likewise.
        references: likewise.
        measures: likewise.
    """

    def source(direction: str) -> BenchmarkSource:
        full = f"{name}-{direction}"

        def benchmark_in(chosen: Sequence[str], data_dir: Path | None) -> Benchmark:
            return DIRECTIONS[direction](with_languages(full, chosen), load(chosen, data_dir))

        return BenchmarkSource(
            name=full,
            description=f"{description}, {direction.replace('-', ' ')}",
            licence=licence,
            origin=origin,
            non_commercial=non_commercial,
            references=references,
            measures=measures,
            load=lambda split, data_dir: benchmark_in((), data_dir),
            languages=languages,
            load_languages=benchmark_in,
        )

    sources = tuple(source(direction) for direction in DIRECTIONS)
    members = tuple(one.name for one in sources)
    return sources, Collection(name=name, description=description, members=members, shares_questions=True)


def _in_language(key: str, language: str) -> str:
    """The id of a candidate: images that belong to no language need none in their id."""
    return key if language == IMAGE else f"{language}:{key}"
