"""docs/image_text.md names the sets as the registry has them, and its example runs."""

import re
from pathlib import Path

from tests.docs.pages import DOCS
from tests.trainables.corpora.pictures import picture, write_parquet
from trainables.corpora.image_text import DIRECTIONS
from trainables.corpora.sources.registry import BENCHMARKS, load_benchmark

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


def test_a_folder_as_the_page_describes_it_is_a_benchmark_in_both_directions(tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    columns = {"image_id": ["a", "b"], "caption_de": ["Katze", "Hund"], "caption_en": ["cat", None]}
    write_parquet(folder / "test.parquet", [picture(0), picture(1)], columns)
    page = (DOCS / PAGE).read_text(encoding="utf-8")
    for direction, sizes in (("text-to-image", (3, 2)), ("image-to-text", (2, 3))):
        assert f"my_images:{direction}" in page
        built = load_benchmark(f"{folder}:{direction}", "test")
        assert (built.name, len(built.query_texts), len(built.candidate_ids)) == (f"pets-{direction}", *sizes)
