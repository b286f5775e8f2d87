from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.trainables.corpora.pictures import picture
from trainables.corpora.benchmark import IMAGE, Benchmark, Candidate, Query, benchmark
from trainables.corpora.image_text import Caption, ImageTexts, image_to_text, text_to_image
from trainables.corpora.images import FileImages
from trainables.corpora.languages import language_code
from trainables.evaluation.evaluate import available_metrics, evaluate
from trainables.evaluation.metric_name import MetricName

CAPTIONS = [
    Caption(0, "de", "Ein Hund"),
    Caption(0, "de", "Ein Tier"),
    Caption(0, "en", "A dog"),
    Caption(1, "de", "Ein Haus"),
    Caption(1, "en", "A house"),
]
"""Of three images, the last without a caption."""


def images_in(folder: Path, numbers: Sequence[int]) -> FileImages:
    paths = tuple(folder / f"{number}.png" for number in numbers)
    for number, path in zip(numbers, paths, strict=True):
        path.write_bytes(picture(number))
    return FileImages(paths)


@pytest.fixture
def parallel(tmp_path: Path) -> ImageTexts:
    return ImageTexts(["x", "y", "z"], [IMAGE] * 3, images_in(tmp_path, [0, 1, 2]), CAPTIONS)


@pytest.fixture
def apart(tmp_path: Path) -> ImageTexts:
    """The same image x in two languages, with captions of its own in each."""
    captions = [Caption(0, "de", "Ein Hund"), Caption(1, "de", "Ein Haus"), Caption(2, "en", "A dog")]
    return ImageTexts(["x", "y", "x"], ["de", "de", "en"], images_in(tmp_path, [0, 1, 0]), captions)


def relevant(built: Benchmark, query: int) -> list[str]:
    return [built.candidate_ids[c] for c in built.relevant[slice(*built.relevant_start[query : query + 2])]]


def names(built: Benchmark) -> set[str]:
    return {str(name) for name in available_metrics(built, measures=["success@1"])}


def test_a_caption_searches_all_images_and_finds_its_own(parallel: ImageTexts) -> None:
    built = text_to_image("toy", parallel)
    assert built.query_texts == ("Ein Hund", "Ein Tier", "A dog", "Ein Haus", "A house")
    assert built.candidate_ids == ("x", "y", "z")
    assert [relevant(built, query) for query in range(5)] == [["x"], ["x"], ["x"], ["y"], ["y"]]
    assert built.languages == ("de", "en", IMAGE)
    assert built.candidate_images is not None
    assert list(built.candidate_images) == [picture(0), picture(1), picture(2)]
    assert built.query_images is None
    assert built.has_images


def test_captions_of_one_image_are_no_independent_evidence(parallel: ImageTexts, apart: ImageTexts) -> None:
    built = text_to_image("toy", parallel)
    assert built.query_group is not None
    assert [built.groups[group] for group in built.query_group] == ["x", "x", "x", "y", "y"]
    rows = evaluate(built, np.eye(5, 3, dtype=np.float32), np.eye(3, dtype=np.float32)).per_query
    assert rows is not None
    assert {row["parallel_id"]: row["group"] for row in rows.to_pylist()} == {"x": "x", "x#2": "x", "y": "y"}
    assert text_to_image("toy", apart).query_group is None, "one caption each: every question stands for itself"


def test_an_image_searches_captions_and_finds_all_of_its_own(parallel: ImageTexts) -> None:
    built = image_to_text("toy", parallel)
    assert built.candidate_ids == ("de:x", "de:x#2", "en:x", "de:y", "en:y")
    assert [relevant(built, query) for query in range(2)] == [["de:x", "de:x#2", "en:x"], ["de:y", "en:y"]]
    assert built.query_texts == ("", "")
    assert built.query_images is not None
    assert list(built.query_images) == [picture(0), picture(1)]


def test_an_image_that_nobody_described_stays_in_the_pool_and_asks_nothing(parallel: ImageTexts) -> None:
    assert len(text_to_image("toy", parallel).candidate_ids) == 3
    assert image_to_text("toy", parallel).unjudged_queries == 1


def test_every_caption_is_a_query_of_its_own_and_the_first_ones_are_parallel(parallel: ImageTexts) -> None:
    built = text_to_image("toy", parallel)
    asked = zip(built.query_parallel, built.query_language, strict=True)
    keys = [(built.parallel_ids[parallel_id], built.languages[language]) for parallel_id, language in asked]
    assert keys == [("x", "de"), ("x#2", "de"), ("x", "en"), ("y", "de"), ("y", "en")]


def test_an_image_is_of_no_language_that_somebody_may_write() -> None:
    with pytest.raises(ValueError, match="no code of a language"):
        language_code(IMAGE)


