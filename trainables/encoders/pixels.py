"""Images as arrays of pixels: decoded, scaled and cut once per study, then read by every trial from shared memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from trainables.array_cache import ArrayCache
from trainables.corpora.images import Images, decoded
from trainables.corpora.pairs import fingerprint
from trainables.watch import Watch, unwatched

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]

_CHUNK = 64


class ImageReader(Protocol):
    """How an encoder wants images."""

    @property
    def key(self) -> str:
        """Equal keys mean equal pixels for every image."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""

    @property
    def tokens(self) -> int:
        """The positions that a transformer reads an image as."""

    def read(self, image: "Image") -> Pixels:
        """The pixels [height, width, channels] of an image in red, green and blue."""


@dataclass(frozen=True, eq=False)
class PixelTable:
    """The n different images of a study."""

    pixels: Pixels
    """[n, height, width, channels]; may be read-only (shared memory)."""
    number: dict[str, int]
    """By the sha256 of an image its row."""
    tokens: int
    """The positions that a transformer reads an image as."""

    def numbers(self, digests: Iterable[str | None]) -> npt.NDArray[np.int64]:
        """The rows of some images, -1 for none."""
        return np.array([-1 if one is None else self.number[one] for one in digests], dtype=np.int64)


def pixel_table(
    sets: Sequence[Images], reader: ImageReader, cache: ArrayCache | None = None, watch: Watch = unwatched
) -> PixelTable:
    """Returns the pixels of all images of some sets, each once.

    Args:
        sets: whose images can be decoded.
        reader: of the encoder.
        cache: where pixels are kept on disk, by the content of the images and the reader, and mapped from there.
        watch: shows how far it is.
    """
    number: dict[str, int] = {}
    places: list[tuple[Images, int]] = []
    for images in sets:
        for place, digest in enumerate(images.digests()):
            if number.setdefault(digest, len(number)) == len(places):
                places.append((images, place))
    parts = _parts(watch(places, "reading images", len(places)), reader)
    if cache is None:
        flat: npt.NDArray[Any] = np.concatenate([np.zeros(0, np.uint8), *parts])
    else:
        content = f"pixels {reader.key} {fingerprint([tuple(number)], [])}"
        flat = cache.arrays(content, lambda: {"pixels": parts})["pixels"]
    return PixelTable(flat.reshape(len(number), *reader.shape), number, reader.tokens)


def _parts(places: Iterable[tuple[Images, int]], reader: ImageReader) -> Iterator[Pixels]:
    """The pixels of all images one after the other, some images at a time."""
    held: list[Pixels] = []
    for images, place in places:
        held.append(reader.read(decoded(images[place])).reshape(-1))
        if len(held) == _CHUNK:
            yield np.concatenate(held)
            held.clear()
    if held:
        yield np.concatenate(held)
