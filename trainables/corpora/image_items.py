"""Images in training items: a text of one sign stands for an image, so that items of images are items like others.

An item is an image with its captions: the captions are its queries, the image is its passage, in each of the languages
that it has a caption in. A monolingual batch then holds captions of one language with their images. In a cross-lingual
one the language of each caption is drawn on its own, so that a caption and an image choose among images and captions
of other languages.
"""

from collections.abc import Iterable, Sequence

from trainables.corpora.image_text import ImageTexts
from trainables.corpora.images import Images
from trainables.corpora.items import PairItem

_SIGN = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Unicode's own sign for something in a text that is no text; the sha256 of the image follows."""
_LENGTH = 1 + 64


def image_text(digest: str) -> str:
    """What stands for the image of a sha256 among texts."""
    return _SIGN + digest


def image_digest(text: str) -> str | None:
    """The sha256 of the image that a text stands for; None for any other text."""
    return text[1:] if len(text) == _LENGTH and text.startswith(_SIGN) else None


def image_items(of: ImageTexts) -> list[PairItem]:
    """Returns an item per image, and one more where a language has a second caption, and so on.

    Captions of one number are one item. Those of one image are a group, and so are equal images.
    """
    texts = [image_text(digest) for digest in of.images.digests()]
    captions: dict[tuple[str, int], dict[str, str]] = {}
    for key, caption in zip(of.caption_ids, of.captions, strict=True):
        captions.setdefault((key, caption.image), {})[caption.language] = caption.text
    return [
        PairItem(key, of.image_ids[image], by_language, dict.fromkeys(by_language, texts[image]))
        for (key, image), by_language in captions.items()
    ]


def images_by_digest(sets: Iterable[Images], wanted: Sequence[str]) -> list[bytes]:
    """The images of some sha256, in their order. Raises KeyError for one that no set has."""
    missing = set(wanted)
    found: dict[str, bytes] = {}
    for images in sets:
        for number, digest in enumerate(images.digests()):
            if digest in missing:
                found[digest] = images[number]
    return [found[digest] for digest in wanted]
