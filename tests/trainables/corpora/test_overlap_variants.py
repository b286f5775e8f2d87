"""Text of a benchmark is recognised however it is written, in every language of XQuAD-R, and other text is not."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.overlap_guard import LEAST_FOUND, MOST_WRONG, boilerplate, every, foreign, rates
from trainables.corpora.items import PairItem
from trainables.corpora.overlap import find_overlap
from trainables.corpora.shingles import known_texts, overlapping
from trainables.corpora.sources.registry import load_benchmark

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
INVISIBLE: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "zero-width spaces": every(6, "\u200b"),
    "soft hyphens": every(5, "\u00ad"),
    "direction marks": lambda text: text.replace(" ", " \u200f"),
}


@pytest.mark.slow
def test_variants_are_found_and_texts_of_other_origin_are_not(shared_data: Path) -> None:
    others = foreign(shared_data)
    judged = {name: load_benchmark(name, "test", shared_data) for name in ("xquad-r", "mlqa-r")}
    found = rates(judged["xquad-r"], others)
    assert tuple(found) == LANGUAGES
    missed = {(language, name): share for language, row in found.items() for name, share in row.items()}
    assert {place: share for place, share in missed.items() if share < LEAST_FOUND} == {}
    for benchmark in judged.values():
        known = known_texts((*benchmark.query_texts, *benchmark.candidate_texts))
        for texts in (others, boilerplate()):
            assert overlapping(texts, {"known": known})["known"].mean() < MOST_WRONG


@pytest.mark.slow
@pytest.mark.parametrize("edit", INVISIBLE)
@pytest.mark.parametrize("language", ["en", "th", "zh", "ar"])
def test_every_paragraph_of_a_benchmark_is_dropped_whatever_nobody_sees_in_it(
    language: str, edit: str, shared_data: Path
) -> None:
    write = INVISIBLE[edit]
    with gzip.open(shared_data / "xquad-r" / f"{language}.json.gz", "rt", encoding="utf-8") as file:
        paragraphs = [paragraph for article in json.load(file)["data"] for paragraph in article["paragraphs"]]
    items = [
        PairItem(
            f"x{number}",
            f"x{number}",
            {language: f"own question {number * 7919}"},
            {language: write(paragraph["context"])},
        )
        for number, paragraph in enumerate(paragraphs)
    ]
    free = [
        PairItem(f"o{n}", f"o{n}", {language: f"free {n * 17}"}, {language: f"own text {n * 13}"}) for n in range(120)
    ]
    found = find_overlap({"s": [*items, *free]}, [load_benchmark("xquad-r", "test", shared_data)])
    assert len(paragraphs) == 240
    assert found.of_set("s") == {item.id for item in items}
