"""Small images, and tables of them as the hub has them."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

IMAGE_TYPE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def picture(
    number: int, kind: str = "PNG", *, size: tuple[int, int] = (8, 8), mode: str = "RGB", noise: bool = False
) -> bytes:
    """An encoded image; every number gives another one."""
    width, height = size
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if not noise:
        pixels[:] = pixels[0, 0]
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def image_column(pictures: Sequence[bytes]) -> pa.Array:
    """A column of structs whose path is null."""
    return pa.array([{"bytes": content, "path": None} for content in pictures], IMAGE_TYPE)


def write_parquet(
    path: Path, pictures: Sequence[bytes] | None, columns: Mapping[str, Any] | None = None, row_group_size: int = 100
) -> None:
    """Writes a table with a column `image` and others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = {} if pictures is None else {"image": image_column(pictures)}
    pq.write_table(pa.table({**(columns or {}), **images}), path, row_group_size=row_group_size)
