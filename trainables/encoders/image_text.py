"""An encoder of texts and images: two transformers, one space."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from typing_extensions import override

from trainables.encoders.base import EncoderConfig
from trainables.encoders.image_tower import ImageTower
from trainables.encoders.model import Encoder
from trainables.encoders.pixels import Pixels
from trainables.encoders.pooling import moved_to_the_front
from trainables.encoders.tokens import moved

_BLOCK = 64
"""Images that a frozen tower encodes together: always the same ones, so that a restart finds the same numbers."""


class ImageTextEncoder(Encoder):
    """Token ids, or ids of images, to unit vectors; their dot product is the cosine similarity.

    Args:
        transformer: of the texts.
        config: of the encoder.
        tower: of the images.
        layers: what follows the pooling of texts.
        frozen: whether the image side stays as it is.
    """

    def __init__(
        self,
        transformer: Any,
        config: EncoderConfig,
        tower: ImageTower,
        layers: Iterable[nn.Module] = (),
        *,
        frozen: bool = False,
    ) -> None:
        super().__init__(transformer, config, layers)
        self.tower = tower
        self._frozen = frozen
        if frozen:
            # A layer that was drawn has nothing to say before it is trained.
            tower.model.requires_grad_(False)
        self._pixels: Pixels = np.zeros((0, 0, 0, 0), dtype=np.uint8)
        self._known = torch.zeros(0)
        self._is_known = np.zeros(0, dtype=bool)

    def show(self, pixels: Pixels) -> None:
        """Gives the images that ids stand for, uint8 [n, height, width, channels]: the id -1 - i is image i."""
        self._pixels = pixels
        self._is_known = np.zeros(-(-len(pixels) // _BLOCK), dtype=bool)

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self._frozen:
            self.tower.model.eval()
        return self

    @override
    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:  # type: ignore[override]
        """As `Encoder.forward`; a row of negative ids is an image."""
        is_image = (input_ids < 0).any(1)
        images = torch.nonzero(is_image).flatten()
        if not len(images):
            return super().forward(input_ids, attention_mask)
        numbers = -1 - input_ids[images].amin(1)
        found = normalize(self._images(numbers)[:, : self.config.dimensions].float(), dim=-1)
        if len(images) == len(input_ids):
            return found
        texts = torch.nonzero(~is_image).flatten()
        ids, mask = moved_to_the_front(input_ids[texts], attention_mask[texts])
        # An image beside them may have more tokens than a text can.
        longest = int((mask > 0).sum(1).max())
        of_texts = super().forward(ids[:, :longest], mask[:, :longest])
        place = torch.argsort(torch.cat([texts, images]))
        return torch.cat([of_texts, found]).index_select(0, place)

    def _images(self, numbers: Tensor) -> Tensor:
        """Vectors [B, d] of some images, not scaled to length one."""
        rows = numbers.cpu().numpy()
        if not self._frozen:
            vectors: Tensor = self.tower(self._shown(rows, numbers.device))
            return vectors
        for block in np.unique(rows // _BLOCK):
            if not self._is_known[block]:
                self._encode_block(int(block), numbers.device)
        return self.tower.projected(self._known[numbers])

    # Numbers that are kept must be the same whoever asks first, in training or in an evaluation.
    @torch.inference_mode(False)
    @torch.no_grad()
    def _encode_block(self, block: int, device: torch.device) -> None:
        part = np.arange(block * _BLOCK, min((block + 1) * _BLOCK, len(self._pixels)))
        with torch.autocast(device.type, enabled=False):
            vectors = self.tower.vectors(self._shown(part, device))
        if not self._is_known.any():
            self._known = vectors.new_empty(len(self._pixels), vectors.shape[1])
        self._known[part[0] : part[-1] + 1] = vectors
        self._is_known[block] = True

    def _shown(self, rows: npt.NDArray[np.integer], device: torch.device) -> Tensor:
        return moved(torch.from_numpy(self._pixels[rows]), device)
