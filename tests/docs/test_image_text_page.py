"""docs/image_text.md names the sets as the registry has them, and its example runs."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from tests.trainables.corpora.pictures import picture, write_parquet
from trainables.corpora.image_text import DIRECTIONS
from trainables.corpora.sources.registry import BENCHMARKS

PAGE = "image_text.md"


def test_the_page_lists_the_sets_with_images() -> None:
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [\d,]+ \| ([\d,]+).*? \| (\d+) \| (.+?) \|", text, flags=re.MULTILINE)
    sets = {name.removesuffix("-text-to-image") for name in BENCHMARKS if name.endswith("-text-to-image")}
    assert {name for name, *_ in rows} == sets
    for name, _, languages, licence in rows:
        source = BENCHMARKS[f"{name}-image-to-text"]
        assert len(source.languages) == int(languages)
        assert source.non_commercial == ("non-commercial" in licence)


def test_every_set_is_asked_for_in_both_directions() -> None:
    for direction in DIRECTIONS:
        assert f"xm3600-{direction}" in BENCHMARKS


def test_the_example_of_the_page_describes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pets"
    columns = {"image_id": ["a", "b"], "caption_de": ["Katze", "Hund"], "caption_en": ["cat", None]}
    write_parquet(folder / "test.parquet", [picture(0), picture(1)], columns)
    (example,) = blocks(PAGE, "python")
    exec(f"{example}\ndescribe(folder)", {"folder": folder})
    assert capsys.readouterr().out.splitlines() == [
        "pets-text-to-image: 3 queries, 2 candidates",
        "pets-image-to-text: 2 queries, 3 candidates",
    ]
