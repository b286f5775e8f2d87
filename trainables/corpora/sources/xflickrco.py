"""XFlickr&CO of IGLUE: photographs of Flickr30k and COCO with one caption in each of 8 languages."""

from trainables.corpora.hub import published_at
from trainables.corpora.image_text import both_directions
from trainables.corpora.image_text_tables import CaptionSplits

LANGUAGES = ("de", "en", "es", "id", "ja", "ru", "tr", "zh")

PUBLISHED = CaptionSplits(
    repository="mteb/xflickrco",
    revision="4da629e05455d757306174cdc72f2edfe00b9027",
    id_column="id",
    caption_column="sentences",
    images=dict.fromkeys(LANGUAGES, 2000),
    captions=dict.fromkeys(LANGUAGES, 2000),
    same_images=True,
)

IGLUE = """@inproceedings{bugliarello2022iglue,
  author    = {Emanuele Bugliarello and Fangyu Liu and Jonas Pfeiffer and Siva Reddy and others},
  title     = {{IGLUE}: A Benchmark for Transfer Learning across Modalities, Tasks, and Languages},
  booktitle = {Proceedings of ICML},
  year      = {2022}
}"""

BENCHMARKS, COLLECTION = both_directions(
    "xflickrco",
    PUBLISHED.load,
    languages=LANGUAGES,
    description="2,000 images of Flickr30k and COCO with a caption in each of 8 languages",
    licence="CC-BY-4.0",
    origin=published_at(PUBLISHED.repository, PUBLISHED.revision),
    references=(IGLUE,),
)
