from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.trainables.corpora.pictures import picture
from trainables.corpora.benchmark import IMAGE, Benchmark, Candidate, Query, benchmark
from trainables.corpora.images import FileImages
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
        f"pictures has images, and the encoder {ENCODER.name} reads text only: leave out that benchmark, or choose an "
        "encoder of images and texts."
    )


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
