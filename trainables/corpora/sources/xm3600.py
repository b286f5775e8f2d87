"""Crossmodal-3600: photographs from all over the world, with captions written in 36 languages.

Captions of one image are independent of each other: parallel in what they describe, and not translations.
"""

from trainables.corpora.hub import published_at
from trainables.corpora.image_text import both_directions
from trainables.corpora.image_text_tables import CaptionSplits

CAPTIONS = {
    "ar": 7367, "bn": 3600, "cs": 7207, "da": 7264, "de": 8643, "el": 7204, "en": 7200, "es": 8614, "fa": 7245,
    "fi": 7127, "fil": 7109, "fr": 8562, "he": 7200, "hi": 8503, "hr": 7280, "hu": 7216, "id": 7126, "it": 8471,
    "ja": 7185, "ko": 7650, "mi": 4732, "nl": 8059, "no": 7213, "pl": 7141, "pt": 7243, "quz": 7200, "ro": 7123,
    "ru": 7200, "sv": 7273, "sw": 7046, "te": 7200, "th": 7200, "tr": 7233, "uk": 7215, "vi": 7350, "zh": 7174,
}  # fmt: skip
"""261,375 in all."""

PUBLISHED = CaptionSplits(
    repository="mteb/xm3600",
    revision="536cd45bbfe53de9b08c0483bb4a76a4bd3673fa",
    id_column="image_id",
    caption_column="captions",
    images=dict.fromkeys(CAPTIONS, 3600),
    captions=CAPTIONS,
    same_images=True,
)

REFERENCE = """@inproceedings{thapliyal2022crossmodal,
  author    = {Ashish V. Thapliyal and Jordi Pont-Tuset and Xi Chen and Radu Soricut},
  title     = {{Crossmodal-3600}: A Massively Multilingual Multimodal Evaluation Dataset},
  booktitle = {Proceedings of EMNLP},
  year      = {2022}
}"""

BENCHMARKS, COLLECTION = both_directions(
    "xm3600",
    PUBLISHED.load,
    languages=tuple(CAPTIONS),
    description="Crossmodal-3600: 3,600 images and 261,375 captions in 36 languages",
    licence="CC-BY-4.0",
    origin=published_at(PUBLISHED.repository, PUBLISHED.revision),
    references=(REFERENCE,),
)