def test_from_texts_to_images_there_is_no_setting_but_the_cross_lingual_one(parallel: ImageTexts) -> None:
    found = names(text_to_image("toy", parallel))
    cells = {f"toy/cross-lingual/success@1{end}" for end in ("", ":micro", "/de", "/de-image", "/en", "/en-image")}
    assert {name for name in found if "success@1" in name} == cells
    assert {name.split("/")[1] for name in found} == {"cross-lingual", "ties"}


def test_from_images_to_texts_a_language_is_searched_or_all_of_them(parallel: ImageTexts) -> None:
    found = names(image_to_text("toy", parallel))
    assert {name for name in found if "success@1" in name} == {
        *(f"toy/cross-lingual/success@1{end}" for end in ("", ":micro", "/image", "/image-de", "/image-en")),
        *(f"toy/multilingual/success@1{end}" for end in ("", ":micro", "/image")),
    }


def test_what_compares_with_the_language_of_the_query_has_no_value_for_images(parallel: ImageTexts) -> None:
    built = image_to_text("toy", parallel)
    bias = {MetricName.parse(name, built.languages) for name in names(built) if "/bias/" in name}
    assert {name.measure for name in bias} == {
        "rank_distance", "rank_distance_median", "rank_distance_log", "relevant_language_map", "ties",
    }  # fmt: skip
    matrix = {(n.query_language, n.pool_language) for n in bias if n.measure == "relevant_language_map"}
    assert matrix == {(IMAGE, "de"), (IMAGE, "en")}
    found = evaluate(built, np.eye(2, 3, dtype=np.float32), np.ones((5, 3), dtype=np.float32))
    assert {str(name) for name in available_metrics(built)} == set(found.metrics)
    assert found.per_query is not None
    assert set(found.per_query["same_language_share@10"].to_pylist()) == {None}
    assert (
        None
        not in found.per_query.filter(
            [setting == "multilingual" for setting in found.per_query["setting"].to_pylist()]
        )["rank_distance"].to_pylist()
    )


def test_texts_beside_images_keep_their_share(tmp_path: Path) -> None:
    """The mean over query languages is one over texts: images ask in none."""
    queries = [Query("1", "de", "?"), Query("1", IMAGE, "")]
    candidates = [Candidate("1", "de", "!"), Candidate("2", "en", "!"), Candidate("3", "en", "!")]
    built = benchmark("toy", queries, candidates, [[0, 1], [0, 1]], query_images=images_in(tmp_path, [0, 1]))
    vectors = np.eye(3, dtype=np.float32)
    found = evaluate(built, vectors[:2], vectors).metrics
    assert (
        found["toy/bias/same_language_pool_share"] == found["toy/bias/same_language_share@10"] == pytest.approx(1 / 3)
    )


@pytest.mark.parametrize("direction", [text_to_image, image_to_text])
def test_images_of_a_language_meet_captions_of_that_language_only(direction, apart: ImageTexts) -> None:
    built = direction("toy", apart)
    assert built.languages == ("de", "en")
    assert len(built.query_texts) == len(built.candidate_ids) == 3
    assert {name.split("/")[1] for name in names(built)} == {"monolingual", "ties"}
    assert [relevant(built, query) for query in range(3)] == [["de:x"], ["de:y"], ["en:x"]]


def test_results_about_other_images_are_not_compared(parallel: ImageTexts, tmp_path: Path) -> None:
    same = ImageTexts(parallel.image_ids, parallel.image_languages, images_in(tmp_path, [0, 1, 2]), CAPTIONS)
    other = ImageTexts(parallel.image_ids, parallel.image_languages, images_in(tmp_path, [0, 1, 3]), CAPTIONS)
    assert text_to_image("toy", same).fingerprint == text_to_image("toy", parallel).fingerprint
    assert text_to_image("toy", other).fingerprint != text_to_image("toy", parallel).fingerprint
    # Who has no caption asks nothing.
    assert image_to_text("toy", other).fingerprint == image_to_text("toy", parallel).fingerprint


def test_images_of_queries_are_not_images_of_candidates(tmp_path: Path) -> None:
    images = images_in(tmp_path, [0])
    parts = [Query("1", "de", "")], [Candidate("1", "de", "")], [[0]]
    as_queries = benchmark("toy", *parts, query_images=images)
    as_candidates = benchmark("toy", *parts, candidate_images=images)
    assert len({one.fingerprint for one in (as_queries, as_candidates, benchmark("toy", *parts))}) == 3


def test_there_is_one_image_for_each(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="toy has 1 candidates and 2 images of them"):
        benchmark("toy", [Query("1", "de", "?")], [Candidate("1", IMAGE, "")], [[0]],
                  candidate_images=images_in(tmp_path, [0, 1]))  # fmt: skip
