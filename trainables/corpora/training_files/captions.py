"""Captions of images: `image_id` and a list of `captions` in one language per file, as in Crossmodal-3600.

Captions of one image are written independently of each other. The first one of a language is the question, every
further one a passage: an image is an item in all languages in which it has two, and images are never looked at.
"""

from collections.abc import Iterable, Iterator

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.records import EVERYWHERE, Reading, Record, identifier, required, texts

_IMAGE = "image_id"
_CAPTIONS = "captions"


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for record in records:
        number = identifier(record, _IMAGE)
        language = reading.of(record).query
        found = texts(record.where, "captions", required(record, _CAPTIONS))
        if len(found) < 2:
            reading.notes["images with less than two captions in a language"] += 1
            continue
        asked, *told = found
        for place, one in enumerate(told, 1):
            own = number if place == 1 else f"{number}.{place}"
            yield Example(record.where, own, {language: asked}, {language: one}, group=number)


LAYOUT = RecordLayout(
    name="captions",
    description="captions of images, several per image and language (Crossmodal-3600)",
    fields="image_id, captions: [text, ...]",
    recognises=lambda fields: _IMAGE in fields and isinstance(fields.get(_CAPTIONS), list | tuple),
    examples=_examples,
    reads=lambda columns: [name for name in columns if name in (_IMAGE, _CAPTIONS, *EVERYWHERE)],
    joins=lambda fields: True,
)
