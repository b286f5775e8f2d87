from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.trainables.corpora.pictures import picture
from trainables.corpora.benchmark import IMAGE, Benchmark, Candidate, Query, benchmark
from trainables.corpora.images import FileImages
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
