"""Multi30k: photographs of Flickr30k with an English caption and its translations into German, French and Czech."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.corpora.hub import hub_files, published_at
from trainables.corpora.image_text import ImageTexts, both_directions
from trainables.corpora.image_text_tables import captions_in_columns, check_count
from trainables.corpora.retrieval.configs import split_paths
from trainables.errors import UserError

LANGUAGES = ("cs", "de", "en", "fr")


@dataclass(frozen=True)
class Multi30k:
    """The test split, a column per language; images are known by their row, for they have no id."""

    images: int = 1000
    repository: str = "romrawinjp/multi30k"
    revision: str = "110e827dac7d6aabe6201d13bbdbc7413630390d"

    def load(self, languages: Sequence[str], data_dir: Path | None) -> ImageTexts:
        """Loads captions in some languages, or all for none, and their images.

        Raises UserError for files that are missing, broken, or not the published ones.
        """
        files = hub_files(self.repository, self.revision, data_dir)
        paths = split_paths(files, "default", "test")
        if paths is None:
            raise UserError(
                f"{files.origin} has no test split (data/test-00000-of-00001.parquet): fetch the whole set."
            )
        columns = {language: language for language in languages or LANGUAGES}
        found = captions_in_columns(paths, columns, None, files.origin)
        check_count(files.origin, "images", len(found.image_ids), self.images)
        for language in languages or LANGUAGES:
            number = sum(caption.language == language for caption in found.captions)
            check_count(files.origin, f"captions in {language}", number, self.images)
        found.images.check()
        return found


REFERENCES = (
    """@inproceedings{elliott2016multi30k,
  author    = {Desmond Elliott and Stella Frank and Khalil Sima'an and Lucia Specia},
  title     = {{Multi30K}: Multilingual {E}nglish-{G}erman Image Descriptions},
  booktitle = {Proceedings of the 5th Workshop on Vision and Language},
  year      = {2016}
}""",
    """@inproceedings{barrault2018findings,
  author    = {Lo{\\"i}c Barrault and Fethi Bougares and Lucia Specia and Chiraag Lala and others},
  title     = {Findings of the Third Shared Task on Multimodal Machine Translation},
  booktitle = {Proceedings of the Third Conference on Machine Translation},
  year      = {2018}
}""",
)

BENCHMARKS, COLLECTION = both_directions(
    "multi30k",
    Multi30k().load,
    languages=LANGUAGES,
    description="1,000 test images of Flickr30k with a caption in each of 4 languages",
    licence="MIT",
    origin=published_at(Multi30k.repository, Multi30k.revision),
    references=REFERENCES,
)
