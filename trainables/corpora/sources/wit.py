"""WIT as in IGLUE: images of Wikipedia with their captions, in 11 languages, each with images of its own.

A caption searches the images of its language and an image the captions of its language. Languages are not parallel:
each has its own images (some are in several, with other captions), so that there is no pool of all languages and no
rank distance.
"""

from trainables.corpora.hub import published_at
from trainables.corpora.image_text import both_directions
from trainables.corpora.image_text_tables import CaptionSplits
from trainables.corpora.sources.xflickrco import IGLUE

PUBLISHED = CaptionSplits(
    repository="mteb/wit",
    revision="91ac153f1371a98b209ed763205e25e115ecd06e",
    id_column="image_id",
    caption_column="captions",
    images={
        "ar": 792, "bg": 806, "da": 814, "el": 541, "en": 685, "et": 780, "id": 854, "ja": 842, "ko": 889, "tr": 681,
        "vi": 869,
    },
    # One caption in Greek and one in Indonesian are a no-break space: images without a caption, which only stand in
    # the pool.
    captions={
        "ar": 890, "bg": 860, "da": 891, "el": 569, "en": 1000, "et": 874, "id": 900, "ja": 1000, "ko": 931, "tr": 721,
        "vi": 946,
    },
    same_images=False,
)  # fmt: skip

REFERENCE = """@inproceedings{srinivasan2021wit,
  author    = {Krishna Srinivasan and Karthik Raman and Jiecao Chen and Michael Bendersky and Marc Najork},
  title     = {{WIT}: Wikipedia-based Image Text Dataset for Multimodal Multilingual Machine Learning},
  booktitle = {Proceedings of SIGIR},
  year      = {2021}
}"""

BENCHMARKS, COLLECTION = both_directions(
    "wit",
    PUBLISHED.load,
    languages=tuple(PUBLISHED.images),
    description="8,553 images and 9,582 captions of Wikipedia in 11 languages, not parallel: each has its own images",
    licence="CC-BY-SA-4.0",
    origin=published_at(PUBLISHED.repository, PUBLISHED.revision),
    references=(REFERENCE, IGLUE),
)
