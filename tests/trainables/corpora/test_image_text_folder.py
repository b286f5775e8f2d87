from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import pytrec_eval

from tests.trainables.corpora.pictures import picture, write_parquet
from trainables.corpora.benchmark import IMAGE, Benchmark
from trainables.corpora.image_text_folder import image_text_benchmark, is_image_text_folder, load_image_texts
from trainables.errors import UserError
from trainables.evaluation.evaluate import Evaluation, evaluate

LANGUAGES = [
    "ar", "bg", "bn", "cs", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "id", "it", "ja", "ko", "nl",
    "pl", "pt", "ro", "ru", "sv", "sw", "ta", "th", "tr", "uk", "ur", "vi", "zh",
]  # fmt: skip

COLUMNS: Mapping[str, list[Any]] = {
    "image_id": ["cat", "dog"],
    "caption_de": ["Katze", "Hund"],
    "caption_zh_tw": [["貓", "貓咪"], None],
}


def written(folder: Path, columns: Mapping[str, list[Any]] = COLUMNS, name: str = "a.parquet") -> Path:
    write_parquet(folder / name, [picture(number) for number in range(len(columns["image_id"]))], columns)
    return folder


def test_captions_are_texts_lists_of_texts_or_missing(tmp_path: Path) -> None:
    found = load_image_texts(written(tmp_path))
    assert list(found.image_ids) == ["cat", "dog"]
    assert [(c.image, c.language, c.text) for c in found.captions] == [
        (0, "de", "Katze"), (0, "zh-Hant", "貓"), (0, "zh-Hant", "貓咪"), (1, "de", "Hund"),
    ]  # fmt: skip
    assert list(found.images) == [picture(0), picture(1)]


def test_a_caption_of_white_space_is_none(tmp_path: Path) -> None:
    columns = {**COLUMNS, "caption_de": ["\u00a0", "Hund"], "caption_zh_tw": [["", "貓"], [" "]]}
    found = load_image_texts(written(tmp_path, columns))
    assert [caption.text for caption in found.captions] == ["貓", "Hund"]


def test_other_columns_do_no_harm_and_several_files_are_one_set(tmp_path: Path) -> None:
    written(tmp_path, {**COLUMNS, "source": ["a", "b"]}, "set-00000-of-00002.parquet")
    written(tmp_path, {**COLUMNS, "image_id": [3, 4]}, "set-00001-of-00002.parquet")
    found = load_image_texts(tmp_path)
    assert list(found.image_ids) == ["cat", "dog", "3", "4"]
    assert found.images[2] == picture(0)


def test_of_several_splits_the_test_split_is_read(tmp_path: Path) -> None:
    written(tmp_path, name="test-00000-of-00001.parquet")
    written(tmp_path, {**COLUMNS, "image_id": ["x", "y"]}, "train-00000-of-00001.parquet")
    assert list(load_image_texts(tmp_path).image_ids) == ["cat", "dog"]


