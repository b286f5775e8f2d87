"""The options of the image side of an encoder."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from trainables.encoders.hub_copy import local_copy
from trainables.errors import UserError
from trainables.home import with_home

FOLDER = "image"
"""Where the image side of an encoder that was kept lies in its folder."""
SETTINGS_FILE = "tower.json"
"""What there says of it that its other files have no place for: the pooling."""

ImagePooling = Literal["cls", "mean", "max"]
"""How the vectors of the patches of an image become one."""


class ImageConfig(BaseModel):
    """The image side of an encoder of texts."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tower: str = ""
    """encoder of images beside that of texts: a hub id or a folder with a ViT, a CLIP or a SigLIP; empty: none"""
    revision: str | None = None
    """commit, tag or branch of a hub repository"""
    pooling: ImagePooling = "cls"
    """of a ViT: the first token, or the mean or the largest values of its patches; CLIP and SigLIP have their own"""
    frozen: bool = False
    """train the encoder of texts alone; the vectors of images are then computed once per trial"""

    @field_validator("tower")
    @classmethod
    def _absolute(cls, tower: str) -> str:
        # Workers start in other folders, so the path must not be relative.
        path = with_home(tower)
        return str(path.absolute()) if tower and path.is_dir() else tower

    def or_else(self, source: str, revision: str | None) -> "ImageConfig":
        """The same with the tower of a checkpoint of both halves, where none is named."""
        return self if self.tower else self.model_copy(update={"tower": source, "revision": revision})

    def folder(self, *, weights: bool = False) -> Path:
        """Where the tower lies on this machine, its weights included where they are wanted.

        Raises UserError if it cannot be had.
        """
        path = Path(self.tower)
        if path.is_dir():
            if self.revision is not None:
                raise UserError(
                    f"encoder.image.revision is {self.revision!r}, but the tower {self.tower} is a folder, which has "
                    "one state: leave encoder.image.revision out, or give the hub id."
                )
            return path
        if path.is_absolute() or self.tower.count("/") != 1:
            raise UserError(f"There is no image tower {self.tower!r}: give a folder or a hub id.")
        return local_copy(self.tower, self.revision, weights=weights)
