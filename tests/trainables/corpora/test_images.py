import io
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.trainables.corpora.pictures import picture, write_parquet
from trainables.corpora.images import FileImages, Images, ParquetImages
from trainables.errors import UserError

PICTURES = [picture(number) for number in range(7)]


def in_files(folder: Path, pictures: list[bytes]) -> FileImages:
    paths = tuple(folder / f"{number}.png" for number in range(len(pictures)))
    for path, content in zip(paths, pictures, strict=True):
        path.write_bytes(content)
    return FileImages(paths)


def in_parquet(folder: Path, pictures: list[bytes]) -> ParquetImages:
    """Two files; the second has groups of two rows."""
    write_parquet(folder / "a.parquet", pictures[:2])
    write_parquet(folder / "b.parquet", pictures[2:], row_group_size=2)
    return ParquetImages.of([folder / "a.parquet", folder / "b.parquet"])


STORED = pytest.mark.parametrize("stored", [in_files, in_parquet])
Stored = Callable[[Path, list[bytes]], Images]


@STORED
def test_images_are_those_of_the_files_in_any_order_and_part(stored: Stored, tmp_path: Path) -> None:
    images = stored(tmp_path, PICTURES)
    assert len(images) == 7
    assert list(images) == PICTURES
    assert images[-1] == PICTURES[-1]
    assert list(images[1:6:2]) == PICTURES[1:6:2]
    assert list(images.take([5, 0, 5])) == [PICTURES[5], PICTURES[0], PICTURES[5]]
    with pytest.raises(IndexError):
        images[7]


@STORED
def test_what_is_handed_to_other_processes_holds_no_image(stored: Stored, tmp_path: Path) -> None:
    large = [picture(number, size=(300, 300), noise=True) for number in range(7)]
    images = stored(tmp_path, large)
    assert images[3] == large[3]
    sent = pickle.dumps(images)
    assert len(sent) < 3_000 < len(large[0])
    assert list(pickle.loads(sent)) == large  # noqa: S301


def test_the_same_image_has_the_same_digest_however_it_is_stored(tmp_path: Path) -> None:
    other = [*PICTURES[:-1], picture(99)]
    assert in_files(tmp_path, PICTURES).digests() == in_parquet(tmp_path, PICTURES).digests()
    assert in_files(tmp_path, PICTURES).digests()[:-1] == in_files(tmp_path, other).digests()[:-1]
    assert in_files(tmp_path, PICTURES).digests()[-1] != in_files(tmp_path, other).digests()[-1]


def png_of_size(width: int, height: int) -> bytes:
    """A whole PNG file of a few bytes that says that it unpacks to so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


JPEG = picture(1, "JPEG", size=(200, 150), noise=True)

DEFECTS = {
    "is empty": b"",
    "is none of PNG, JPEG, WEBP, GIF, BMP": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "cannot be decoded (image file is truncated": JPEG[: len(JPEG) // 2],
    "cannot be decoded": PICTURES[0][:60],
    "unpacks to 9000 x 8000 pixels, and more than 64,000,000 are not read": png_of_size(9000, 8000),
    "decompression bomb": png_of_size(60_000, 60_000),
}


@pytest.mark.parametrize("said", DEFECTS)
@STORED
def test_an_image_that_cannot_be_used_is_told_with_its_place(stored: Stored, said: str, tmp_path: Path) -> None:
    images = stored(tmp_path, [*PICTURES[:4], DEFECTS[said], *PICTURES[4:]])
    place = {FileImages: "4.png", ParquetImages: "b.parquet, row 3"}[type(images)]
    with pytest.raises(UserError) as refused:
        images.check()
    assert f"{place}: the image " in str(refused.value)
    assert said in str(refused.value)
    assert str(refused.value).endswith(": take the original file, or leave it out.")


def test_an_image_that_lacks_its_last_bytes_is_no_whole_image(tmp_path: Path) -> None:
    progressive = io.BytesIO()
    Image.open(io.BytesIO(JPEG)).save(progressive, "JPEG", progressive=True)
    for content in (JPEG, progressive.getvalue(), picture(1, "PNG", size=(200, 150), noise=True)):
        in_files(tmp_path, [content]).check()
        with pytest.raises(UserError, match="cannot be decoded"):
            in_files(tmp_path, [content[: len(content) * 9 // 10]]).check()


def test_ordinary_images_pass(tmp_path: Path) -> None:
    contents = [picture(1, kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")]
    for mode in ("L", "CMYK"):
        contents.append(picture(1, "JPEG", mode=mode))
    for mode in ("1", "LA", "P", "RGBA"):
        contents.append(picture(1, "PNG", mode=mode))
    in_files(tmp_path, contents).check()


def test_an_image_beside_the_table_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"image": [{"bytes": PICTURES[0], "path": "a.png"}, {"bytes": None, "path": "/a.png"}]}), path
    )
    with pytest.raises(UserError, match=r"a\.parquet, row 2: the image has no bytes: put them into the file"):
        ParquetImages.of([path]).check()


@pytest.mark.parametrize(
    "column",
    [
        {"image": ["a.png"]},
        {"image": [b"png"]},
        {"image": [{"path": "a.png"}]},
        {"picture": [{"bytes": b"", "path": ""}]},
    ],
)
def test_a_table_without_images_is_told(column: dict[str, list[object]], tmp_path: Path) -> None:
    pq.write_table(pa.table(column), tmp_path / "a.parquet")
    with pytest.raises(
        UserError, match=r"a\.parquet: the images must be a column 'image' of structs with bytes and path"
    ):
        ParquetImages.of([tmp_path / "a.parquet"])


def test_a_broken_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UserError, match=r"a\.parquet is no whole Parquet file \(.*\): copy it again\."):
        ParquetImages.of([path])
    write_parquet(path, [picture(1, size=(300, 300), noise=True)])
    images = ParquetImages.of([path])
    content = bytearray(path.read_bytes())
    content[4:2000] = np.random.default_rng(0).bytes(1996)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.parquet"):
        images.check()


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    images = in_files(tmp_path, PICTURES)
    images.paths[2].unlink()
    with pytest.raises(
        UserError, match=r"The image .*2\.png cannot be read \(No such file or directory\): put it there"
    ):
        images.check()