def test_a_benchmark_is_called_after_its_folder(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    assert image_text_benchmark(written(tmp_path / "pets"), "image-to-text").name == "pets-image-to-text"
    assert image_text_benchmark(tmp_path / "pets", "text-to-image", "mine").name == "mine"


def test_a_folder_of_images_and_captions_is_told_from_others(tmp_path: Path) -> None:
    for name, columns, images in (
        ("own", COLUMNS, True), ("no images", COLUMNS, False), ("no captions", {"image_id": ["a", "b"]}, True),
    ):  # fmt: skip
        write_parquet(tmp_path / name / "a.parquet", [picture(0), picture(1)] if images else None, columns)
        assert is_image_text_folder(tmp_path / name) == (name == "own")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/a.parquet").write_bytes(b"")
    assert not is_image_text_folder(tmp_path / "broken")
    assert not is_image_text_folder(tmp_path)
    assert not is_image_text_folder(tmp_path / "nothing")


WRONG: Mapping[str, dict[str, list[Any]]] = {
    "a.parquet, row 2: the image 'cat' is there already, at": {"image_id": ["cat", "cat"]},
    "a.parquet, row 2: the id is None": {"image_id": ["cat", None]},
    "a.parquet, row 2: caption_de is 3: give a text, a list of texts, or null": {"caption_de": [None, 3]},
    "a.parquet, row 1: caption_de is [3]: give a text, a list of texts, or null": {"caption_de": [[3], [4]]},
    "a.parquet, column caption_german: 'german' is no code of a language": {"caption_german": ["Katze", "Hund"]},
    "a.parquet has two columns of captions in 'de': keep one": {"caption_DE": ["Katze", "Hund"]},
    "no image has a caption: fill the columns caption_de, caption_zh_tw": {
        "caption_de": [None, " "], "caption_zh_tw": [[], None],
    },
}  # fmt: skip


@pytest.mark.parametrize("said", WRONG)
def test_a_wrong_table_is_told_with_its_place(said: str, tmp_path: Path) -> None:
    written(tmp_path, {**COLUMNS, **WRONG[said]})
    with pytest.raises(UserError) as refused:
        load_image_texts(tmp_path)
    assert said in str(refused.value)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no Parquet file: give a folder with files of images and captions"):
        load_image_texts(tmp_path)
    write_parquet(tmp_path / "a.parquet", [picture(0)], {"caption_de": ["Katze"]})
    with pytest.raises(UserError, match="there is no column image_id"):
        load_image_texts(tmp_path)
    write_parquet(tmp_path / "a.parquet", [picture(0)], {"image_id": ["cat"]})
    with pytest.raises(
        UserError, match=r"has no column of captions: call those caption_en and the like \(it has image_id"
    ):
        load_image_texts(tmp_path)
    write_parquet(tmp_path / "a.parquet", None, {"image_id": ["cat"], "caption_de": ["Katze"]})
    with pytest.raises(UserError, match="the images must be a column 'image' of structs"):
        load_image_texts(tmp_path)


def test_files_of_one_set_have_the_same_captions(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, {"image_id": ["x"], "caption_de": ["Maus"]}, "b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet and a\.parquet do not both have a column 'caption_zh_tw'"):
        load_image_texts(tmp_path)


def test_an_image_that_cannot_be_decoded_is_told_before_anything_is_encoded(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [picture(0), picture(1)[:-12]], COLUMNS)
    with pytest.raises(UserError, match=r"a\.parquet, row 2: the image cannot be decoded"):
        load_image_texts(tmp_path)


# The real set: pictograms with their names in 31 languages.


@pytest.fixture(scope="module")
def emoji(shared_data: Path) -> Path:
    return shared_data / "emoji-captions"


def vectors(built: Benchmark) -> tuple[np.ndarray, np.ndarray]:
    """Fixed embeddings in which captions are near their images, those of some languages nearer, with ties."""
    draw = np.random.default_rng(7)
    images = draw.normal(size=(885, 16))
    noise = draw.normal(size=(885, 31, 16)) * np.linspace(0.6, 1.6, 31)[:, None]
    # By hand, not by what the benchmark says: the order of rows and of columns of the file.
    captions = (images[:, None] + noise).reshape(-1, 16)
    both = [np.round(16 * x / np.linalg.norm(x, axis=1)[:, None]).astype(np.float32) for x in (captions, images)]
    return (both[0], both[1]) if built.candidate_images is not None else (both[1], both[0])


def scored(emoji: Path, direction: str) -> tuple[Benchmark, Evaluation, np.ndarray]:
    built = image_text_benchmark(emoji, direction)
    queries, candidates = vectors(built)
    measures = ["success@1", "success@5", "success@10", "recall@1", "recall@5", "recall@10", "ndcg@10"]
    return built, evaluate(built, queries, candidates, measures=measures, ties="trec"), queries @ candidates.T


ASKED = 40
"""Queries of a cell that trec_eval is asked about; all of them would take it a minute."""

TREC = {
    "map": "map", "success@1": "success_1", "success@5": "success_5", "success@10": "success_10",
    "recall@1": "recall_1", "recall@5": "recall_5", "recall@10": "recall_10", "ndcg@10": "ndcg_cut_10",
}  # fmt: skip


def check_cell(found: Evaluation, cell: str, scores: np.ndarray, ids: list[str], relevant: list[list[str]]) -> None:
    """Asserts that the queries of a cell have trec_eval's values, and the cell their mean.

    Args:
        found: the evaluation.
        cell: `setting/query language[-pool language]`.
        scores: [queries, pool].
        ids: of the candidates of the pool.
        relevant: ids for each query.
    """
    setting, languages = cell.split("/")
    asked, pool = (*languages.split("-"), "*")[:2]
    assert found.per_query is not None
    of_cell = [
        row for row in found.per_query.to_pylist()
        if (row["setting"], row["query_language"], row["pool_language"]) == (setting, asked, pool)
    ]  # fmt: skip
    assert len(of_cell) == len(scores)
    run = {str(q): dict(zip(ids, row.tolist(), strict=True)) for q, row in enumerate(scores[:ASKED])}
    qrels = {q: dict.fromkeys(own, 1) for q, own in zip(run, relevant, strict=False)}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"map", "success_1,5,10", "recall_1,5,10", "ndcg_cut_10"}).evaluate(
        run
    )
    for ours, name in TREC.items():
        values = [row[ours] for row in of_cell]
        assert values[:ASKED] == pytest.approx([theirs[q][name] for q in run], abs=1e-6), (cell, ours)
        key = f"{found.per_query['benchmark'][0]}/{setting}/{ours}/{languages}"
        assert found.metrics[key] == pytest.approx(np.mean(values), abs=1e-6)


