from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from tests.trainables.corpora.pictures import picture
from trainables.array_cache import ArrayCache
from trainables.corpora.benchmark import IMAGE, Benchmark, Candidate, Query, benchmark
from trainables.corpora.image_items import image_items
from trainables.corpora.image_text import Caption, ImageTexts, image_to_text, text_to_image
from trainables.corpora.images import FileImages, HeldImages, decoded
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import EMBEDDED, load_benchmark
from trainables.corpora.training_sets import load_training
from trainables.encoders.registry import resolve_encoder
from trainables.errors import UserError
from trainables.inputs import StudyInputs, prepare_inputs

ENCODER = resolve_encoder("mini-xs")


def prepared(tests: Iterable[Benchmark]) -> StudyInputs:
    data = training_data({EMBEDDED: load_training([EMBEDDED])[EMBEDDED][:50]})
    return prepare_inputs([ENCODER], data, load_benchmark(EMBEDDED, "dev"), list(tests))


@pytest.mark.parametrize("asks", [True, False])
def test_an_encoder_of_texts_is_not_judged_by_images(asks: bool, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(0))
    images = FileImages((tmp_path / "a.png",))
    sides = ("image", "de") if asks else ("de", IMAGE)
    given = {"query_images": images} if asks else {"candidate_images": images}
    pictures = benchmark("pictures", [Query("1", sides[0], "")], [Candidate("1", sides[1], "")], [[0]], **given)
    with pytest.raises(UserError) as refused:
        prepared([load_benchmark(EMBEDDED, "test"), pictures])
    assert str(refused.value) == (
        f"pictures has images, and the encoder {ENCODER.name} reads text only: leave it out, or choose an encoder of "
        "images and texts (docs/image_text.md)."
    )


def test_an_encoder_of_texts_is_not_trained_on_images() -> None:
    images = HeldImages((picture(0),), "toy")
    items = image_items(ImageTexts(["1"], [IMAGE], images, [Caption(0, "de", "Hund"), Caption(0, "en", "dog")]))
    data = training_data({"toy": items}, [images])
    with pytest.raises(UserError, match="a training set has images, and the encoder mini-xs reads text only"):
        prepare_inputs([ENCODER], data, load_benchmark(EMBEDDED, "dev"), [])


def test_images_get_ids_of_their_own_and_every_image_once(tmp_path: Path) -> None:
    images = HeldImages((picture(0), picture(1), picture(0)), "toy")
    captions = [Caption(image, language, f"{language} {image} Hund") for image in range(3) for language in ("de", "en")]
    texts = ImageTexts(["a", "b", "c"], [IMAGE] * 3, images, captions)
    data = training_data({"toy": image_items(texts)}, [images])
    # Equal images are one group, whatever they are called.
    assert data.group_of_item.tolist() == [0, 1, 0]
    other = HeldImages((picture(1), picture(2)), "more")
    judged = ImageTexts(["d", "e"], [IMAGE] * 2, other, [Caption(0, "de", "Katze"), Caption(1, "de", "Maus")])
    encoder = resolve_encoder("mini-image-xs")
    cache = ArrayCache(tmp_path)
    study = prepare_inputs([encoder], data, image_to_text("dev", judged), [text_to_image("test", judged)], cache=cache)
    found = study.of(encoder).texts
    assert found.pixels is not None
    assert found.pixels.shape == (3, 64, 64, 3)
    assert found.pixels[:, 0, 0].tolist() == [list(decoded(picture(n)).getpixel((0, 0))) for n in range(3)]
    assert study.data.images == ()
    assert found.dev.benchmark.query_images is None
    # A picture of 64 x 64 in patches of 8 x 8, and the first token.
    assert set(found.dev.queries.ids.tolist()) == {-2, -3}
    assert found.dev.queries.lengths.tolist() == [65, 65]
    assert found.tests[0].candidates.digest() == found.dev.queries.digest()
    assert (found.dev.candidates.ids >= 0).all()
    assert (found.queries.ids >= 0).all()
    assert sorted(found.passages.lengths[found.passages.lengths > 0].tolist()) == [65, 65]
    assert found.pieces().min() >= 0
    # No sign of an image among the pieces.
    assert not any("\ufffc" in piece for piece in found.tokenizer.get_vocab())
    again = prepare_inputs([encoder], data, image_to_text("dev", judged), [], cache=cache).of(encoder).texts
    np.testing.assert_array_equal(again.pixels, found.pixels)


def test_texts_are_tokenised_and_left_out(tmp_path: Path) -> None:
    test = load_benchmark(EMBEDDED, "test")
    (found,) = prepared([test]).of(ENCODER).texts.tests
    assert len(found.queries) == len(test.query_texts)
    assert found.benchmark.query_texts == found.benchmark.candidate_texts == ()


def test_a_text_has_ids_in_the_roles_that_it_has() -> None:
    items = [
        PairItem("1", "1", {"de": "Was?"}, {"de": "Das."}, {"de": ("Jenes.", "Warum?")}),
        PairItem("2", "2", {"de": "Warum?"}, {"de": "Darum."}),
    ]
    data = training_data({"toy": items})
    texts = prepare_inputs([ENCODER], data, load_benchmark(EMBEDDED, "dev"), []).of(ENCODER).texts
    for table, has_role in (
        (texts.queries, ("Was?", "Warum?")),
        (texts.passages, ("Das.", "Darum.", "Jenes.", "Warum?")),
    ):
        assert len(table) == len(data.texts)
        for number, text in enumerate(data.texts):
            ids = table.ids[table.offsets[number] : table.offsets[number + 1]].tolist()
            expected = texts.tokenizer(text)["input_ids"]
            assert ids == (expected if text in has_role else [])


def test_pieces_are_the_ids_of_all_texts_and_the_padding() -> None:
    texts = prepared([load_benchmark(EMBEDDED, "test")]).of(ENCODER).texts
    every = {int(piece) for table in texts.tables for piece in table.ids} | {texts.tokenizer.pad_token_id}
    assert len(texts.tables) == 6
    assert texts.pieces().tolist() == sorted(every)
    assert len(every) < len(texts.tokenizer)