def test_the_pictograms_are_counted_right(emoji: Path) -> None:
    """Against the file itself, read by other code."""
    table = pq.read_table(emoji / "test.parquet").to_pydict()
    built = image_text_benchmark(emoji, "text-to-image")
    assert (len(built.query_texts), len(built.candidate_ids)) == (27_435, 885)
    assert built.languages == tuple(sorted([*LANGUAGES, IMAGE]))
    german = built.query_language == built.languages.index("de")
    assert [t for t, own in zip(built.query_texts, german, strict=True) if own] == table["caption_de"]
    assert list(built.candidate_ids) == table["image_id"]
    assert built.candidate_images is not None
    assert list(built.candidate_images) == [image["bytes"] for image in table["image"]]
    back = image_text_benchmark(emoji, "image-to-text")
    assert (len(back.query_texts), len(back.candidate_ids), back.unjudged_queries) == (885, 27_435, 0)
    assert np.diff(back.relevant_start).tolist() == [31] * 885


def test_captions_that_search_pictograms_score_as_trec_eval_says(emoji: Path) -> None:
    built, found, scores = scored(emoji, "text-to-image")
    for language in ("ar", "hi", "zh"):
        own = [[one] for one in built.candidate_ids]
        cell = f"cross-lingual/{language}-image"
        check_cell(found, cell, scores[LANGUAGES.index(language) :: 31], list(built.candidate_ids), own)
    mean = np.mean([found.metrics[f"{built.name}/cross-lingual/ndcg@10/{language}-image"] for language in LANGUAGES])
    assert found.headlines["cross-lingual/ndcg@10"] == pytest.approx(mean)


@pytest.mark.slow
def test_pictograms_that_search_captions_score_as_trec_eval_says(emoji: Path) -> None:
    _, found, scores = scored(emoji, "image-to-text")
    ids = pq.read_table(emoji / "test.parquet", columns=["image_id"])["image_id"].to_pylist()
    for language in ("ar", "hi", "zh"):
        own = [f"{language}:{one}" for one in ids]
        cell = f"cross-lingual/image-{language}"
        check_cell(found, cell, scores[:, LANGUAGES.index(language) :: 31], own, [[one] for one in own])
    everything = [f"{language}:{one}" for one in ids for language in LANGUAGES]
    relevant = [everything[31 * n : 31 * n + 31] for n in range(len(ids))]
    check_cell(found, "multilingual/image", scores, everything, relevant)


def test_the_bias_among_captions_is_that_of_brute_force(emoji: Path) -> None:
    built = image_text_benchmark(emoji, "image-to-text")
    queries, candidates = vectors(built)
    found = evaluate(built, queries, candidates).metrics
    scores = queries @ candidates.T
    distances, precisions, ties = [], np.zeros((885, 31)), 0
    for image, row in enumerate(scores):
        own = np.arange(31 * image, 31 * image + 31)
        others = np.sort(np.delete(row, own))
        # Others with at least this score come first: ties are pessimistic.
        before = len(others) - np.searchsorted(others, row[own], side="left")
        tied = np.searchsorted(others, row[own], side="right") - np.searchsorted(others, row[own], side="left")
        order = np.lexsort((own, -row[own]))
        rank = np.empty(31, dtype=np.int64)
        rank[order] = before[order] + 1 + np.arange(31)
        first = (rank - tied).min()
        distances.append(rank.max() - first)
        ties += int(tied.sum())
        # One relevant caption of a language is left, and no other relevant one in the pool.
        precisions[image] = 1 / (before + 1)
    assert found[f"{built.name}/bias/rank_distance"] == pytest.approx(np.mean(distances))
    assert found[f"{built.name}/bias/rank_distance_median"] == pytest.approx(np.median(distances))
    assert found[f"{built.name}/bias/ties"] == ties > 0
    for place, language in enumerate(LANGUAGES):
        name = f"{built.name}/bias/relevant_language_map/image-{language}"
        assert found[name] == pytest.approx(precisions[:, place].mean(), abs=1e-6), name
    # Captions of the first language are nearer to their images than those of the last one.
    assert (
        found[f"{built.name}/bias/relevant_language_map/image-ar"]
        > found[f"{built.name}/bias/relevant_language_map/image-zh"]
    )
